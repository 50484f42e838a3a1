"""Recognises the boot partition of a Raspberry Pi OS, and what its first start can run."""

import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from edge.errors import UsageError

_ISSUE = re.compile(r"Raspberry Pi reference (\d{4}-\d{2}-\d{2})")
_TRIXIE_FROM = "2025-10-01"
"""Day of the first images of Raspberry Pi OS 13. Images of 12 have been made since then too, as legacy."""


class FirstBootStyle(str, Enum):
    """Which program reads the partition at the first start."""

    CLOUD_INIT = "cloud-init"
    FIRST_RUN = "firstrun"


@dataclass(frozen=True, slots=True)
class BootPartition:
    """A recognised boot partition."""

    folder: Path
    style: FirstBootStyle
    debian: int | None
    """The release of Debian that the system is made from; None if the partition does not show it."""


def read_partition(folder: Path, style: FirstBootStyle | None = None) -> BootPartition:
    """Recognise a boot partition.

    Args:
        folder: where it is mounted.
        style: use this style; None: the one that the files on the partition suggest.

    Raises:
        UsageError: it is not the boot partition of a 64-bit Raspberry Pi OS.
    """
    missing = [name for name in ("cmdline.txt", "config.txt", "issue.txt") if not (folder / name).is_file()]
    if missing:
        raise UsageError(
            f"{folder}: is not a boot partition of Raspberry Pi OS: {', '.join(missing)} not found. Flash "
            "the card, insert it again, and name the folder where its first partition is mounted (bootfs)"
        )
    issue = (folder / "issue.txt").read_text(encoding="utf-8", errors="replace")
    built = _ISSUE.search(issue)
    if built is None:
        raise UsageError(f"{folder}: is not Raspberry Pi OS: issue.txt says {issue.strip()[:80]!r}")
    if (folder / "kernel7.img").exists() or not (folder / "kernel8.img").exists():
        raise UsageError(
            f"{folder}: the card holds a 32-bit Raspberry Pi OS; maskgate's packages are for 64-bit: flash "
            "Raspberry Pi OS (64-bit)"
        )
    cloud = all((folder / name).is_file() for name in ("user-data", "meta-data"))
    debian = 13 if cloud else 12 if built[1] < _TRIXIE_FROM else None
    likely = FirstBootStyle.CLOUD_INIT if cloud else FirstBootStyle.FIRST_RUN
    return BootPartition(folder, style or likely, debian)
