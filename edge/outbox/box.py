"""The queue of events, in order and numbered without gaps.

An event is on disk when ``append`` returns. If the disk can't take it (full, read-only), the event waits in
memory. It keeps its number and its place, is delivered from memory, and is written by the next call that
finds room.

Numbers continue after the last one in the file. They start with 1 if the last one is not known: without a
file, with a damaged one, and with one that the disk could not read at the start.

SD cards wear out. So an acknowledged event is deleted with the next event's transaction, or when
``_REMOVALS`` deletions wait. A power cut before that causes repeats with the same id, and nothing else.
"""

import logging
import sqlite3
import threading
from collections import deque
from dataclasses import replace

from edge.clock import Clock, trusted
from edge.config import OutboxConfig
from edge.errors import StoreError
from edge.events import Event, Place, new_event
from edge.outbox.file import DiskError, open_file, store_text
from edge.outbox.losses import Account, added, loss, reports, total
from edge.outbox.stored import Stored, stored
from edge.outbox.table import Change, Previous, Table
from edge.values import counted

_log = logging.getLogger(__name__)
_WAITING_MAX = 5_000
"""Events that memory keeps while the disk refuses them, of about 1 kB each."""
_REMOVALS = 32
"""Acknowledged events that may wait for their deletion."""
_REPORT_SIZE = 4096
"""An ``events.dropped`` has at most this many bytes."""
_DAY_S, _AGE_EVERY_S = 86400, 3600.0
"""The file is searched for events that are too old once in ``_AGE_EVERY_S``."""


