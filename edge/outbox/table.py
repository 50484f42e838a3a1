"""The events in the outbox's file, and which of them go first when there are too many."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, get_args

from edge.config import OutboxConfig
from edge.outbox.losses import Account, Losses, Reason, added, damage, loss
from edge.outbox.stored import ALL, Row, Stored

Previous = Literal["none", "stopped", "ended without warning"]
_COLUMNS = "sequence, CAST(type AS BLOB), CAST(body AS BLOB), CAST(recorded AS BLOB), checksum"
_INSERT = "INSERT INTO events (sequence, type, body, open, recorded, checksum) VALUES (?, ?, ?, ?, ?, ?)"
_DROP_FIRST = f"""DELETE FROM events WHERE sequence = coalesce(
    (SELECT min(sequence) FROM events WHERE type = 'summary'),
    (SELECT sequence FROM events WHERE open IS NULL ORDER BY sequence LIMIT 1),
    (SELECT min(sequence) FROM events)) RETURNING {_COLUMNS}"""  # noqa: S608 - no value in it
_TRIM = """DELETE FROM damaged
    WHERE sequence NOT IN (SELECT sequence FROM damaged ORDER BY sequence DESC LIMIT ?)"""
_USED = (
    _INSERT,
    _DROP_FIRST,
    _TRIM,
    "INSERT OR REPLACE INTO damaged SELECT * FROM events WHERE sequence = ?",
    "INSERT INTO dropped (reason, type, count) VALUES (?, ?, ?)",
    "INSERT INTO lost (sequence) VALUES (?)",
    "INSERT INTO run (orderly) VALUES (?)",
    "UPDATE events SET open = NULL WHERE open = ?",
)
"""One statement for each table and column that is used."""
_AHEAD_MAX = 10_000
"""The file may be this much ahead of the second place, if that could not be written for a while."""
_SET_ASIDE_MAX = 100
"""Damaged rows that are kept to be looked at."""


@dataclass(frozen=True, slots=True)
class Change:
    """What one transaction changes."""

    new: tuple[Stored, ...]
    removed: frozenset[int]
    """Numbers that the broker has acknowledged."""
    damaged: frozenset[int]
    """Numbers of rows that are damaged, and are set aside."""
    untold: Account
    """Losses that no event has reported yet."""
    spent: int | None
    """A number that must never be given again, although its event may not be in ``new``."""
    oldest: float | None
    """Events recorded before this moment (seconds since 1970) are too old; None: don't look for any."""
    orderly: bool
    """The run ends here, and as it should."""


@dataclass(slots=True)
class FoundRows:
    """What a search for events has found."""

    events: list[Stored] = field(default_factory=list)
    damaged: list[int] = field(default_factory=list)
    """Numbers of damaged rows among them."""


