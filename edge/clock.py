"""Time as a part that can be exchanged: the device's clock here, a manual one in ``edge.sim``."""

import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Protocol

BUILT = datetime(2026, 1, 1, tzinfo=timezone.utc)
"""No device of this version is older than this: an earlier wall clock is wrong (no battery, no NTP yet)."""

LATEST = datetime(2046, 1, 1, tzinfo=timezone.utc)
"""No device of this version is still in use then: a later wall clock is wrong, too."""
_SYNCHRONISED = Path("/run/systemd/timesync/synchronized")
"""systemd-timesyncd makes this file when it sets the clock from the network. /run is empty after a boot."""


class Clock(Protocol):
    """Where the parts of the device get the time from."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        ...

    def utc(self) -> datetime:
        """The wall clock in UTC, timezone-aware; it may jump."""
        ...

    def confirmed(self) -> bool:
        """Whether a source of time has set the wall clock since this boot."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def monotonic(self) -> float:
        """Seconds of CLOCK_MONOTONIC."""
        return time.monotonic()

    def utc(self) -> datetime:
        """The wall clock in UTC."""
        return datetime.now(timezone.utc)

    def confirmed(self) -> bool:
        """Whether systemd-timesyncd has set it since this boot. Without timesyncd, nobody knows: False."""
        return _SYNCHRONISED.exists()


def trusted(clock: Clock) -> bool:
    """Whether the wall clock can be right: it is not earlier than ``BUILT``, and earlier than ``LATEST``."""
    return BUILT <= clock.utc() < LATEST


def confirmed(clock: Clock) -> bool:
    """Whether the wall clock can be right, and has been set by a source of time since this boot."""
    return trusted(clock) and clock.confirmed()
