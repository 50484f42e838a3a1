"""The queue of events, in order and numbered without gaps.

An event is on disk when ``append`` returns. If the disk can't take it (full, read-only), the event waits in
memory. It keeps its number and its place, is delivered from memory, and is written by the next call that
finds room.

A number is never given twice: the highest one is also kept in a second place, ``<name>.number``. If the file
knows fewer, its end was lost. The outbox reports that, and numbers continue after the highest one.
"""

import logging
import threading
from collections import deque
from dataclasses import replace

from edge.clock import Clock, trusted
from edge.config import OutboxConfig
from edge.events import Event, Place, new_event
from edge.outbox.disk import Disk
from edge.outbox.last_number import Given
from edge.outbox.losses import in_words, loss, reports
from edge.outbox.stored import Stored, stored
from edge.outbox.table import Previous
from edge.values import counted

_log = logging.getLogger(__name__)
_WAITING_MAX = 5_000
"""Events that memory keeps while the disk refuses them, of about 1 kB each."""
_REPORT_SIZE = 4096
"""An ``events.dropped`` has at most this many bytes."""


class Outbox:
    """A first-in, first-out queue on disk for any number of threads of one process.

    A full outbox (rows, bytes of bodies) drops its oldest summaries first. When it has none, it drops its
    oldest events, except the openings of violations that are still open. It drops those last. It also drops
    events older than ``max_age_days``, see ``AgeLimit``. The outbox reports all drops as ``events.dropped``,
    one for each reason, in front of the next event for which there is room. If such a report is dropped
    itself, the next one includes its counts.

    If the disk refuses the file at the start (full, read-only, failing), that is not an error: events wait in
    memory until the file can be made. If a file from an earlier run appears then, the outbox leaves it alone
    until the next start, because its events come before those that were sent meanwhile.

    Damage is not an error either. A damaged row moves into the table ``damaged`` of the same file, and the
    next event goes out. A damaged file is set aside as ``<name>.damaged-<UTC>``, and a fresh one is started.
    Both are reported as ``events.dropped``.

    Args:
        settings: where the file lies and how much it may hold.
        clock: gives ``recordedtime``.

    Raises:
        StoreError: the folder can't be made, this user may not write there, or another process uses the file.
    """

    def __init__(self, settings: OutboxConfig, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._lock = threading.Lock()
        self._waiting: deque[Stored] = deque()
        self._closed = False
        self._disk = Disk(settings, clock)
        self._last, self._acknowledged = self._disk.given.last, self._disk.given.acknowledged

    @property
    def previous(self) -> Previous:
        """How the run before ended."""
        return self._disk.previous

    @property
    def dropped(self) -> int:
        """Events lost since the start, because of the bounds or of damage."""
        return self._disk.dropped

    @property
    def problem(self) -> str | None:
        """What is wrong right now and what to do, as a full sentence; None if nothing is wrong."""
        if self._disk.trouble is not None:
            waiting = counted(len(self._waiting), "event waits", "events wait")
            return f"{self._disk.trouble}. Until then {waiting} in memory alone"
        text = in_words(self._disk.untold)
        return f"outbox {self._settings.path} {text}" if text else None

    @property
    def last(self) -> int:
        """The number given last; 0 before the first event."""
        return self._last

    @property
    def depth(self) -> int:
        """The number of events that the broker has not acknowledged."""
        with self._lock:
            return self._depth()

    def append(self, event: Event, place: Place) -> int:
        """Store an event; returns its number: one more than the last one's, even after a restart."""
        with self._lock:
            self._report_losses(place)
            self._take(event, place)
            while len(self._waiting) > min(_WAITING_MAX, self._settings.max_rows):
                gone = min(self._waiting, key=lambda s: (s.rank, s.sequence))
                self._waiting.remove(gone)
                self._disk.drop(loss("disk", gone.type, gone.body))
            self._settle()
            self._note()
            return self._last

    def pending(self, after: int, limit: int) -> list[Stored]:
        """The oldest events with a number above ``after``, oldest first."""
        with self._lock:
            if self._disk.trouble or self._waiting or self._disk.removes_after(after):
                self._settle()
            stored = self._disk.read(after, limit)
            pending = [*stored, *(s for s in self._waiting if s.sequence > after)][:limit]
            if pending:
                self._note(sync=True)  # before a number leaves the device
            return pending

    def remove(self, sequence: int) -> None:
        """Remove an event that the broker has acknowledged. It may have been dropped meanwhile."""
        with self._lock:
            kept = [s for s in self._waiting if s.sequence != sequence]
            in_memory = len(kept) < len(self._waiting)
            self._waiting = deque(kept)
            due = not in_memory and self._disk.remove(sequence)
            self._acknowledged = max(self._acknowledged, sequence)
            if self._disk.trouble or due:
                self._settle()
            self._note()

    def close(self, *, orderly: bool = True) -> int:
        """Write what can be written and close the file. Closing twice is allowed.

        Args:
            orderly: this run ends as it should. The next run finds that in ``previous``.

        Returns:
            How many events are lost: they were only in memory, and the disk did not take them.
        """
        with self._lock:
            if self._closed:
                return len(self._waiting)
            self._settle(orderly=orderly)
            if self._waiting:
                lost = counted(len(self._waiting), "event is", "events are")
                _log.error("%s lost: %s", lost, self.problem)
            self._note(sync=True)
            self._disk.close()
            self._closed = True
            return len(self._waiting)

    def _depth(self) -> int:
        return self._disk.depth + len(self._waiting)

    def _take(self, event: Event, place: Place) -> None:
        self._last += 1
        new = stored(event, place, self._last, self._clock)
        if new.ends is not None:
            self._waiting = deque(replace(s, open=None) if s.ended_by(new) else s for s in self._waiting)
        self._waiting.append(new)

    def _report_losses(self, place: Place) -> None:
        """Report losses if there is room beside the next event: a report must not drop anything itself."""
        events = reports(self._disk.untold)
        rows = self._depth() + len(events) + 1
        size = self._disk.size + (len(events) + 1) * _REPORT_SIZE
        if self._disk.trouble or rows > self._settings.max_rows or size > self._settings.max_bytes:
            return
        for data in events:
            self._take(new_event(data, self._clock.utc(), clock_trusted=trusted(self._clock)), place)
        self._disk.untold = {}

    def _settle(self, *, orderly: bool = False) -> None:
        """Bring the file up to date. What the disk refuses stays in memory."""
        if self._disk.write(self._waiting, self._last, orderly=orderly):
            self._waiting.clear()

    def _note(self, *, sync: bool = False) -> None:
        self._disk.note(Given(self._last, self._acknowledged, self._depth()), sync=sync)
