"""Checks of the boot partition: it has all files that a board needs, and no installer's settings."""

import gzip
import re
import zlib

from edge.image.findings import ImageParts
from edge.image.programs import run_tool

BOARDS = ("bcm2837-rpi-3-b.dtb", "bcm2837-rpi-3-b-plus.dtb", "bcm2711-rpi-4-b.dtb")
FIRMWARE = ("bootcode.bin", "start.elf", "fixup.dat", "start4.elf", "fixup4.dat", "config.txt", "cmdline.txt")
FOR_INSTALLERS = ("readme.txt", "maskgate.toml.example")
_SETTINGS = (
    "maskgate.toml",
    "maskgate-report.txt",
    "maskgate-factory-reset",
    "credentials",
    "ssh",
    "userconf.txt",
    "wpa_supplicant.conf",
)
_ARM64_MAGIC = slice(56, 60)
_DTB_MAGIC = b"\xd0\x0d\xfe\xed"
_VERSION = re.compile(rb"Linux version (\S+) ")
_CPIO_END = b"TRAILER!!!"


def fat_is_clean(parts: ImageParts) -> list[str] | str:
    """Check the boot partition with fsck."""
    done = run_tool("fsck.vfat", "-n", parts.partitions.boot)
    if done.code != 0:
        lines = done.text.strip().splitlines()
        return [f"fsck.vfat finds mistakes ({' / '.join(lines[1:3])}): build the image again"]
    return "clean"


def boot_is_complete(parts: ImageParts) -> list[str] | str:
    """Check for all files that a Raspberry Pi 3 and 4 read, and for those that config.txt names."""
    needed = [*FIRMWARE, *BOARDS, *FOR_INSTALLERS, *_kernel_and_initrd(parts)]
    problems = [f"{name} is missing" for name in needed if not parts.boot.get(name.lower())]
    problems += [
        f"{name} is not a device tree"
        for name in BOARDS
        if parts.boot.get(name) and not parts.boot[name].startswith(_DTB_MAGIC)
    ]
    lines = parts.boot.get("cmdline.txt", b"").strip().splitlines()
    if len(lines) > 1:
        problems.append(f"cmdline.txt has {len(lines)} lines, but the kernel gets only the first")
    return problems or f"{len(parts.boot)} files, for a Raspberry Pi 3 and 4"


def kernel_is_arm64(parts: ImageParts) -> list[str] | str:
    """Check that kernel, initrd and modules are for arm64, complete, and of one version."""
    problems = []
    kernel, initrd = (parts.boot.get(name.lower(), b"") for name in _kernel_and_initrd(parts))
    version = _VERSION.search(kernel)
    if kernel[_ARM64_MAGIC] != b"ARM\x64":
        problems.append("the kernel is not for arm64, or it is cut short")
    elif version is None:
        problems.append("the kernel does not name its version: it is cut short")
    elif parts.root.read(f"/usr/lib/modules/{version[1].decode()}/modules.dep") is None:
        problems.append(f"the root file system has no modules for this kernel, {version[1].decode()}")
    try:
        archive = gzip.decompress(initrd)
    except (OSError, EOFError, zlib.error) as e:
        problems.append(f"the initrd can't be unpacked ({e}): it is damaged or cut short")
    else:
        if _CPIO_END not in archive[-512:]:
            problems.append("the archive in the initrd is cut short")
        elif version and b"lib/modules/" + version[1] not in archive:
            problems.append(f"the initrd has no modules for this kernel, {version[1].decode()}")
    return problems or f"Linux {version[1].decode() if version else ''}, with its initrd and modules"


def boot_has_no_settings(parts: ImageParts) -> list[str] | str:
    """Check that no installer has used this card."""
    settings = [
        name for name in _SETTINGS if any(have == name or have.startswith(f"{name}/") for have in parts.boot)
    ]
    return [
        f"{name} is on the boot partition: it would be on every card" for name in settings
    ] or "no settings"


def _kernel_and_initrd(parts: ImageParts) -> tuple[str, str]:
    """The names of kernel and initrd in config.txt."""
    config = parts.boot.get("config.txt", b"").decode(errors="replace")
    kernel = re.search(r"^kernel=(\S+)", config, re.MULTILINE)
    initrd = re.search(r"^initramfs[ =](\S+)", config, re.MULTILINE)
    return kernel[1] if kernel else "kernel8.img", initrd[1] if initrd else "initrd.img"
