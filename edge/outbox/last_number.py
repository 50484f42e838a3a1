"""The highest number given, in a second place: a damaged outbox must not give a number twice.

SQLite ignores the damaged end of its write-ahead log without a word, and a damaged database is set aside as a
whole. This small file beside it then still knows which numbers were given and how many events were waiting.
"""

import os
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edge.files import open_plain, sync_folder

_SLOTS = (0, 4096)
"""Offsets of the two copies, in blocks of their own. Each ``sync`` turns to the other one, so that a power
cut during a write leaves one of them whole."""
_SLOT_BYTES = 64


@dataclass(frozen=True, slots=True)
class Given:
    """What is known of the numbers that were given."""

    last: int = 0
    """The number given last."""
    acknowledged: int = 0
    """The highest number that the broker has acknowledged; brokers acknowledge in order."""
    waiting: int = 0
    """How many events were waiting for the broker."""

    def lost(self, last_found: int) -> range:
        """The numbers of events that a file has lost if ``last_found`` is the last one that it knows."""
        first = max(last_found, self.acknowledged) + 1
        return range(max(first, self.last + 1 - self.waiting), self.last + 1)


class LastNumber:
    """The file that keeps a ``Given``. Errors are the system's own ``OSError``.

    Args:
        path: the file; made by the first ``write``.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None
        self._slot = 0
        self._written, self._synced = Given(), 0

    def read(self) -> Given:
        """What was written last; zeros if there is no file, or if both copies are damaged."""
        found = Given()
        with suppress(OSError):
            with open_plain(self._path) as file:
                content = file.read(_SLOTS[-1] + _SLOT_BYTES)
            for slot, offset in enumerate(_SLOTS):
                given = _parse(content[offset : offset + _SLOT_BYTES])
                if given is not None and (given.last, given.acknowledged) >= (found.last, found.acknowledged):
                    found, self._slot = given, 1 - slot
        self._written, self._synced = found, found.last
        return found

    def write(self, given: Given) -> None:
        """Write it down. Until ``sync``, a power cut can lose it, but no crash of this process."""
        if given == self._written:
            return
        created = self._handle is None and not self._path.exists()
        if self._handle is None:
            self._handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
        os.pwrite(self._handle, _format(given), _SLOTS[self._slot])
        if created:
            sync_folder(self._path.parent)
        self._written = given

    def sync(self) -> None:
        """Return when the last number written is on the disk."""
        if self._handle is not None and self._written.last > self._synced:
            os.fdatasync(self._handle)
            self._synced, self._slot = self._written.last, 1 - self._slot

    def close(self) -> None:
        """Close the file. Closing twice is allowed."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _format(given: Given) -> bytes:
    text = f"{given.last} {given.acknowledged} {given.waiting}".encode()
    return (text + f" {zlib.crc32(text):08x}".encode()).ljust(_SLOT_BYTES - 1) + b"\n"


def _parse(slot: bytes) -> Given | None:
    text, _, checksum = slot.strip().rpartition(b" ")
    if f"{zlib.crc32(text):08x}".encode() != checksum:
        return None
    try:
        last, acknowledged, waiting = (int(number) for number in text.split())
    except ValueError:
        return None
    return Given(last, acknowledged, waiting)
