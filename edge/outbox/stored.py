"""An event as the outbox keeps it."""

import json
import zlib
from dataclasses import dataclass
from typing import NamedTuple

from edge.clock import Clock, confirmed
from edge.events import Data, DeviceStarted, Event, Place, ViolationClosed, ViolationOpened, cloud_event

ALL = "*"
"""Stands for all violations. No id looks like it."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An event that waits for the broker."""

    sequence: int
    type: str
    body: str
    """The CloudEvent as JSON, as it was when it was stored. An update of the software does not change it."""
    open: str | None = None
    """The violation that this event opens, until a later event ends it."""
    ends: str | None = None
    """The violation that this event ends. A start of the device ends all of them."""
    recorded: int | None = None
    """When it was stored, in seconds since 1970; None if the clock was not confirmed then."""

    @property
    def checksum(self) -> int:
        """What shows later whether the row is still as it was written."""
        return checksum(self.sequence, self.type.encode(), self.body.encode(), _number(self.recorded))

    @property
    def rank(self) -> int:
        """Order of dropping, lowest first: summaries, other events, openings of what is still open."""
        return 0 if self.type == "summary" else 1 if self.open is None else 2

    def ended_by(self, later: "Stored") -> bool:
        """Whether ``later`` ends the violation that this event opens."""
        return self.open is not None and later.ends in (self.open, ALL)


class Row(NamedTuple):
    """An event as the file gives it back, damaged or not."""

    sequence: int
    type: bytes | None
    body: bytes | None
    recorded: bytes | None
    checksum: object

    @property
    def size(self) -> int:
        """Bytes of the body."""
        return len(self.body or b"")

    def event(self) -> Stored | None:
        """The event; None if the row is not as it was written, or was damaged before it had a checksum."""
        if self.checksum != checksum(self.sequence, self.type, self.body, self.recorded):
            return None
        try:
            kind, body = (self.type or b"").decode(), (self.body or b"").decode()
            wire = json.loads(body)
        except (ValueError, RecursionError):  # not UTF-8, not JSON
            return None
        if not isinstance(wire, dict) or wire.get("type", kind) != kind:
            return None
        if wire.get("sequence", f"{self.sequence:012d}") != f"{self.sequence:012d}":
            return None
        return Stored(self.sequence, kind, body)


def checksum(sequence: int, kind: bytes | None, body: bytes | None, recorded: bytes | None) -> int:
    """CRC-32 of a row: chance lets one of 4 billion damaged rows pass, and no row with one damaged byte."""
    return zlib.crc32(b"\0".join((_number(sequence) or b"", kind or b"", body or b"", recorded or b"")))


def _number(value: int | None) -> bytes | None:
    return None if value is None else str(value).encode()


def stored(event: Event, place: Place, number: int, clock: Clock) -> Stored:
    """Make an event's form for the disk, recorded now."""
    now, data = clock.utc(), event.data
    body = json.dumps(cloud_event(event, place, sequence=number, recorded=now), separators=(",", ":"))
    return Stored(
        number,
        event.type,
        body,
        open=data.violation if isinstance(data, ViolationOpened) else None,
        ends=_ends(data),
        recorded=int(now.timestamp()) if confirmed(clock) else None,
    )


def _ends(data: Data) -> str | None:
    if isinstance(data, ViolationClosed):
        return data.violation
    return ALL if isinstance(data, DeviceStarted) else None
