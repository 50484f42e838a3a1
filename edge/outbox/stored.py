"""An event as the outbox keeps it."""

import json
from dataclasses import dataclass

from edge.clock import Clock, trusted
from edge.events import Data, DeviceStarted, Event, Place, ViolationClosed, ViolationOpened, cloud_event

ALL = "*"
"""Stands for all violations; no id is like it."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An event that waits for the broker."""

    sequence: int
    type: str
    body: str
    """The CloudEvent as JSON, as it was when it was stored: an update of the software does not touch it."""
    open: str | None = None
    """The violation that it opens, as long as no later event has ended that."""
    ends: str | None = None
    """The violation that it ends; a new start of the device ends them all."""
    recorded: int | None = None
    """Seconds since 1970; None: the clock was not set."""

    @property
    def rank(self) -> int:
        """The lowest goes first: summaries, then what is over, then openings of what is still open."""
        return 0 if self.type == "summary" else 1 if self.open is None else 2

    def ended_by(self, later: "Stored") -> bool:
        """Whether a later event ends the violation that this one opens."""
        return self.open is not None and later.ends in (self.open, ALL)


def stored(event: Event, place: Place, number: int, clock: Clock) -> Stored:
    """An event as it goes to the disk now."""
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
