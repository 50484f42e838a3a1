"""Time as a part that can be exchanged: the device's clock here, a manual one in ``edge.sim``."""

import time
from datetime import datetime, timezone
from typing import Protocol

BUILT = datetime(2026, 1, 1, tzinfo=timezone.utc)
"""No device of this version is older than this: an earlier wall clock is wrong (no battery, no NTP yet)."""


class Clock(Protocol):
    """Where the parts of the device get the time from."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        ...

    def utc(self) -> datetime:
        """The wall clock in UTC, timezone-aware; it may jump."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def monotonic(self) -> float:
        """Seconds of CLOCK_MONOTONIC."""
        return time.monotonic()

    def utc(self) -> datetime:
        """The wall clock in UTC."""
        return datetime.now(timezone.utc)


def trusted(clock: Clock) -> bool:
    """Whether the wall clock can be right: it is not earlier than ``BUILT``."""
    return clock.utc() >= BUILT