class Outbox:
    """A first-in, first-out queue on disk for any number of threads of one process.

    A full outbox (rows, bytes of bodies) drops its oldest summaries first. When it has none, it drops its
    oldest events, except the openings of violations that are still open. It drops those last. It also drops
    events older than ``max_age_days``, if the clock is trusted now and was when the event was stored. The
    outbox reports all drops as ``events.dropped``, one for each reason, in front of the next event for which
    there is room. If such a report is dropped itself, the next one includes its counts.

    If the disk refuses the file at the start (full, read-only, failing), that is not an error: events wait in
    memory until the file can be made. If a file from an earlier run appears then, the outbox leaves it alone
    until the next start, because its numbers overlap with those given meanwhile.

    Damage is not an error either: the outbox sets the file aside as ``<name>.damaged-<UTC>`` and starts a
    fresh one.

    Args:
        settings: where the file lies and how much it may hold.
        clock: gives ``recordedtime``.

    Raises:
        StoreError: the folder can't be made, this user may not write there, or another process uses the file.
    """

    def __init__(self, settings: OutboxConfig, clock: Clock) -> None:
        self._path, self._settings, self._clock = settings.path, settings, clock
        self._lock = threading.Lock()
        self._waiting: deque[Stored] = deque()
        self._removed: set[int] = set()
        self._trouble: str | None = None
        self.dropped = 0
        """Events lost since the start because of the bounds."""
        self.previous: Previous = "ended without warning" if self._path.exists() else "none"
        """How the run before ended."""
        self._left_alone = self._closed = False
        self._last, self._next_age_s = 0, clock.monotonic()
        self._untold: Account = {}
        self._table: Table | None = None
        try:
            self._table = Table(open_file(self._path, clock), settings)
        except DiskError as e:
            self._complain(str(e))
            return
        self._last, self._untold = self._table.last, self._table.untold
        self.previous = self._table.previous or self.previous

    @property
    def problem(self) -> str | None:
        """What is wrong right now and what to do, as a full sentence; None if nothing is wrong."""
        if self._trouble is not None:
            waiting = counted(len(self._waiting), "event waits", "events wait")
            return f"{self._trouble}. Until then {waiting} in memory alone"
        if not self._untold:
            return None
        dropped = counted(total(self._untold), "event")
        return (
            f"outbox {self._path} reached its bounds ({', '.join(self._untold)}) and dropped {dropped}, the "
            "oldest summaries first: it empties when the broker is reached"
        )

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
            self._tell_losses(place)
            self._take(event, place)
            while len(self._waiting) > min(_WAITING_MAX, self._settings.max_rows):
                gone = min(self._waiting, key=lambda s: (s.rank, s.sequence))
                self._waiting.remove(gone)
                dropped = loss("disk", gone.type, gone.body)
                self._untold = added(self._untold, dropped)
                self._count(dropped)
            self._settle()
            return self._last

    def pending(self, after: int, limit: int) -> list[Stored]:
        """The oldest events with a number above ``after``, oldest first."""
        with self._lock:
            if self._trouble or any(number > after for number in self._removed):
                self._settle()
            found = self._read(after, limit + len(self._removed) if self._trouble else limit)
            kept = [s for s in found if s.sequence not in self._removed]
            return [*kept, *(s for s in self._waiting if s.sequence > after)][:limit]

    def remove(self, sequence: int) -> None:
        """Remove an event that the broker has acknowledged. It may have been dropped meanwhile."""
        with self._lock:
            kept = [s for s in self._waiting if s.sequence != sequence]
            if len(kept) < len(self._waiting):
                self._waiting = deque(kept)
            else:
                self._removed.add(sequence)
            if self._trouble or len(self._removed) >= _REMOVALS:
                self._settle()

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
            if self._table is not None:
                self._table.close()
            self._closed = True
            return len(self._waiting)

    def _depth(self) -> int:
        rows = 0 if self._table is None else self._table.rows
        return max(0, rows - len(self._removed)) + len(self._waiting)

    def _take(self, event: Event, place: Place) -> None:
        self._last += 1
        new = stored(event, place, self._last, self._clock)
        if new.ends is not None:
            self._waiting = deque(replace(s, open=None) if s.ended_by(new) else s for s in self._waiting)
        self._waiting.append(new)

    def _tell_losses(self, place: Place) -> None:
        """Report losses if there is room beside the next event: a report must not drop anything itself."""
        told, size = reports(self._untold), 0 if self._table is None else self._table.size
        rows, size = self._depth() + len(told) + 1, size + (len(told) + 1) * _REPORT_SIZE
        if self._trouble or rows > self._settings.max_rows or size > self._settings.max_bytes:
            return
        for data in told:
            self._take(new_event(data, self._clock.utc(), clock_trusted=trusted(self._clock)), place)
        self._untold = {}

    def _read(self, after: int, limit: int) -> list[Stored]:
        """The oldest events in the file with a number above ``after``."""
        try:
            return [] if self._table is None else self._table.read(after, limit)
        except sqlite3.DatabaseError as e:
            self._complain(store_text(self._path, e))
            return []

    def _open_late(self) -> None:
        """Open the file that could not be opened at the start."""
        if self._left_alone:
            return
        try:
            table = Table(open_file(self._path, self._clock, patience_s=0.0), self._settings)
        except StoreError as e:
            self._complain(str(e))
            return
        if table.last == 0:
            self._table = table
            return
        table.close()
        self._left_alone = True
        self._complain(f"outbox {self._path} can be opened again: restart maskgate, which goes on with it")

    def _settle(self, *, orderly: bool = False) -> None:
        """Bring the file up to date in one transaction. What the disk refuses stays in memory."""
        if self._table is None:
            self._open_late()
        if self._table is None:
            return
        # The last number may have gone out from memory alone.
        spent = self._last if self._trouble else None
        new, removed = tuple(self._waiting), frozenset(self._removed)
        try:
            dropped = self._table.write(
                Change(new, removed, self._untold, spent, self._too_old(), orderly=orderly)
            )
        except sqlite3.DatabaseError as e:
            self._complain(store_text(self._path, e))
            return
        self._waiting.clear()
        self._removed.clear()
        self._untold = self._table.untold
        self._count(dropped)
        if self._trouble:
            _log.warning("outbox %s: written again", self._path)
            self._trouble = None

    def _too_old(self) -> float | None:
        """Events recorded before this moment (seconds since 1970) must go; None: don't look for them now."""
        now_s = self._clock.monotonic()
        if now_s < self._next_age_s or not trusted(self._clock):
            return None
        self._next_age_s = now_s + _AGE_EVERY_S
        return self._clock.utc().timestamp() - self._settings.max_age_days * _DAY_S

    def _complain(self, text: str) -> None:
        if self._trouble is None or self._left_alone:
            _log.error("%s", text)
        self._trouble = text

    def _count(self, dropped: Account) -> None:
        if dropped and self.dropped % 1000 == 0:
            _log.error("outbox %s is full (%s): the oldest are dropped", self._path, ", ".join(dropped))
        self.dropped += total(dropped)
