"""An event as the outbox keeps it."""

import json
from dataclasses import dataclass

from edge.clock import Clock, trusted
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
    """When it was stored, in seconds since 1970; None if the clock was not trusted then."""

    @property
    def rank(self) -> int:
        """Order of dropping, lowest first: summaries, other events, openings of what is still open."""
        return 0 if self.type == "summary" else 1 if self.open is None else 2

    def ended_by(self, later: "Stored") -> bool:
        """Whether ``later`` ends the violation that this event opens."""
        return self.open is not None and later.ends in (self.open, ALL)


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
        recorded=int(now.timestamp()) if trusted(clock) else None,
    )


def _ends(data: Data) -> str | None:
    if isinstance(data, ViolationClosed):
        return data.violation
    return ALL if isinstance(data, DeviceStarted) else None
