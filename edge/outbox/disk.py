"""The outbox's file, whatever the disk does: full, read-only, damaged, or back again.

Nothing here raises an error of the disk: what could not be done stands in ``trouble``, and is tried again.

SD cards wear out. So an acknowledged event is deleted with the next event's transaction, or when
``_REMOVALS`` deletions wait. A power cut before that causes repeats with the same id, and nothing else.
"""

import logging
import sqlite3
from collections.abc import Sequence

from edge.clock import Clock
from edge.config import OutboxConfig
from edge.errors import StoreError
from edge.outbox.age import AgeLimit
from edge.outbox.file import DiskError, open_file, set_aside, store_text
from edge.outbox.last_number import Given, LastNumber
from edge.outbox.losses import Account, added, damage, total
from edge.outbox.stored import Stored
from edge.outbox.table import Change, Previous, Table
from edge.values import counted

_log = logging.getLogger(__name__)
_REMOVALS = 32
"""Acknowledged events that may wait for their deletion."""
_ROOM = "make room on the disk, and let this user write there"


class Disk:
    """The file, its second place, and the losses that no event has reported yet.

    Args:
        settings: where the file lies and how much it may hold.
        clock: names a file that is set aside, and says what is too old.

    Raises:
        StoreError: the folder can't be made, this user may not write there, or another process uses the file.
    """

    def __init__(self, settings: OutboxConfig, clock: Clock) -> None:
        self._path, self._settings, self._clock = settings.path, settings, clock
        self._removed: set[int] = set()
        self._damaged: set[int] = set()
        self._left_alone = False
        self._age = AgeLimit(clock, settings.max_age_days)
        self.trouble: str | None = None
        """What the disk refuses, and what to do."""
        self.untold: Account = {}
        """Losses that no event has reported yet."""
        self.dropped = 0
        """Events lost since the start."""
        self.previous: Previous = "ended without warning" if self._path.exists() else "none"
        """How the run before ended."""
        self._table: Table | None = None
        self._numbers = LastNumber(self._path.with_name(f"{self._path.name}.number"))
        self._given = self.given = self._numbers.read()
        """What was known of the numbers at the start."""
        try:
            self._use(open_file(self._path, clock, lambda db: Table(db, settings, self.given.last)))
        except DiskError as e:
            self._complain(str(e))

    @property
    def depth(self) -> int:
        """The number of events in the file that the broker has not acknowledged."""
        rows = 0 if self._table is None else self._table.rows
        return max(0, rows - len(self._removed) - len(self._damaged))

    @property
    def size(self) -> int:
        """The bytes of the bodies in the file."""
        return 0 if self._table is None else self._table.size

    def read(self, after: int, limit: int) -> list[Stored]:
        """The oldest events in the file with a number above ``after``, oldest first."""
        if self._table is None:
            return []
        try:
            found = self._table.read(after, limit + len(self._removed))
        except sqlite3.DatabaseError as e:
            self._failed(e)
            return []
        if damaged := set(found.damaged) - self._damaged:
            self._lost(sorted(damaged), len(damaged))
            self._damaged |= damaged
            self.write((), self.given.last)
        return [event for event in found.events if event.sequence not in self._removed][:limit]

    def remove(self, number: int) -> bool:
        """Let an event be deleted with the next ``write``; returns whether it is time for that."""
        self._removed.add(number)
        return len(self._removed) >= _REMOVALS

    def removes_after(self, number: int) -> bool:
        """Whether an event with a higher number waits for its deletion."""
        return any(removed > number for removed in self._removed)

    def write(self, new: Sequence[Stored], last: int, *, orderly: bool = False) -> bool:
        """Bring the file up to date in one transaction.

        Args:
            new: events that are not in the file.
            last: the number given last.
            orderly: this run ends as it should.

        Returns:
            Whether the file has them now.
        """
        if self._table is None:
            self._open_late(last)
        if self._table is None:
            return False
        # The last number may have gone out from memory alone.
        spent = last if self.trouble else None
        removed, damaged = frozenset(self._removed), frozenset(self._damaged)
        change = Change(tuple(new), removed, damaged, self.untold, spent, self._age.oldest(), orderly=orderly)
        try:
            dropped = self._table.write(change)
        except sqlite3.DatabaseError as e:
            self._failed(e)
            return False
        self._removed.clear()
        self._damaged.clear()
        self.untold = self._table.untold
        self._count(dropped)
        if self.trouble:
            _log.warning("outbox %s: written again", self._path)
            self.trouble = None
        return True

    def drop(self, dropped: Account) -> None:
        """Count events that were dropped from memory, and report them later."""
        self.untold = added(self.untold, dropped)
        self._count(dropped)

    def note(self, given: Given, *, sync: bool = False) -> None:
        """Keep the highest number in the second place, too; with ``sync`` a power cut can't take it away."""
        self.given = given
        try:
            self._numbers.write(given)
            if sync:
                self._numbers.sync()
        except OSError as e:
            if self.trouble is None:
                self._complain(f"outbox {self._path}.number can't be written ({e}): {_ROOM}")

    def close(self) -> None:
        """Close the files."""
        self._numbers.close()
        if self._table is not None:
            self._table.close()

    def _use(self, table: Table) -> None:
        """Take an open file into use; what it has lost is counted."""
        lost = self._given.lost(table.last)
        self.untold = added(table.untold, self.untold)
        self._lost(lost, max(len(lost), len(table.beyond)))
        self._damaged.update(table.beyond)
        last = max(self.given.last, table.last)
        self.given = Given(last, self.given.acknowledged, self.given.waiting)
        self.previous = table.previous or self.previous
        self._table, self._given = table, Given()

    def _open_late(self, last: int) -> None:
        """Open the file that could not be opened at the start."""
        if self._left_alone:
            return
        try:
            table = open_file(
                self._path, self._clock, lambda db: Table(db, self._settings, last), patience_s=0.0
            )
        except StoreError as e:
            self._complain(str(e))
            return
        if table.last == 0:
            previous = self.previous
            self._use(table)
            self.previous = previous
            return
        table.close()
        self._left_alone = True
        self._complain(f"outbox {self._path} can be opened again: restart maskgate, which goes on with it")

    def _failed(self, error: sqlite3.DatabaseError) -> None:
        """Complain about an error of SQLite. A file that is damaged while it is in use is replaced."""
        if type(error) is not sqlite3.DatabaseError or self._table is None:  # its subclasses say otherwise
            self._complain(store_text(self._path, error))
            return
        self._lost((), self.depth)
        self._table.close()
        self._table = None
        self._removed.clear()
        self._damaged.clear()
        self._complain(store_text(self._path, error))
        try:
            set_aside(self._path, self._clock, error)
        except OSError as e:
            self._complain(f"outbox {self._path} is damaged and can't be set aside ({e}): move it away")

    def _lost(self, numbers: Sequence[int], count: int) -> None:
        """Count events that damage has taken; some of their numbers may be known."""
        if count:
            ends = dict.fromkeys(str(n) for n in (numbers[0], numbers[-1])) if numbers else ()
            named = f", number {' to '.join(ends)}" if ends else ""
            _log.error("outbox %s is damaged and has lost %s%s", self._path, counted(count, "event"), named)
        self.dropped += count
        self.untold = added(self.untold, damage(numbers, count))

    def _complain(self, text: str) -> None:
        if self.trouble is None or self._left_alone:
            _log.error("%s", text)
        self.trouble = text

    def _count(self, dropped: Account) -> None:
        if dropped and self.dropped % 1000 == 0:
            _log.error("outbox %s is full (%s): the oldest are dropped", self._path, ", ".join(dropped))
        self.dropped += total(dropped)
