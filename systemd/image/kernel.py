"""Debian's kernel for arm64, unpacked and not installed, and the initrd that starts with it.

Installing it would run mkinitramfs under emulation: a quarter of an hour, for an initrd that knows nothing of
our partitions. The modules that no such device can use are left out.
"""

import gzip
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from systemd.image.shell import run

HERE = Path(__file__).resolve().parent
INCLUDED = (
    "linux-image-arm64", "raspi-firmware", "busybox-static", "e2fsprogs", "fdisk",
)  # fmt: skip
USELESS = (
    "drivers/ata", "drivers/crypto", "drivers/gpu/drm/amd", "drivers/gpu/drm/msm", "drivers/gpu/drm/nouveau",
    "drivers/gpu/drm/radeon", "drivers/iio", "drivers/infiniband", "drivers/md",
    "drivers/media/dvb-frontends", "drivers/media/pci", "drivers/media/tuners", "drivers/net/can",
    "drivers/net/ethernet/[!b]*", "drivers/net/ethernet/broadcom/bn*", "drivers/net/wireless/intel",
    "drivers/net/wwan", "drivers/nvme", "drivers/scsi/*/", "drivers/target", "sound/pci", "sound/soc/[!b]*/",
)  # fmt: skip
"""Below the modules' kernel/: 110 of their 290 MB."""
PROGRAMS = ("bin/busybox", "sbin/e2fsck", "sbin/mke2fs", "sbin/resize2fs", "sbin/sfdisk")
APPLETS = (
    "basename", "cat", "dd", "dirname", "find", "mkdir", "modprobe", "mount", "readlink", "reboot", "rm",
    "sh", "sleep", "sort", "switch_root", "sync", "timeout", "tr", "umount", "xargs",
)  # fmt: skip
"""What the script calls of busybox."""
LIBRARIES = ("lib/aarch64-linux-gnu", "usr/lib/aarch64-linux-gnu")


class Kernel:
    """The unpacked packages: a folder like the root of a file system."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.version = next((folder / "boot").glob("vmlinuz-*")).name.removeprefix("vmlinuz-")
        self.modules = folder / "lib/modules" / self.version
        for pattern in USELESS:
            for path in (self.modules / "kernel").glob(pattern):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        run("depmod", "--basedir", folder, self.version)

    @classmethod
    def fetched(cls, folder: Path, suite: str) -> "Kernel":
        """From Debian's archive into a new folder."""
        run(
            "mmdebstrap", "--quiet", "--arch=arm64", "--variant=extract", "--skip=check/qemu",
            "--components=main non-free-firmware", f"--include={','.join(INCLUDED)}", suite, folder,
        )  # fmt: skip
        return cls(folder)

    def licences(self) -> Iterator[tuple[str, Path]]:
        """Of what is unpacked: (name in the root file system, file)."""
        for name in (f"linux-image-{self.version}", "raspi-firmware", "busybox-static"):
            yield f"usr/share/doc/{name}/copyright", self.folder / f"usr/share/doc/{name}/copyright"

    def boot_files(self) -> Iterator[tuple[str, Path]]:
        """What a Raspberry Pi reads first: (name on the boot partition, file)."""
        yield "vmlinuz", self.folder / f"boot/vmlinuz-{self.version}"
        for path in sorted((self.folder / "usr/lib/raspi-firmware").iterdir()):
            if re.fullmatch(r"bootcode\.bin|(start|fixup)(4|_x|4x|_cd|4cd)?\.(elf|dat)", path.name):
                yield path.name, path
        for path in sorted(
            (self.folder / f"usr/lib/linux-image-{self.version}/broadcom").glob("*-rpi-*.dtb")
        ):
            yield path.name, path

    def initrd(self, scratch: Path, epoch: int) -> bytes:
        """The archive that the kernel unpacks and starts, made of ``initrd/`` and the unpacked packages."""
        tree = scratch / "initrd"
        for folder in ("bin", "dev", "etc", "proc", "run", "sys", "new", "lib"):
            (tree / folder).mkdir(parents=True)
        (tree / "sbin").symlink_to("bin")
        shutil.copy(HERE / "initrd/init", tree / "init")
        (tree / "init").chmod(0o755)
        for program in PROGRAMS:
            self._add_program(self.folder / program, tree)
        for name in APPLETS:
            (tree / "bin" / name).symlink_to("busybox")
        shutil.copy(self.folder / "etc/mke2fs.conf", tree / "etc")
        shutil.copy(HERE / "files/etc/e2fsck.conf", tree / "etc")
        self._add_modules(tree)
        return packed(tree, epoch)

    def _add_program(self, path: Path, tree: Path) -> None:
        """A program, and the libraries that it needs."""
        to = tree / ("bin" if path.name in {Path(p).name for p in PROGRAMS} else "lib") / path.name
        if to.exists():
            return
        shutil.copy(path.resolve(), to)
        to.chmod(0o755)
        needed = re.findall(r"\(NEEDED\).*\[(.+)\]", run("readelf", "--dynamic", path.resolve()))
        for name in needed:
            found = next(f for place in LIBRARIES if (f := self.folder / place / name).exists())
            self._add_program(found, tree)

    def _add_modules(self, tree: Path) -> None:
        """The modules that initrd/modules names, and what they need."""
        lines = (HERE / "initrd/modules").read_text(encoding="utf-8").splitlines()
        wanted = [f"kernel/{line.strip()}" for line in lines if line and not line.startswith("#")]
        needs = dict(line.split(":", 1) for line in (self.modules / "modules.dep").read_text().splitlines())
        chosen = {name for name in needs for start in wanted if name.startswith(start)}
        chosen |= {
            other for name in chosen for other in needs[name].split()
        }  # all of them, not only the next
        to = tree / "lib/modules" / self.version
        for name in sorted(chosen):
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.modules / name, to / name)
        for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
            shutil.copy(self.modules / name, to)
        run("depmod", "--basedir", tree, self.version)


def packed(tree: Path, epoch: int) -> bytes:
    """A folder as a compressed cpio archive of root's files."""
    names = [".", *sorted(str(p.relative_to(tree)) for p in tree.rglob("*"))]
    for name in names:
        os.utime(tree / name, (epoch, epoch), follow_symlinks=False)
    archive = tree.with_suffix(".cpio")
    run(
        "cpio", "--quiet", "--create", "--format=newc", "--reproducible", "--owner=0:0", f"--file={archive}",
        text="".join(f"{name}\n" for name in names), cwd=tree,
    )  # fmt: skip
    return gzip.compress(archive.read_bytes(), compresslevel=9, mtime=0)
