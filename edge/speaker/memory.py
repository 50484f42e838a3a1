"""What the speakers have decided and announced: a restart announces nothing twice and breaks no silence."""

import logging
import sqlite3
import threading
from pathlib import Path

from edge.speaker.announcer import REMEMBERED

_log = logging.getLogger(__name__)
_TABLE = """CREATE TABLE IF NOT EXISTS decided (
    number INTEGER PRIMARY KEY, speaker TEXT NOT NULL, violation TEXT NOT NULL,
    begun INTEGER NOT NULL, at_s REAL, UNIQUE (speaker, violation))"""
_CLEAR_EVERY = 1000
"""Decisions between two clearings of the table."""


class AnnouncementMemory:
    """A small SQLite file; any thread may use it.

    It is written without waiting for the disk, which is safe from ``kill -9``. A power cut may take the last
    rows, but their violations are too old to be announced when the machine is up again.

    Args:
        path: made if it is missing. A damaged file is replaced by a fresh one. If there can be no file, the
            decisions are kept until the next restart.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._lock, self._written = path, threading.Lock(), 0
        self._no_file: str | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = _open(path)
        except (OSError, sqlite3.Error) as e:
            self._no_file = self._complaint(e)
            _log.error("%s", self._no_file)
            self._db = _connect(Path(":memory:"))
        self.problem = self._no_file
        """Why nothing can be written, as a full sentence."""

    def decided(self, speaker: str) -> list[str]:
        """The violations that a speaker has decided about, oldest first."""
        sql = "SELECT violation FROM decided WHERE speaker = ? ORDER BY number"
        return [row[0] for row in self._read(sql, speaker)][-REMEMBERED:]

    def last_s(self, speaker: str, now_s: float) -> float:
        """When its last announcement ended, or started if the end is not known; minus infinity if never.

        Monotonic seconds go on over a restart of the speaker, but not of the machine: a time in the future is
        from before a restart of the machine.
        """
        sql = "SELECT max(at_s) FROM decided WHERE speaker = ? AND at_s <= ?"
        last = self._read(sql, speaker, now_s)[0][0]
        return float("-inf") if last is None else float(last)

    def unfinished(self, speaker: str) -> list[str]:
        """Violations whose announcement had started when the speaker was ended."""
        sql = "SELECT violation FROM decided WHERE speaker = ? AND begun ORDER BY number"
        return [row[0] for row in self._read(sql, speaker)]

    def decide(self, speaker: str, violation: str, starts_s: float | None) -> None:
        """Note a decision: the announcement starts at ``starts_s`` (monotonic), or there is none (None)."""
        sql = "INSERT OR REPLACE INTO decided (speaker, violation, begun, at_s) VALUES (?, ?, ?, ?)"
        self._write(sql, speaker, violation, starts_s is not None, starts_s)
        self._written += 1
        if self._written % _CLEAR_EVERY == 0:
            self._write(
                "DELETE FROM decided WHERE number <= (SELECT max(number) FROM decided) - ?", 4 * REMEMBERED
            )

    def end(self, speaker: str, violation: str, ended_s: float | None) -> None:
        """Note that an announcement ended at ``ended_s`` (monotonic seconds), or failed (None)."""
        sql = "UPDATE decided SET begun = 0, at_s = ? WHERE speaker = ? AND violation = ?"
        self._write(sql, ended_s, speaker, violation)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _read(self, sql: str, *values: object) -> list[tuple[str]]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def _write(self, sql: str, *values: object) -> None:
        """What can't be written is forgotten at the next restart; the announcement is made all the same."""
        with self._lock:
            try:
                self._db.execute(sql, values)
            except sqlite3.DatabaseError as e:
                complaint = self._complaint(e)
                if self.problem is None:
                    _log.error("%s", complaint)
                self.problem = complaint
            else:
                self.problem = self._no_file

    def _complaint(self, error: Exception) -> str:
        return (
            f"{self._path}: the speaker's memory can't be written ({error}): after a restart it may announce "
            "something twice; let this user write there, and make room on the disk"
        )


def _open(path: Path) -> sqlite3.Connection:
    try:
        return _connect(path)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as e:
        _log.error("%s is damaged (%s): it is replaced by a fresh one", path, e)
        for part in ("", "-wal", "-shm"):
            path.with_name(path.name + part).unlink(missing_ok=True)
        return _connect(path)


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=1.0, isolation_level=None, check_same_thread=False)
    try:
        for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL", _TABLE):
            db.execute(statement)
        if (found := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise sqlite3.DatabaseError(found)
    except sqlite3.Error:
        db.close()
        raise
    return db
