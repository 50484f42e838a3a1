"""The queue of events, in order and numbered without gaps.

An event is on disk when ``append`` returns. If the disk can't take it (full, read-only), the event waits in
memory. It keeps its number and its place, is delivered from memory, and is written by the next call that
finds room.

A number is never given twice: the highest one is also kept in a second place, ``<name>.number``. If the file
knows fewer, its end was lost. The outbox reports that, and numbers continue after the highest one.

SD cards wear out. So an acknowledged event is deleted with the next event's transaction, or when
``_REMOVALS`` deletions wait. A power cut before that causes repeats with the same id, and nothing else.
"""

import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from edge.clock import Clock, trusted
from edge.config import OutboxConfig
from edge.errors import StoreError
from edge.events import Event, Place, new_event
from edge.outbox.age import AgeLimit
from edge.outbox.file import DiskError, open_file, set_aside, store_text
from edge.outbox.last_number import Given, LastNumber
from edge.outbox.losses import Account, added, damage, loss, reports, total
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
_ROOM = "make room on the disk, and let this user write there"


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
        self._path, self._settings, self._clock = settings.path, settings, clock
        self._lock = threading.Lock()
        self._waiting: deque[Stored] = deque()
        self._removed: set[int] = set()
        self._damaged: set[int] = set()
        self._trouble: str | None = None
        self.dropped = 0
        """Events lost since the start because of the bounds."""
        self.previous: Previous = "ended without warning" if self._path.exists() else "none"
        """How the run before ended."""
        self._left_alone = self._closed = False
        self._age = AgeLimit(clock, settings.max_age_days)
        self._untold: Account = {}
        self._table: Table | None = None
        self._numbers = LastNumber(self._path.with_name(f"{self._path.name}.number"))
        self._given = self._numbers.read()
        self._last, self._acknowledged = self._given.last, self._given.acknowledged
        try:
            self._table = Table(open_file(self._path, clock), settings, self._last)
        except DiskError as e:
            self._complain(str(e))
            return
        lost, beyond = self._given.lost(self._table.last), self._table.beyond
        self._untold = added(self._table.untold, self._lost(lost, max(len(lost), len(beyond))))
        self._damaged.update(beyond)
        self._last = max(self._last, self._table.last)
        self.previous = self._table.previous or self.previous

    @property
    def problem(self) -> str | None:
        """What is wrong right now and what to do, as a full sentence; None if nothing is wrong."""
        if self._trouble is not None:
            waiting = counted(len(self._waiting), "event waits", "events wait")
            return f"{self._trouble}. Until then {waiting} in memory alone"
        if not self._untold:
            return None
        bounds: Account = {reason: lost for reason, lost in self._untold.items() if reason != "damaged"}
        if not bounds:
            lost = counted(total(self._untold), "event")
            return (
                f"outbox {self._path} was damaged and lost {lost}: the next event reports it; check the "
                "disk or SD card"
            )
        dropped = counted(total(bounds), "event")
        return (
            f"outbox {self._path} reached its bounds ({', '.join(bounds)}) and dropped {dropped}, the "
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
            self._note()
            return self._last

    def pending(self, after: int, limit: int) -> list[Stored]:
        """The oldest events with a number above ``after``, oldest first."""
        with self._lock:
            if self._trouble or any(number > after for number in self._removed):
                self._settle()
            stored = self._read(after, limit + len(self._removed) if self._trouble else limit)
            kept = [s for s in stored if s.sequence not in self._removed]
            pending = [*kept, *(s for s in self._waiting if s.sequence > after)][:limit]
            if pending:
                self._note(sync=True)  # before a number leaves the device
            return pending

    def remove(self, sequence: int) -> None:
        """Remove an event that the broker has acknowledged. It may have been dropped meanwhile."""
        with self._lock:
            kept = [s for s in self._waiting if s.sequence != sequence]
            if len(kept) < len(self._waiting):
                self._waiting = deque(kept)
            else:
                self._removed.add(sequence)
            self._acknowledged = max(self._acknowledged, sequence)
            if self._trouble or len(self._removed) >= _REMOVALS:
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
            self._numbers.close()
            if self._table is not None:
                self._table.close()
            self._closed = True
            return len(self._waiting)

    def _depth(self) -> int:
        rows = 0 if self._table is None else self._table.rows
        return max(0, rows - len(self._removed) - len(self._damaged)) + len(self._waiting)

    def _take(self, event: Event, place: Place) -> None:
        self._last += 1
        new = stored(event, place, self._last, self._clock)
        if new.ends is not None:
            self._waiting = deque(replace(s, open=None) if s.ended_by(new) else s for s in self._waiting)
        self._waiting.append(new)

    def _tell_losses(self, place: Place) -> None:
        """Report losses if there is room beside the next event: a report must not drop anything itself."""
        events, size = reports(self._untold), 0 if self._table is None else self._table.size
        rows, size = self._depth() + len(events) + 1, size + (len(events) + 1) * _REPORT_SIZE
        if self._trouble or rows > self._settings.max_rows or size > self._settings.max_bytes:
            return
        for data in events:
            self._take(new_event(data, self._clock.utc(), clock_trusted=trusted(self._clock)), place)
        self._untold = {}

    def _read(self, after: int, limit: int) -> list[Stored]:
        """The oldest events in the file with a number above ``after``."""
        if self._table is None:
            return []
        try:
            found = self._table.read(after, limit)
        except sqlite3.DatabaseError as e:
            self._failed(e)
            return []
        if damaged := set(found.damaged) - self._damaged:
            self._untold = added(self._untold, self._lost(sorted(damaged), len(damaged)))
            self._damaged |= damaged
            self._settle()
        return found.events

    def _lost(self, numbers: Sequence[int], count: int) -> Account:
        """Count events that damage has taken, some of whose numbers are known; returns their account."""
        if count:
            named = f" from number {numbers[0]} to {numbers[-1]}" if numbers else ""
            _log.error("outbox %s is damaged and has lost %s%s", self._path, counted(count, "event"), named)
        self.dropped += count
        return damage(numbers, count)

    def _failed(self, error: sqlite3.DatabaseError) -> None:
        """Complain about an error of SQLite. A file that is damaged while it is in use is replaced."""
        if type(error) is not sqlite3.DatabaseError or self._table is None:  # its subclasses say otherwise
            self._complain(store_text(self._path, error))
            return
        count = max(0, self._table.rows - len(self._removed) - len(self._damaged))
        self._untold = added(self._untold, self._lost((), count))
        self._table.close()
        self._table = None
        self._removed.clear()
        self._damaged.clear()
        self._complain(store_text(self._path, error))
        try:
            set_aside(self._path, self._clock, error)
        except OSError as e:
            self._complain(f"outbox {self._path} is damaged and can't be set aside ({e}): move it away")

    def _note(self, *, sync: bool = False) -> None:
        """Keep the highest number in the second place, too; with ``sync`` a power cut can't take it away."""
        try:
            self._numbers.write(Given(self._last, self._acknowledged, self._depth()))
            if sync:
                self._numbers.sync()
        except OSError as e:
            if self._trouble is None:
                self._complain(f"outbox {self._path}.number can't be written ({e}): {_ROOM}")

    def _open_late(self) -> None:
        """Open the file that could not be opened at the start."""
        if self._left_alone:
            return
        try:
            table = Table(open_file(self._path, self._clock, patience_s=0.0), self._settings, self._last)
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
        change = Change(
            tuple(self._waiting),
            frozenset(self._removed),
            frozenset(self._damaged),
            self._untold,
            spent,
            self._age.oldest(),
            orderly=orderly,
        )
        try:
            dropped = self._table.write(change)
        except sqlite3.DatabaseError as e:
            self._failed(e)
            return
        self._waiting.clear()
        self._removed.clear()
        self._damaged.clear()
        self._untold = self._table.untold
        self._count(dropped)
        if self._trouble:
            _log.warning("outbox %s: written again", self._path)
            self._trouble = None

    def _complain(self, text: str) -> None:
        if self._trouble is None or self._left_alone:
            _log.error("%s", text)
        self._trouble = text

    def _count(self, dropped: Account) -> None:
        if dropped and self.dropped % 1000 == 0:
            _log.error("outbox %s is full (%s): the oldest are dropped", self._path, ", ".join(dropped))
        self.dropped += total(dropped)
