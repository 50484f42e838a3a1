"""The boot partition of a Raspberry Pi OS: how its first start is told what to do."""

import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from edge.errors import UsageError

_ISSUE = re.compile(r"Raspberry Pi reference (\d{4}-\d{2}-\d{2})")
_TRIXIE_FROM = "2025-10-01"
"""The first images of Raspberry Pi OS 13. Those of 12 went on, as legacy."""


class Style(str, Enum):
    """Who reads the partition at the first start."""

    CLOUD_INIT = "cloud-init"
    FIRST_RUN = "firstrun"


@dataclass(frozen=True, slots=True)
class Partition:
    """What lies on it."""

    folder: Path
    style: Style
    debian: int | None
    """The release of Debian that the system is made from, where the partition tells."""


def look(folder: Path, style: Style | None = None) -> Partition:
    """Recognise a boot partition.

    Args:
        folder: where it is mounted.
        style: instead of what it looks like.

    Raises:
        UsageError: it is none of a 64-bit Raspberry Pi OS.
    """
    missing = [name for name in ("cmdline.txt", "config.txt", "issue.txt") if not (folder / name).is_file()]
    if missing:
        raise UsageError(
            f"{folder}: is no boot partition of Raspberry Pi OS: {', '.join(missing)} not found. Flash the "
            "card, put it in again, and name the folder where its first partition is mounted (bootfs)"
        )
    issue = (folder / "issue.txt").read_text(encoding="utf-8", errors="replace")
    made = _ISSUE.search(issue)
    if made is None:
        raise UsageError(f"{folder}: is no Raspberry Pi OS: issue.txt says {issue.strip()[:80]!r}")
    if (folder / "kernel7.img").exists() or not (folder / "kernel8.img").exists():
        raise UsageError(
            f"{folder}: the card holds a 32-bit Raspberry Pi OS; maskgate's packages are for 64-bit: flash "
            "Raspberry Pi OS (64-bit)"
        )
    cloud = all((folder / name).is_file() for name in ("user-data", "meta-data"))
    debian = 13 if cloud else 12 if made[1] < _TRIXIE_FROM else None
    return Partition(folder, style or (Style.CLOUD_INIT if cloud else Style.FIRST_RUN), debian)
