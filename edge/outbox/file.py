"""Opens the outbox's SQLite file, brings it up to date, and sets it aside when it is damaged."""

import errno
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from edge.clock import Clock
from edge.errors import StoreError
from edge.outbox.stored import checksum

T = TypeVar("T")
_log = logging.getLogger(__name__)
_MIGRATIONS = (
    (
        "events",
        """CREATE TABLE events (
               sequence INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT NOT NULL, body TEXT NOT NULL);
           CREATE INDEX summaries ON events (sequence) WHERE type = 'summary';""",
    ),
    (
        "bounds",
        """ALTER TABLE events ADD COLUMN open TEXT;
           ALTER TABLE events ADD COLUMN recorded INTEGER;
           CREATE INDEX openings ON events (open) WHERE open IS NOT NULL;
           CREATE TABLE dropped (
               reason TEXT NOT NULL, type TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (reason, type));
           CREATE TABLE run (orderly INTEGER NOT NULL);""",
    ),
    (
        "checksums",
        """ALTER TABLE events ADD COLUMN checksum INTEGER;
           UPDATE events SET checksum = row_checksum(
               sequence, CAST(type AS BLOB), CAST(body AS BLOB), CAST(recorded AS BLOB));
           CREATE TABLE damaged (
               sequence INTEGER PRIMARY KEY, type TEXT, body TEXT, open TEXT, recorded INTEGER,
               checksum INTEGER);
           CREATE TABLE lost (sequence INTEGER PRIMARY KEY);""",
    ),
)
"""Name and statements of each migration. ``PRAGMA user_version`` counts those that a file has had."""
_WAL_PAGES = 100
"""After this many pages of 4 KiB, about 30 events, SQLite copies its write-ahead log into the database. A
damaged log loses what was written since then, so this bounds the loss."""
_IN_ORDER = ("locked", "full", "disk I/O", "readonly", "unable to open", "permission", "syntax error")
"""Words of SQLite's errors that do not come from the file's content. All others are damage: a changed byte in
the schema is a column that does not exist."""
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}
"""Errors of the disk itself. Any other error means that the configuration names a wrong place."""


class DiskError(StoreError):
    """The disk is full, read-only or failing. That is nobody's mistake, and it may pass."""


def open_file(
    path: Path, clock: Clock, use: Callable[[sqlite3.Connection], T], *, patience_s: float = 1.0
) -> T:
    """Open the file with all its tables, for this process alone. What is committed is on disk.

    Args:
        path: the file; made if need be, with its folder. A damaged file is set aside, and a fresh one opened.
        clock: gives the time in the name of a file that is set aside.
        use: gets the connection, and returns what this function returns. Its errors count as damage, too.
        patience_s: seconds that another process may take to close it.

    Raises:
        DiskError: the disk refuses.
        StoreError: the folder can't be made, this user may not write there, or another process uses the file.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return _open(path, use, patience_s)
        except sqlite3.DatabaseError as e:
            if isinstance(e, sqlite3.OperationalError) and any(text in str(e) for text in _IN_ORDER):
                raise
            set_aside(path, clock, e)
            return _open(path, use, patience_s)
    except sqlite3.DatabaseError as e:
        kind = DiskError if _disk_refuses(path, e) else StoreError
        raise kind(store_text(path, e)) from e
    except StoreError:
        raise
    except OSError as e:
        kind = DiskError if e.errno in _DISK else StoreError
        raise kind(f"outbox {path} can't be made ({e}): give [outbox] path a writable place") from e


def _disk_refuses(path: Path, error: sqlite3.DatabaseError) -> bool:
    text = str(error)
    if "full" in text or "disk I/O" in text or "locked" in text:
        return "locked" not in text
    try:  # SQLite only says "unable to open"; the system says why
        path.open("ab").close()
    except OSError as e:
        return e.errno in _DISK
    return False


def _open(path: Path, use: Callable[[sqlite3.Connection], T], patience_s: float) -> T:
    db = sqlite3.connect(path, timeout=patience_s, isolation_level=None, check_same_thread=False)
    try:
        # EXTRA must come before WAL: a power cut could bring back the journal from the making of the file,
        # and that would undo everything.
        for pragma in (
            "locking_mode = EXCLUSIVE",
            "synchronous = EXTRA",
            "journal_mode = WAL",
            f"wal_autocheckpoint = {_WAL_PAGES}",
        ):
            db.execute(f"PRAGMA {pragma}")
        db.text_factory = bytes  # a damaged row may hold what is not UTF-8
        db.create_function("row_checksum", 4, checksum, deterministic=True)
        answer = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if answer != b"ok":
            raise sqlite3.DatabaseError(answer.decode(errors="replace"))
        _migrate(db, path)
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return use(db)
    except (sqlite3.Error, StoreError):
        db.close()
        raise


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    version, known = db.execute("PRAGMA user_version").fetchone()[0], len(_MIGRATIONS)
    if version > known:
        raise StoreError(
            f"outbox {path} was made by a newer maskgate (format {version}; this one knows {known}): "
            "install that version again, or move the file away"
        )
    for number, (name, statements) in enumerate(_MIGRATIONS[version:], start=version + 1):
        db.executescript(f"BEGIN IMMEDIATE; {statements} PRAGMA user_version = {number}; COMMIT;")
        _log.info("outbox %s: migration %d, %s", path, number, name)


def set_aside(path: Path, clock: Clock, error: Exception) -> None:
    """Give a damaged file, which must be closed, another name."""
    aside = f"{path.name}.damaged-{clock.utc():%Y%m%dT%H%M%SZ}"
    for part in ("", "-wal", "-shm"):
        old = path.with_name(path.name + part)
        if old.exists():
            old.rename(path.with_name(aside + part))
    _log.error("outbox %s is damaged (%s): set aside as %s, and a fresh one is started", path, error, aside)


def store_text(path: Path, error: sqlite3.DatabaseError) -> str:
    """SQLite's error as a sentence that names the file and says what to do."""
    if not isinstance(error, sqlite3.OperationalError):
        advice = "the file is damaged, and is set aside"
    elif "locked" in str(error):
        advice = "another process has it open; stop that maskgate, or give this one its own [outbox] path"
    elif "full" in str(error):
        advice = f"make room on the disk that holds {path.parent}"
    else:
        advice = f"let this user write to {path.parent}, on a disk that is not read-only"
    return f"outbox {path} can't be written ({error}): {advice}"
