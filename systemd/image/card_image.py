"""The card: a partition table and three file systems, written into one file without mounting anything."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from systemd.image.shell import run

MB = 1024 * 1024
ALIGN_MB, BOOT_MB, ROOT_MB, DATA_MB = 4, 256, 1024, 64
TABLE = f"""\
label: dos
label-id: 0x6d61736b
start={ALIGN_MB}MiB, size={BOOT_MB}MiB, type=c, bootable
start={ALIGN_MB + BOOT_MB}MiB, size={ROOT_MB}MiB, type=83
start={ALIGN_MB + BOOT_MB + ROOT_MB}MiB, size={DATA_MB}MiB, type=83
"""
IDS = {
    "maskgate-root": "6d61736b-0000-4000-8000-000000000002",
    "maskgate-data": "6d61736b-0000-4000-8000-000000000003",
}


@dataclass(frozen=True)
class Tools:
    """Debian 13's mke2fs, which takes a tar file as it is, and gives the same bytes for it; unpacked here."""

    folder: Path

    @classmethod
    def fetched(cls, folder: Path) -> "Tools":
        """From Debian's archive into a new folder."""
        run(
            "mmdebstrap",
            "--quiet",
            "--variant=extract",
            "--include=e2fsprogs,libarchive13t64",
            "trixie",
            folder,
        )
        return cls(folder)

    def mke2fs(self, *arguments: str | Path, environment: dict[str, str]) -> None:
        """Run it, with the libraries that it came with."""
        loader = next((self.folder / "usr/lib").rglob("ld-linux-*.so.*"), None) or next(
            (self.folder / "usr/lib64").glob("ld-linux-*.so.*")
        )
        libraries = next((self.folder / "usr/lib").glob("*-linux-gnu"))
        run(
            loader,
            "--library-path",
            libraries,
            self.folder / "usr/sbin/mke2fs",
            *arguments,
            environment=environment,
        )


@dataclass(frozen=True)
class Ext4Partition:
    """A file system, at its place in the image."""

    label: str
    start_mb: int
    size_mb: int
    options: tuple[str, ...]
    extended: str = ""

    def write(self, image: Path, tools: Tools, environment: dict[str, str]) -> None:
        """Make it, always of the same bytes."""
        place = f"offset={self.start_mb * MB},root_owner=0:0,hash_seed={IDS[self.label]}"
        extended = f"{place},lazy_itable_init=0,lazy_journal_init=0{self.extended}"
        tools.mke2fs(
            "-q", "-F", "-t", "ext4", "-b", "4096", "-L", self.label, "-U", IDS[self.label], "-E", extended,
            *self.options, image, f"{self.size_mb}M", environment=environment,
        )  # fmt: skip


def make_image(image: Path, tools: Tools, boot: Path, root: Path, environment: dict[str, str]) -> None:
    """Write the card's image.

    Args:
        image: the new file.
        tools: what makes the file systems.
        boot: a folder; its content goes to the boot partition.
        root: a tar file of the root file system.
        environment: with SOURCE_DATE_EPOCH.
    """
    with image.open("wb") as file:
        file.truncate((ALIGN_MB + BOOT_MB) * MB)
    make_boot(image, sorted(boot.iterdir()), environment)
    with image.open("r+b") as file:
        file.truncate((ALIGN_MB + BOOT_MB + ROOT_MB + DATA_MB) * MB)
    run("sfdisk", "--quiet", image, text=TABLE, log=True)
    # never written: it needs no journal, and no room for one
    system = Ext4Partition(
        "maskgate-root", ALIGN_MB + BOOT_MB, ROOT_MB, ("-O", "^has_journal", "-m", "0", "-d", str(root))
    )
    # it grows to 500 GB, if the card does; few inodes, for then their tables are small
    data = Ext4Partition(
        "maskgate-data", ALIGN_MB + BOOT_MB + ROOT_MB, DATA_MB, ("-i", "65536"), ",resize=134217728"
    )
    for made in (system, data):
        made.write(image, tools, environment)


def make_boot(image: Path, files: Iterable[Path], environment: dict[str, str]) -> None:
    """The FAT file system, up to the image's end."""
    place = f"--offset={ALIGN_MB * 2048}"
    run("mkfs.vfat", "-F", "32", "-s", "4", "-n", "MASKGATE", "--invariant", place, image)
    run("mcopy", "-s", "-m", "-i", f"{image}@@{ALIGN_MB}M", *files, "::", environment=environment)


def set_times(folder: Path, epoch: int) -> None:
    """One time for all files, which FAT keeps."""
    for path in [*folder.rglob("*"), folder]:
        os.utime(path, (epoch, epoch))
