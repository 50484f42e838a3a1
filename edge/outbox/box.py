"""The queue of events, in order and numbered without gaps.

An event is on disk when ``append`` returns. If the disk can't take it (full, read-only), it waits in memory,
keeps its number and its place, is delivered from there, and is written with the next call that finds room.

Numbers go on after the last one in the file. Where nothing is known of it, they begin with 1: without a file,
with a damaged one, and with one that the disk would not give out at the start.
"""

import json
import logging
import sqlite3
import threading
from collections import deque
from dataclasses import dataclass

from edge.clock import Clock
from edge.config import OutboxConfig
from edge.errors import StoreError
from edge.events import Event, Place, cloud_event
from edge.outbox.file import DiskError, open_file, rows_and_last, store_text

_log = logging.getLogger(__name__)
_WAITING_MAX = 5_000
"""Events kept in memory while the disk refuses them; about 1 kB each."""
_DROP_ONE = """DELETE FROM events WHERE sequence = coalesce(
    (SELECT min(sequence) FROM events WHERE type = 'summary'), (SELECT min(sequence) FROM events))"""


@dataclass(frozen=True, slots=True)
class Stored:
    """An event that waits for the broker."""

    sequence: int
    type: str
    body: str
    """The CloudEvent as JSON, as it was when it was stored: an update of the software does not touch it."""


class Outbox:
    """First in, first out. Any number of threads may use it, but one process: a second one is turned away.

    A full outbox drops its oldest summaries, and when it has none its oldest events.

    Args:
        settings: where the file lies and how many events it may hold.
        clock: gives ``recordedtime``.

    A disk that refuses the file at the start (full, read-only, failing) is no error: everything waits in
    memory until the file can be made. If there was one in use before, it is left alone until the next start,
    since its numbers would not fit in.

    Raises:
        StoreError: there is no such place, this user may not write there, or another process uses it. Damage
            is no error: the file is set aside as ``<name>.damaged-<UTC>``, and a fresh one begins.
    """

    def __init__(self, settings: OutboxConfig, clock: Clock) -> None:
        self._path, self._max_rows, self._clock = settings.path, settings.max_rows, clock
        self._lock = threading.Lock()
        self._waiting: deque[Stored] = deque()
        self._removed: set[int] = set()
        self._trouble: str | None = None
        self.dropped = 0
        """Events lost since the start because the outbox was full."""
        self._left_alone = self._closed = False
        self._rows = self._last = 0
        self._db: sqlite3.Connection | None = None
        try:
            self._db = open_file(self._path, clock)
            self._rows, self._last = rows_and_last(self._db)
        except DiskError as e:
            self._complain(str(e))

    @property
    def problem(self) -> str | None:
        """What is wrong with the disk right now and the way out, as a full sentence."""
        if self._trouble is None:
            return None
        return f"{self._trouble}. Until then {len(self._waiting)} events wait in memory alone"

    @property
    def last(self) -> int:
        """The number given last; 0 before the first event ever."""
        return self._last

    @property
    def depth(self) -> int:
        """Events that the broker has not acknowledged."""
        with self._lock:
            return max(0, self._rows - len(self._removed)) + len(self._waiting)

    def append(self, event: Event, place: Place) -> int:
        """Store an event; returns its number, one more than the last one's, over restarts too."""
        with self._lock:
            self._last += 1
            wire = cloud_event(event, place, sequence=self._last, recorded=self._clock.utc())
            self._waiting.append(Stored(self._last, event.type, json.dumps(wire, separators=(",", ":"))))
            if len(self._waiting) > min(_WAITING_MAX, self._max_rows):
                self._waiting.remove(
                    next((s for s in self._waiting if s.type == "summary"), self._waiting[0])
                )
                self._count_drops(1)
            self._settle()
            return self._last

    def pending(self, after: int, limit: int) -> list[Stored]:
        """The oldest events with a number above ``after``, oldest first."""
        with self._lock:
            if self._trouble:
                self._settle()
            found = self._read(after, limit + len(self._removed))
            stored = [s for s in found if s.sequence not in self._removed]
            return [*stored, *(s for s in self._waiting if s.sequence > after)][:limit]

    def remove(self, sequence: int) -> None:
        """The broker has it. A number that was dropped meanwhile is no mistake."""
        with self._lock:
            kept = [s for s in self._waiting if s.sequence != sequence]
            if len(kept) < len(self._waiting):
                self._waiting = deque(kept)
            else:
                self._removed.add(sequence)
            self._settle()

    def close(self) -> int:
        """Write what can be written and let go of the file; closing twice is no mistake.

        Returns:
            How many events are lost: they were in memory alone, and the disk has not taken them.
        """
        with self._lock:
            if self._closed:
                return len(self._waiting)
            if self._trouble:
                self._settle()
            if self._waiting:
                _log.error("%d events are lost: %s", len(self._waiting), self.problem)
            if self._db is not None:
                self._db.close()
            self._closed = True
            return len(self._waiting)

    def _read(self, after: int, limit: int) -> list[Stored]:
        """What the file holds above a number."""
        if self._db is None:
            return []
        try:
            rows = self._db.execute(
                "SELECT sequence, type, body FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?",
                (after, limit),
            ).fetchall()
        except sqlite3.DatabaseError as e:
            self._complain(store_text(self._path, e))
            return []
        return [Stored(*row) for row in rows]

    def _open_late(self) -> None:
        """What the start could not do."""
        if self._left_alone:
            return
        try:
            db = open_file(self._path, self._clock, patience_s=0.0)
        except StoreError as e:
            self._complain(str(e))
            return
        if rows_and_last(db) == (0, 0):
            self._db = db
            return
        db.close()
        self._left_alone = True
        self._complain(f"outbox {self._path} can be opened again: restart maskgate, which goes on with it")

    def _settle(self) -> None:
        """Bring the file up to date in one transaction; what the disk refuses stays in memory."""
        if self._db is None:
            self._open_late()
        db, new = self._db, [(s.sequence, s.type, s.body) for s in self._waiting]
        if db is None:
            return
        try:
            with db:
                db.execute("BEGIN IMMEDIATE")
                db.executemany("INSERT INTO events VALUES (?, ?, ?)", new)
                if self._trouble:
                    # The last number may have gone out from memory alone: it must never be given again.
                    db.execute("INSERT OR IGNORE INTO events VALUES (?, 'number', '')", (self._last,))
                    db.execute("DELETE FROM events WHERE sequence = ? AND type = 'number'", (self._last,))
                gone = [(s,) for s in self._removed]
                deleted = (
                    db.executemany("DELETE FROM events WHERE sequence = ?", gone).rowcount if gone else 0
                )
                rows = self._rows + len(new) - deleted
                over = max(0, rows - self._max_rows)
                for _ in range(over):
                    db.execute(_DROP_ONE)
        except sqlite3.DatabaseError as e:
            self._complain(store_text(self._path, e))
            return
        self._rows = rows - over
        self._waiting.clear()
        self._removed.clear()
        self._count_drops(over)
        if self._trouble:
            _log.warning("outbox %s: written again", self._path)
            self._trouble = None

    def _complain(self, text: str) -> None:
        if self._trouble is None or self._left_alone:
            _log.error("%s", text)
        self._trouble = text

    def _count_drops(self, number: int) -> None:
        if number and self.dropped % 1000 == 0:
            _log.error("outbox %s is full (%d events): the oldest are dropped", self._path, self._max_rows)
        self.dropped += number
