"""The queue of events, in order and numbered without gaps.

An event is on disk when ``append`` returns. If the disk can't take it (full, read-only), it waits in memory,
keeps its number and its place, is delivered from there, and is written with the next call that finds room.

Numbers go on after the last one in the file. Where nothing is known of it, they begin with 1: without a file,
with a damaged one, and with one that the disk would not give out at the start.

SD cards wear out: what the broker has acknowledged is deleted with the next event's transaction, or when
``_REMOVALS`` such deletions wait. A power cut before that costs repeats, with the same id, and nothing else.
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

_log = logging.getLogger(__name__)
_WAITING_MAX = 5_000
"""Events kept in memory while the disk refuses them; about 1 kB each."""
_REMOVALS = 32
"""Acknowledged events that may wait for their deletion."""
_REPORT_SIZE = 4096
"""Bytes that an ``events.dropped`` has at most."""
_DAY_S, _AGE_EVERY_S = 86400, 3600.0
"""How often the file is searched for what is too old."""


class Outbox:
    """First in, first out. Any number of threads may use it, but one process: a second one is turned away.

    A full outbox (rows, bytes of bodies) drops its oldest summaries; when it has none, its oldest events but
    the openings of violations that are still open; when it has nothing else, these. Whatever is older than
    ``max_age_days`` goes, too, by a clock that is trusted and was when the event was stored.
    All that was dropped is told as ``events.dropped``, one a reason, in front of the next event for which
    there is room again; such a report that is dropped itself lives on in the next one.

    Args:
        settings: where the file lies and what it may hold.
        clock: gives ``recordedtime``.

    A disk that refuses the file at the start (full, read-only, failing) is no error: everything waits in
    memory until the file can be made. If there was one in use before, it is left alone until the next start,
    since its numbers would not fit in.

    Raises:
        StoreError: there is no such place, this user may not write there, or another process uses it. Damage
            is no error: the file is set aside as ``<name>.damaged-<UTC>``, and a fresh one begins.
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
        """What is wrong right now and the way out, as a full sentence."""
        if self._trouble is not None:
            return f"{self._trouble}. Until then {len(self._waiting)} events wait in memory alone"
        if not self._untold:
            return None
        return (
            f"outbox {self._path} reached its bounds ({', '.join(self._untold)}) and dropped "
            f"{total(self._untold)} events, the oldest summaries first: it empties when the broker is reached"
        )

    @property
    def last(self) -> int:
        """The number given last; 0 before the first event ever."""
        return self._last

    @property
    def depth(self) -> int:
        """Events that the broker has not acknowledged."""
        with self._lock:
            return self._depth()

    def append(self, event: Event, place: Place) -> int:
        """Store an event; returns its number, one more than the last one's, over restarts too."""
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
        """The broker has it. A number that was dropped meanwhile is no mistake."""
        with self._lock:
            kept = [s for s in self._waiting if s.sequence != sequence]
            if len(kept) < len(self._waiting):
                self._waiting = deque(kept)
            else:
                self._removed.add(sequence)
            if self._trouble or len(self._removed) >= _REMOVALS:
                self._settle()

    def close(self, *, orderly: bool = True) -> int:
        """Write what can be written and let go of the file; closing twice is no mistake.

        Args:
            orderly: this run ends as it should; the next one finds it as its ``previous``.

        Returns:
            How many events are lost: they were in memory alone, and the disk has not taken them.
        """
        with self._lock:
            if self._closed:
                return len(self._waiting)
            self._settle(orderly=orderly)
            if self._waiting:
                _log.error("%d events are lost: %s", len(self._waiting), self.problem)
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
        """If they fit in beside the event that comes next: a report must not drop anything itself."""
        told, size = reports(self._untold), 0 if self._table is None else self._table.size
        rows, size = self._depth() + len(told) + 1, size + (len(told) + 1) * _REPORT_SIZE
        if self._trouble or rows > self._settings.max_rows or size > self._settings.max_bytes:
            return
        for data in told:
            self._take(new_event(data, self._clock.utc(), clock_trusted=trusted(self._clock)), place)
        self._untold = {}

    def _read(self, after: int, limit: int) -> list[Stored]:
        """What the file holds above a number."""
        try:
            return [] if self._table is None else self._table.read(after, limit)
        except sqlite3.DatabaseError as e:
            self._complain(store_text(self._path, e))
            return []

    def _open_late(self) -> None:
        """What the start could not do."""
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
        """Bring the file up to date in one transaction; what the disk refuses stays in memory."""
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
        """What was recorded before (seconds since 1970) must go; None: this is not the time to look."""
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
