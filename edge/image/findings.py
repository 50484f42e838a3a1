"""What a check found."""

from collections.abc import Callable
from dataclasses import dataclass

from edge.image.ext4 import Ext4Reader
from edge.image.partitions import ImagePartitions


@dataclass(frozen=True)
class Finding:
    """The outcome of one check.

    Attributes:
        check: its name.
        ok: whether all is as it should be.
        text: what is so, or what is wrong and what to do.
    """

    check: str
    ok: bool
    text: str

    def __str__(self) -> str:
        return f"{'ok    ' if self.ok else 'WRONG '} {self.check}: {self.text}"


@dataclass(frozen=True)
class ImageParts:
    """What the checks look at.

    Attributes:
        card: the partitions as files.
        boot: the files of the boot partition, by their names in lower case: FAT knows no other.
        root: the system's file system.
        data: the device's own.
    """

    card: ImagePartitions
    boot: dict[str, bytes]
    root: Ext4Reader
    data: Ext4Reader


Check = Callable[[ImageParts], list[str] | str]
"""Returns what is wrong, a sentence each; or, where all is well, what is so."""


def outcome(name: str, check: Check, parts: ImageParts) -> Finding:
    """Run a check."""
    found = check(parts)
    if isinstance(found, str):
        return Finding(name, ok=True, text=found)
    return Finding(name, ok=False, text="; ".join(found))
