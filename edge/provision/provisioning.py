"""Writes a package and a ``maskgate.toml`` to a card, so that the card installs itself."""

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
from edge.provision.firstboot import SCRIPT, VENDOR_DATA, require_vendor_data_runs, script, with_first_run
from edge.provision.package import DebianPackage
from edge.provision.partition import BootPartition, FirstBootStyle

_ARCH = "arm64"
_SPARE_BYTES = 4 * 2**20
"""Space for the files besides the package, and for what the system itself writes there."""


@dataclass(frozen=True, slots=True)
class ProvisioningPlan:
    """Everything that is to be written, checked."""

    partition: BootPartition
    package: DebianPackage
    card: CardFiles
    remarks: tuple[str, ...]
    """Notes about settings that are allowed, but may surprise."""


def check(partition: BootPartition, package: DebianPackage, config: Path) -> ProvisioningPlan:
    """Check everything that can be checked before the card is in the device.

    Args:
        partition: the card's boot partition.
        package: the package to install.
        config: the file that becomes ``maskgate.toml``. Its credentials lie in the folder beside it.

    Raises:
        ConfigError: the configuration has mistakes; the message lists all of them.
        UsageError: the package does not fit the card, or a file on the card prevents the installation.
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
    if partition.style is FirstBootStyle.CLOUD_INIT:
        require_vendor_data_runs(partition.folder)
    card = read_card(config.parent, config.name)
    if card is None:
        raise UsageError(f"{config}: no such file")
    wanted = read(card, KnownSecrets({}, {}))
    check_elsewhere(wanted)
    if wanted.missing:
        raise mistakes(str(config), list(wanted.missing))
    _require_space(partition.folder, package)
    return ProvisioningPlan(partition, package, card, wanted.remarks)


def _require_space(folder: Path, package: DebianPackage) -> None:
    replaced = sum(path.stat().st_size for path in folder.glob("maskgate_*.deb"))
    free, needed = shutil.disk_usage(folder).free + replaced, package.size_bytes + _SPARE_BYTES
    if free < needed:
        raise StoreError(
            f"{folder}: {free / 1e6:.0f} MB free, but {needed / 1e6:.0f} MB are needed: remove what does not "
            "belong there, or flash a current image, whose boot partition has 512 MB"
        )


def provision(plan: ProvisioningPlan, step: Callable[[str], None]) -> None:
    """Write everything to the card. The file that makes the first start run the script comes last.

    So a card that was written only in part does nothing.

    Args:
        plan: what ``check`` returned.
        step: called with the name of each file before it is written.

    Raises:
        StoreError: it can't be written.
    """
    folder, package = plan.partition.folder, plan.package

    def put(name: str, data: bytes) -> None:
        step(name)
        atomic_write(folder / name, data, mode=None)

    for old in folder.glob("maskgate_*.deb"):
        remove(old)
    remove(folder / REPORT)
    put(TOML, plan.card.toml)
    for name, data in plan.card.credentials.items():
        put(f"{CREDENTIALS}/{name}", data)
    step(package.path.name)
    _copy(package.path, folder)
    put(SCRIPT, script())
    if plan.partition.style is FirstBootStyle.FIRST_RUN:
        cmdline = (folder / "cmdline.txt").read_text(encoding="utf-8")
        put("cmdline.txt", with_first_run(cmdline).encode())
        return
    for name, text in (("user-data", "#cloud-config\n"), ("meta-data", "instance_id: maskgate\n")):
        if not (folder / name).exists():
            put(name, text.encode())
    put("vendor-data", VENDOR_DATA.encode())


def _copy(package: Path, folder: Path) -> None:
    """Copy the package under another name first, so that an incomplete copy never looks like a package."""
    try:
        with package.open("rb") as source, atomic_writer(folder / package.name, mode=None) as target:
            shutil.copyfileobj(source, target)
    except StoreError:
        raise
    except OSError as e:
        raise StoreError(f"{package}: can't be read: {e.strerror}") from e
