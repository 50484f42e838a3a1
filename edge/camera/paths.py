"""What lies at a path: each answer of the file system is one clear error, and a pipe blocks nobody."""

import stat
from enum import Enum
from pathlib import Path
from typing import BinaryIO

from edge.errors import CameraError


class Found(str, Enum):
    """What can lie at a path, in words that follow its name."""

    NOTHING = "no such file or folder"
    FILE = "is a file"
    FOLDER = "is a folder"
    OTHER = "is neither a file nor a folder, but a pipe, a socket or a device"


def what_lies_at(path: Path) -> Found:
    """Look at a path, following links.

    Raises:
        CameraError: it can't be looked at: no permission, a name that is too long, links in a circle.
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a name that no file can have
        return Found.NOTHING
    except OSError as e:
        raise CameraError(f"{path}: can't be read: {e.strerror}.") from e
    if stat.S_ISDIR(mode):
        return Found.FOLDER
    return Found.FILE if stat.S_ISREG(mode) else Found.OTHER


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading.

    Raises:
        CameraError: it does not exist, may not be read, or is not a regular file. A pipe is refused because
            it may never send anything.
    """
    found = what_lies_at(path)
    if found is not Found.FILE:
        raise CameraError(f"{path}: {found.value}.")
    try:
        return path.open("rb")
    except OSError as e:
        raise CameraError(f"{path}: can't be read: {e.strerror}.") from e


def require_utf8(name: str) -> None:
    """Make sure that OpenCV can be given this name: any other name makes it end the process.

    Raises:
        CameraError: the name holds bytes that are not UTF-8.
    """
    try:
        name.encode()
    except UnicodeEncodeError as e:
        raise CameraError(f"{name!r}: a name that is not valid UTF-8; rename it.") from e
