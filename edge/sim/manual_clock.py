"""A clock that moves only when a test moves it."""

import threading
from datetime import datetime, timedelta, timezone

START = datetime(2026, 6, 1, 8, 0, tzinfo=timezone.utc)


class ManualClock:
    """Implements ``edge.clock.Clock``; safe to share between threads."""

    def __init__(self, start: datetime = START) -> None:
        self._lock = threading.Lock()
        self._start, self._now_s = start, 0.0
        self.is_confirmed = True
        """Whether a source of time has set the wall clock."""

    def advance(self, seconds: float) -> None:
        """Move both clocks forward."""
        with self._lock:
            self._now_s += seconds

    def set_utc(self, now: datetime) -> None:
        """Let the wall clock jump, as NTP does; the monotonic clock does not move."""
        with self._lock:
            self._start = now - timedelta(seconds=self._now_s)

    def confirmed(self) -> bool:
        """What ``is_confirmed`` says."""
        return self.is_confirmed

    def monotonic(self) -> float:
        """Seconds since the start."""
        with self._lock:
            return self._now_s

    def utc(self) -> datetime:
        """The wall clock in UTC."""
        with self._lock:
            return self._start + timedelta(seconds=self._now_s)
