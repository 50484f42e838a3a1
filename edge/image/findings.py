"""The result of a check, and what the checks work on."""

from collections.abc import Callable
from dataclasses import dataclass

from edge.image.ext4 import Ext4Reader
from edge.image.partitions import ImagePartitions


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        check: the check's name.
        ok: whether it passed.
        text: what was checked; or what is wrong, and what to do.
    """

    check: str
    ok: bool
    text: str

    def __str__(self) -> str:
        return f"{'ok    ' if self.ok else 'WRONG '} {self.check}: {self.text}"


@dataclass(frozen=True)
class ImageParts:
    """What the checks work on.

    Attributes:
        partitions: the partitions as files.
        boot: the files of the boot partition, by their names in lower case, because FAT ignores case.
        root: the file system of the system.
        data: the file system for the device's own data.
    """

    partitions: ImagePartitions
    boot: dict[str, bytes]
    root: Ext4Reader
    data: Ext4Reader


Check = Callable[[ImageParts], list[str] | str]
"""Returns a list of what is wrong, a sentence each; or, if nothing is, a text about what was checked."""


def run_check(name: str, check: Check, parts: ImageParts) -> Finding:
    """Run one check and return its result."""
    result = check(parts)
    if isinstance(result, str):
        return Finding(name, ok=True, text=result)
    return Finding(name, ok=False, text="; ".join(result))
