"""Whether a board finds on the first partition all that it needs, and nothing that is somebody's."""

import gzip
import re
import zlib

from edge.image.findings import ImageParts
from edge.image.programs import run

BOARDS = ("bcm2837-rpi-3-b.dtb", "bcm2837-rpi-3-b-plus.dtb", "bcm2711-rpi-4-b.dtb")
FIRMWARE = ("bootcode.bin", "start.elf", "fixup.dat", "start4.elf", "fixup4.dat", "config.txt", "cmdline.txt")
FOR_INSTALLERS = ("readme.txt", "maskgate.toml.example")
_FOREIGN = (
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
    """What fsck says of the boot partition."""
    looked = run("fsck.vfat", "-n", parts.card.boot)
    if looked.returncode != 0:
        said = looked.stdout.decode(errors="replace").strip().splitlines()
        return [f"fsck.vfat finds mistakes ({' / '.join(said[1:3])}): build the image again"]
    return "clean"


def boot_is_complete(parts: ImageParts) -> list[str] | str:
    """All files that a Raspberry Pi 3 and 4 read, and what config.txt names."""
    wanted = [*FIRMWARE, *BOARDS, *FOR_INSTALLERS, *_named(parts)]
    problems = [f"{name} is missing" for name in wanted if not parts.boot.get(name.lower())]
    problems += [
        f"{name} is no device tree"
        for name in BOARDS
        if parts.boot.get(name) and not parts.boot[name].startswith(_DTB_MAGIC)
    ]
    lines = parts.boot.get("cmdline.txt", b"").strip().splitlines()
    if len(lines) > 1:
        problems.append(f"cmdline.txt has {len(lines)} lines: the kernel gets the first one alone")
    return problems or f"{len(parts.boot)} files, for a Raspberry Pi 3 and 4"


def kernel_is_arm64(parts: ImageParts) -> list[str] | str:
    """The kernel, the initrd and the modules fit to each other."""
    problems = []
    kernel, initrd = (parts.boot.get(name.lower(), b"") for name in _named(parts))
    version = _VERSION.search(kernel)
    if kernel[_ARM64_MAGIC] != b"ARM\x64":
        problems.append("the kernel is none for arm64, or cut short")
    elif version is None:
        problems.append("the kernel does not say its version: it is cut short")
    elif parts.root.read(f"/usr/lib/modules/{version[1].decode()}/modules.dep") is None:
        problems.append(f"the root file system has no modules for this kernel, {version[1].decode()}")
    try:
        archive = gzip.decompress(initrd)
    except (OSError, EOFError, zlib.error) as e:
        problems.append(f"the initrd can't be unpacked ({e}): it is damaged or cut short")
    else:
        if _CPIO_END not in archive[-512:]:
            problems.append("the initrd's archive is cut short")
        elif version and b"lib/modules/" + version[1] not in archive:
            problems.append(f"the initrd has no modules for this kernel, {version[1].decode()}")
    return problems or f"Linux {version[1].decode() if version else ''}, with its initrd and modules"


def boot_is_nobodys(parts: ImageParts) -> list[str] | str:
    """No installer has used this card."""
    found = [
        name for name in _FOREIGN if any(have == name or have.startswith(f"{name}/") for have in parts.boot)
    ]
    return [
        f"{name} lies on the boot partition: it would be on every card" for name in found
    ] or "no settings on it"


def _named(parts: ImageParts) -> tuple[str, str]:
    """Kernel and initrd, as config.txt calls them."""
    config = parts.boot.get("config.txt", b"").decode(errors="replace")
    kernel = re.search(r"^kernel=(\S+)", config, re.MULTILINE)
    initrd = re.search(r"^initramfs[ =](\S+)", config, re.MULTILINE)
    return kernel[1] if kernel else "kernel8.img", initrd[1] if initrd else "initrd.img"
