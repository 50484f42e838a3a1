"""The lock that admits one call of the updater at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.errors import UpdateError


@contextmanager
def update_lock(folder: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold the lock of root's folder, which is made if it is missing.

    Args:
        folder: root's folder.
        wait: whether to wait for another call to end.

    Raises:
        UpdateError: the folder can't be written.
        BlockingIOError: another call is at work, and it is not to be waited for.
    """
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        lock = os.fdopen(os.open(folder / "lock", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600), "wb")
    except OSError as e:
        raise UpdateError(f"{folder}: can't be written: {e.strerror}. Updates need root: use sudo") from e
    with lock:
        os.fchmod(lock.fileno(), 0o600)  # who can open it, can hold it; version 0.1.0 let anybody
        fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
