"""When an event is too old to be kept, by a clock that may be wrong; the clock is asked, nothing else is."""

from datetime import datetime, timedelta

from edge.clock import Clock, confirmed

_LOOK_EVERY_S = 3600.0
"""Old events are looked for once in this time."""
_CHANCE_S = 3600.0
"""Delivery gets this long after the clock was confirmed, before an event is dropped for its age."""


class AgeLimit:
    """Says which events are too old.

    A wrong clock must not drop what was never delivered. So the clock must have been confirmed since the
    boot, and delivery then gets an hour. A clock that jumps ahead later ages nothing: after the confirmation,
    time passes by the monotonic clock.

    Args:
        clock: may be wrong, and may jump.
        max_age_days: older events are dropped.
    """

    def __init__(self, clock: Clock, max_age_days: float) -> None:
        self._clock, self._max_age = clock, timedelta(days=max_age_days)
        self._next_s = clock.monotonic()
        self._confirmed: tuple[float, datetime] | None = None
        """When the clock was first seen to be confirmed, by the monotonic and by the wall clock."""

    def oldest(self) -> float | None:
        """Events recorded before this moment (s since 1970) are too old; None: don't look for any now."""
        now_s, now = self._clock.monotonic(), self._clock.utc()
        if self._confirmed is None and confirmed(self._clock):
            self._confirmed = (now_s, now)
        if self._confirmed is None:
            return None
        since_s, since = self._confirmed
        if now_s < max(self._next_s, since_s + _CHANCE_S):
            return None
        self._next_s = now_s + _LOOK_EVERY_S
        return (min(now, since + timedelta(seconds=now_s - since_s)) - self._max_age).timestamp()
