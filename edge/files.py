"""Files that others may have put there, and names that last."""

import os
import stat
from pathlib import Path
from typing import BinaryIO


class NotPlainError(OSError):
    """It is no file, but a folder, a pipe or a device."""


def open_plain(path: Path) -> BinaryIO:
    """Open a plain file to be read: no link is followed, and a pipe makes nobody wait.

    Raises:
        NotPlainError: it is something else.
        OSError: it can't be opened; a link neither.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise NotPlainError(f"{path}: is no plain file")
    return os.fdopen(handle, "rb")


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