class Table:
    """The content of an open file. Its methods raise SQLite's own errors.

    Args:
        db: the open file, with all its tables.
        settings: how much it may hold.
        known: the highest number that the second place knows; 0 if it knows none.
    """

    def __init__(self, db: sqlite3.Connection, settings: OutboxConfig, known: int = 0) -> None:
        self._db, self._settings = db, settings
        for statement in _USED:  # a damaged schema shows now, and not in the middle of a transaction
            db.execute(f"EXPLAIN {statement}", (0,) * statement.count("?"))
        self.rows, self.size = db.execute(
            "SELECT count(*), coalesce(sum(length(CAST(body AS BLOB))), 0) FROM events"
        ).fetchone()
        """The number of events, and the bytes of their bodies."""
        self.last = self._last_number(known)
        """The number given last before the file was opened, as far as the file knows."""
        self.beyond = [r.sequence for r in self._scan("sequence < 1 OR sequence > ?", max(self.last, known))]
        """Rows with a number that was never given: they are damaged, and in the way of later events."""
        run = db.execute("SELECT orderly FROM run").fetchone()
        self.previous: Previous | None = run and ("stopped" if run[0] else "ended without warning")
        """How the run before ended; None if the file does not say."""
        self.untold = self._read_untold()
        self._marked = False

    def read(self, after: int, limit: int) -> FoundRows:
        """The oldest events with a number above ``after``, oldest first; damaged rows are passed over."""
        found = FoundRows()
        for row in self._scan("sequence > ? ORDER BY sequence", after):
            event = row.event()
            if event is None:
                found.damaged.append(row.sequence)
                continue
            found.events.append(event)
            if len(found.events) == limit:
                break
        return found

    def write(self, change: Change) -> Account:
        """Write all of a change or nothing. Returns what had to be dropped; ``untold`` includes it."""
        with self._db as db:
            db.execute("BEGIN IMMEDIATE")
            for number in change.damaged:
                self._set_aside(number)
            gone = [
                size
                for number in change.removed | change.damaged
                for (size,) in db.execute(
                    "DELETE FROM events WHERE sequence = ? RETURNING length(CAST(body AS BLOB))", (number,)
                )
            ]
            self._insert(change)
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

    def _scan(self, where: str, value: float) -> Iterator[Row]:
        cursor = self._db.execute(f"SELECT {_COLUMNS} FROM events WHERE {where}", (value,))  # noqa: S608 - ours
        try:
            for row in cursor:
                yield Row(*row)
        finally:
            cursor.close()

    def _last_number(self, known: int) -> int:
        rows = (row.sequence for row in self._scan("sequence > ? ORDER BY sequence DESC", 0) if row.event())
        found = next(rows, 0)
        counter = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
        count = counter[0] if counter and isinstance(counter[0], int) else 0
        if (
            known and count > known + _AHEAD_MAX
        ):  # a damaged counter; without the second place it is all we have
            count = 0
        return max(found, count)

    def _insert(self, change: Change) -> None:
        db = self._db
        for event in change.new:
            if event.ends == ALL:
                db.execute("UPDATE events SET open = NULL WHERE open IS NOT NULL")
            elif event.ends is not None:
                db.execute("UPDATE events SET open = NULL WHERE open = ?", (event.ends,))
            row = (event.sequence, event.type, event.body, event.open, event.recorded, event.checksum)
            db.execute(_INSERT, row)
        if change.spent is not None:
            spent = (change.spent,)
            db.execute("INSERT OR IGNORE INTO events (sequence, type, body) VALUES (?, 'number', '')", spent)
            db.execute("DELETE FROM events WHERE sequence = ? AND type = 'number'", spent)

    def _set_aside(self, number: int) -> None:
        self._db.execute("INSERT OR REPLACE INTO damaged SELECT * FROM events WHERE sequence = ?", (number,))
        self._db.execute(_TRIM, (_SET_ASIDE_MAX,))

    def _enforce(self, rows: int, size: int, oldest: float | None) -> tuple[int, int, Account]:
        """Drop what is too old, then one event after the other until the rest is within the bounds."""
        dropped: Account = {}
        too_old = [] if oldest is None else list(self._scan("recorded < ?", oldest))
        for row in too_old:
            self._db.execute("DELETE FROM events WHERE sequence = ?", (row.sequence,))
            dropped = added(dropped, _dropped("age", row))
            rows, size = rows - 1, size - row.size
        while rows > self._settings.max_rows or size > self._settings.max_bytes:
            reason: Reason = "rows" if rows > self._settings.max_rows else "bytes"
            ((*columns,),) = self._db.execute(_DROP_FIRST).fetchall()
            row = Row(*columns)
            dropped = added(dropped, _dropped(reason, row))
            rows, size = rows - 1, size - row.size
        return rows, size, dropped

    def _read_untold(self) -> Account:
        """The losses that an earlier run has not reported; a damaged count is passed over."""
        untold: Account = {}
        for reason, kind, count in self._db.execute("SELECT reason, type, count FROM dropped"):
            known = [r for r in get_args(Reason) if r.encode() == reason]
            if known and isinstance(kind, bytes) and isinstance(count, int) and count > 0:
                counts = Counter({kind.decode(errors="replace"): count})
                untold = added(untold, {known[0]: Losses(counts)})
        numbers = [number for (number,) in self._db.execute("SELECT sequence FROM lost ORDER BY sequence")]
        if "damaged" in untold:
            untold = added(untold, {"damaged": Losses(Counter(), tuple(numbers))})
        return untold

    def _keep(self, untold: Account) -> None:
        if untold == self.untold:
            return
        self._db.execute("DELETE FROM dropped")
        self._db.execute("DELETE FROM lost")
        for reason, losses in untold.items():
            for kind, count in losses.counts.items():
                self._db.execute("INSERT INTO dropped VALUES (?, ?, ?)", (reason, kind, count))
            for number in losses.numbers:
                self._db.execute("INSERT OR IGNORE INTO lost VALUES (?)", (number,))


def _dropped(reason: Reason, row: Row) -> Account:
    event = row.event()
    return damage([row.sequence], 1) if event is None else loss(reason, event.type, event.body)
