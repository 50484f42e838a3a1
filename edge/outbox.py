"""Events that the broker has not acknowledged yet: one SQLite file that survives kill -9 and a power cut.

An event is on disk when ``append`` returns. If the disk can't take it (full, read-only), it waits in memory,
keeps its number and its place, is delivered from there, and is written with the next call that finds room.
"""

import json
import logging
import sqlite3
import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from edge.clock import Clock
from edge.config import OutboxConfig
from edge.errors import StoreError
from edge.events import Event, Place, cloud_event

_log = logging.getLogger(__name__)
_WAITING_MAX = 5_000
"""Events kept in memory while the disk refuses them; about 1 kB each."""
_MIGRATIONS = (
    (
        "events",
        """CREATE TABLE events (
               sequence INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT NOT NULL, body TEXT NOT NULL);
           CREATE INDEX summaries ON events (sequence) WHERE type = 'summary';""",
    ),
)
"""Name and statements of each step; ``PRAGMA user_version`` counts the steps that a file has had."""
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

    Raises:
        StoreError: the file can't be made, opened or written, or another process uses it. Damage is no error:
            the file is set aside as ``<name>.damaged-<UTC>``, and a fresh one begins with number 1.
    """

    def __init__(self, settings: OutboxConfig, clock: Clock) -> None:
        self._path, self._max_rows, self._clock = settings.path, settings.max_rows, clock
        self._lock = threading.Lock()
        self._waiting: deque[Stored] = deque()
        self._removed: set[int] = set()
        self.problem: str | None = None
        """What is wrong with the disk right now and the way out, as a full sentence."""
        self.dropped = 0
        """Events lost since the start because the outbox was full."""
        self._db = _connect(self._path, clock)
        self._rows = int(self._db.execute("SELECT count(*) FROM events").fetchone()[0])
        last = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
        self._last = int(last[0]) if last else 0

    @property
    def last(self) -> int:
        """The number given last; 0 before the first event ever."""
        return self._last

    @property
    def depth(self) -> int:
        """Events that the broker has not acknowledged."""
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
            if self.problem:
                self._settle()
            try:
                rows = self._db.execute(
                    "SELECT sequence, type, body FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?",
                    (after, limit + len(self._removed)),
                ).fetchall()
            except sqlite3.DatabaseError as e:
                self._complain(e)
                rows = []
            stored = [Stored(*row) for row in rows if row[0] not in self._removed]
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

    def close(self) -> None:
        """Write what can be written and let go of the file; closing twice is no mistake."""
        with self._lock:
            if self.problem:
                self._settle()
            if self._waiting:
                _log.error("%d events are lost: %s", len(self._waiting), self.problem)
            self._db.close()

    def _settle(self) -> None:
        """Bring the file up to date in one transaction; what the disk refuses stays in memory."""
        db, new = self._db, [(s.sequence, s.type, s.body) for s in self._waiting]
        try:
            with db:
                db.execute("BEGIN IMMEDIATE")
                db.executemany("INSERT INTO events VALUES (?, ?, ?)", new)
                if self.problem:
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
            self._complain(e)
            return
        self._rows = rows - over
        self._waiting.clear()
        self._removed.clear()
        self._count_drops(over)
        if self.problem:
            _log.warning("outbox %s: written again", self._path)
            self.problem = None

    def _complain(self, error: sqlite3.DatabaseError) -> None:
        text = str(_store_error(self._path, error))
        if not self.problem:
            _log.error("%s", text)
        self.problem = f"{text}. Until then {len(self._waiting)} events wait in memory alone"

    def _count_drops(self, number: int) -> None:
        if number and self.dropped % 1000 == 0:
            _log.error("outbox %s is full (%d events): the oldest are dropped", self._path, self._max_rows)
        self.dropped += number


def _connect(path: Path, clock: Clock) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return _open(path)
        except sqlite3.OperationalError as e:  # locked, full, read-only: the file itself is in order
            raise _store_error(path, e) from e
        except sqlite3.DatabaseError as e:
            _set_aside(path, clock, e)
            return _open(path)
    except StoreError:
        raise
    except OSError as e:
        raise StoreError(f"outbox {path} can't be made ({e}): give [outbox] path a writable place") from e


def _open(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=1.0, isolation_level=None, check_same_thread=False)
    try:
        for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = FULL"):
            db.execute(f"PRAGMA {pragma}")
        found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise sqlite3.DatabaseError(found)
        _migrate(db, path)
    except (sqlite3.Error, StoreError):
        db.close()
        raise
    return db


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    version, known = db.execute("PRAGMA user_version").fetchone()[0], len(_MIGRATIONS)
    if version > known:
        raise StoreError(
            f"outbox {path} was made by a newer maskgate (format {version}; this one knows {known}): "
            "install that version again, or move the file away"
        )
    for number, (name, statements) in enumerate(_MIGRATIONS[version:], start=version + 1):
        _log.info("outbox %s: migration %d, %s", path, number, name)
        db.executescript(f"BEGIN IMMEDIATE; {statements} PRAGMA user_version = {number}; COMMIT;")


def _set_aside(path: Path, clock: Clock, error: Exception) -> None:
    aside = f"{path.name}.damaged-{clock.utc():%Y%m%dT%H%M%SZ}"
    for part in ("", "-wal", "-shm"):
        old = path.with_name(path.name + part)
        if old.exists():
            old.rename(path.with_name(aside + part))
    _log.error("outbox %s is damaged (%s): set aside as %s, a fresh one begins", path, error, aside)


def _store_error(path: Path, error: sqlite3.DatabaseError) -> StoreError:
    if not isinstance(error, sqlite3.OperationalError):
        advice = "the file is damaged; restart maskgate, which sets it aside"
    elif "locked" in str(error):
        advice = "another process has it open; end the other maskgate, or give this one its own [outbox] path"
    elif "full" in str(error):
        advice = f"make room on the disk that holds {path.parent}"
    else:
        advice = f"let this user write to {path.parent}, on a disk that is not read-only"
    return StoreError(f"outbox {path} can't be written ({error}): {advice}")
