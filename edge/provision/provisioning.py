"""From a package and a ``maskgate.toml`` to a card that installs itself."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge.config import mistakes
from edge.errors import StoreError, UsageError
from edge.files import atomic_write, atomic_writer, remove
from edge.machine.card_files import CREDENTIALS, REPORT, TOML, CardFiles, read_card
from edge.machine.preflight import check_elsewhere
from edge.machine.wanted import KnownSecrets, read
from edge.provision.firstboot import SCRIPT, VENDOR_DATA, require_heard, script, with_first_run
from edge.provision.package import Package
from edge.provision.partition import Partition, Style

_ARCH = "arm64"
_SPARE_BYTES = 4 * 2**20
"""For all but the package, and for what the system itself writes there."""


@dataclass(frozen=True, slots=True)
class Job:
    """Everything that was asked for, checked."""

    partition: Partition
    package: Package
    card: CardFiles
    remarks: tuple[str, ...]
    """What is allowed, and should be known all the same."""


def check(partition: Partition, package: Package, config: Path) -> Job:
    """Check all that can be checked before the card goes in.

    Args:
        partition: the card's.
        package: for it.
        config: the file that becomes ``maskgate.toml``; its credentials lie in the folder beside it.

    Raises:
        ConfigError: mistakes in the configuration: all of them.
        UsageError: package and card do not fit, or something on the card is in the way.
        StoreError: the card has too little space.
    """
    if package.arch != _ARCH:
        raise UsageError(
            f"{package.path}: is for {package.arch}; a Raspberry Pi needs {_ARCH}: make deb ARCH={_ARCH}"
        )
    if partition.debian not in {None, package.debian}:
        other = "trixie" if partition.debian == 13 else "bookworm"
        raise UsageError(
            f"{package.path}: is for release {package.debian}; {partition.folder} holds Raspberry Pi OS "
            f"{partition.debian}: make deb ARCH={_ARCH} RELEASE={other}"
        )
    if partition.style is Style.CLOUD_INIT:
        require_heard(partition.folder)
    card = read_card(config.parent, config.name)
    if card is None:
        raise UsageError(f"{config}: no such file")
    wanted = read(card, KnownSecrets({}, {}))
    check_elsewhere(wanted)
    if wanted.missing:
        raise mistakes(str(config), list(wanted.missing))
    _require_space(partition.folder, package)
    return Job(partition, package, card, wanted.remarks)


def _require_space(folder: Path, package: Package) -> None:
    there = sum(path.stat().st_size for path in folder.glob("maskgate_*.deb"))
    free, needed = shutil.disk_usage(folder).free + there, package.size_bytes + _SPARE_BYTES
    if free < needed:
        raise StoreError(
            f"{folder}: {free / 1e6:.0f} MB free, and {needed / 1e6:.0f} MB are needed: remove what does not "
            "belong there, or flash a current image, whose boot partition has 512 MB"
        )


def provision(job: Job, step: Callable[[str], None]) -> None:
    """Write it all; last of all what makes the first start run it, so that half a card does nothing.

    Args:
        job: checked.
        step: hears of each file, before it is written.

    Raises:
        StoreError: it can't be written.
    """
    folder, package = job.partition.folder, job.package

    def put(name: str, data: bytes) -> None:
        step(name)
        atomic_write(folder / name, data, mode=None)

    for old in folder.glob("maskgate_*.deb"):
        remove(old)
    remove(folder / REPORT)
    put(TOML, job.card.toml)
    for name, data in job.card.credentials.items():
        put(f"{CREDENTIALS}/{name}", data)
    step(package.path.name)
    _copy(package.path, folder)
    put(SCRIPT, script())
    if job.partition.style is Style.FIRST_RUN:
        cmdline = (folder / "cmdline.txt").read_text(encoding="utf-8")
        put("cmdline.txt", with_first_run(cmdline).encode())
        return
    for name, text in (("user-data", "#cloud-config\n"), ("meta-data", "instance_id: maskgate\n")):
        if not (folder / name).exists():
            put(name, text.encode())
    put("vendor-data", VENDOR_DATA.encode())


def _copy(package: Path, folder: Path) -> None:
    """Copy it under another name first: half a package must not look like one."""
    try:
        with package.open("rb") as source, atomic_writer(folder / package.name, mode=None) as target:
            shutil.copyfileobj(source, target)
    except StoreError:
        raise
    except OSError as e:
        raise StoreError(f"{package}: can't be read: {e.strerror}") from e
