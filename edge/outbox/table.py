"""The events in the outbox's file, and which of them go first when there are too many."""

import sqlite3
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from edge.config import OutboxConfig
from edge.outbox.losses import Account, Reason, added, loss
from edge.outbox.stored import ALL, Stored

Previous = Literal["none", "stopped", "ended without warning"]
_DROP_FIRST = """DELETE FROM events WHERE sequence = coalesce(
    (SELECT min(sequence) FROM events WHERE type = 'summary'),
    (SELECT sequence FROM events WHERE open IS NULL ORDER BY sequence LIMIT 1),
    (SELECT min(sequence) FROM events)) RETURNING type, body"""
_DROP_OLD = "DELETE FROM events WHERE recorded < ? RETURNING type, body"


@dataclass(frozen=True, slots=True)
class Change:
    """What one transaction changes."""

    new: tuple[Stored, ...]
    removed: frozenset[int]
    """Numbers that the broker has acknowledged."""
    untold: Account
    """Losses that no event has reported yet."""
    spent: int | None
    """A number that must never be given again, although its event may not be in ``new``."""
    oldest: float | None
    """Events recorded before this moment (seconds since 1970) are too old; None: don't look for any."""
    orderly: bool
    """The run ends here, and as it should."""


class Table:
    """The content of an open file. Its methods raise SQLite's own errors.

    Args:
        db: the open file, with all its tables.
        settings: how much it may hold.
    """

    def __init__(self, db: sqlite3.Connection, settings: OutboxConfig) -> None:
        self._db, self._settings = db, settings
        self.rows, self.size = db.execute(
            "SELECT count(*), coalesce(sum(length(body)), 0) FROM events"
        ).fetchone()
        """The number of events, and the characters of their bodies."""
        last = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
        self.last = int(last[0]) if last else 0
        """The number given last before the file was opened."""
        run = db.execute("SELECT orderly FROM run").fetchone()
        self.previous: Previous | None = run and ("stopped" if run[0] else "ended without warning")
        """How the run before ended; None if the file does not say."""
        told = db.execute("SELECT reason, type, count FROM dropped").fetchall()
        self.untold: Account = added(*({reason: Counter({kind: count})} for reason, kind, count in told))
        self._marked = False

    def read(self, after: int, limit: int) -> list[Stored]:
        """The oldest events with a number above ``after``, oldest first."""
        found = self._db.execute(
            "SELECT sequence, type, body FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?",
            (after, limit),
        )
        return [Stored(*row) for row in found]

    def write(self, change: Change) -> Account:
        """Write all of a change or nothing. Returns what had to be dropped; ``untold`` includes it."""
        with self._db as db:
            db.execute("BEGIN IMMEDIATE")
            self._insert(change)
            gone = [
                size
                for number in change.removed
                for (size,) in db.execute(
                    "DELETE FROM events WHERE sequence = ? RETURNING length(body)", (number,)
                )
            ]
            rows = self.rows + len(change.new) - len(gone)
            size = self.size + sum(len(s.body) for s in change.new) - sum(gone)
            rows, size, dropped = self._enforce(rows, size, change.oldest)
            untold = added(change.untold, dropped)
            self._keep(untold)
            if not self._marked or change.orderly:
                db.execute("DELETE FROM run")
                db.execute("INSERT INTO run VALUES (?)", (change.orderly,))
        self.rows, self.size, self.untold, self._marked = rows, size, untold, True
        return dropped

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _insert(self, change: Change) -> None:
        db = self._db
        for event in change.new:
            if event.ends == ALL:
                db.execute("UPDATE events SET open = NULL WHERE open IS NOT NULL")
            elif event.ends is not None:
                db.execute("UPDATE events SET open = NULL WHERE open = ?", (event.ends,))
            row = (event.sequence, event.type, event.body, event.open, event.recorded)
            db.execute(
                "INSERT INTO events (sequence, type, body, open, recorded) VALUES (?, ?, ?, ?, ?)", row
            )
        if change.spent is not None:
            spent = (change.spent,)
            db.execute("INSERT OR IGNORE INTO events (sequence, type, body) VALUES (?, 'number', '')", spent)
            db.execute("DELETE FROM events WHERE sequence = ? AND type = 'number'", spent)

    def _enforce(self, rows: int, size: int, oldest: float | None) -> tuple[int, int, Account]:
        """Drop what is too old, then one event after the other until the rest is within the bounds."""
        dropped: Account = {}
        too_old = [] if oldest is None else self._db.execute(_DROP_OLD, (oldest,)).fetchall()
        for kind, body in too_old:
            dropped = added(dropped, loss("age", kind, body))
            rows, size = rows - 1, size - len(body)
        while rows > self._settings.max_rows or size > self._settings.max_bytes:
            reason: Reason = "rows" if rows > self._settings.max_rows else "bytes"
            ((kind, body),) = self._db.execute(_DROP_FIRST).fetchall()
            dropped = added(dropped, loss(reason, kind, body))
            rows, size = rows - 1, size - len(body)
        return rows, size, dropped

    def _keep(self, untold: Account) -> None:
        if untold == self.untold:
            return
        self._db.execute("DELETE FROM dropped")
        for reason, counts in untold.items():
            for kind, count in counts.items():
                self._db.execute("INSERT INTO dropped VALUES (?, ?, ?)", (reason, kind, count))
