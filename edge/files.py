"""Files that are whole after a power cut, and files that another user may have put there."""

import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from edge.errors import StoreError

Step = Callable[[str], None]
"""Called with "create", "rename" and "sync" before each change to the disk: a test cuts the power there."""


class NotPlainError(OSError):
    """It is a folder, a pipe or a device, not a plain file."""


class TooLongError(OSError):
    """The file is longer than its reader allows."""


def _no_step(_: str) -> None:
    pass


def atomic_write(
    path: Path,
    data: bytes,
    *,
    mode: int | None = 0o644,
    owner: tuple[int, int] | None = None,
    step: Step = _no_step,
) -> None:
    """Write a file so that after a power cut there is either the old one or the new one, whole.

    Args:
        path: the file. What was there is replaced; a link is replaced by a file.
        data: its content.
        mode: its permissions, whatever the umask is; None on a file system that has none (FAT).
        owner: user and group number; None: those of this process.
        step: see ``Step``.

    Raises:
        StoreError: it can't be written. The old file is still there.
    """
    with atomic_writer(path, mode=mode, owner=owner, step=step) as file:
        file.write(data)


@contextmanager
def atomic_writer(
    path: Path, *, mode: int | None = 0o644, owner: tuple[int, int] | None = None, step: Step = _no_step
) -> Iterator[BinaryIO]:
    """The same for content that comes in parts: the file is replaced when the block ends without an error.

    The content goes into a new file beside it, which nobody else can have made: links and files that another
    user put at its name are removed or passed by. Missing folders above it are made.

    Raises:
        StoreError: it can't be written (an OSError of the block counts as that). The old file is still there.
    """
    try:
        make_folder(path.parent)
        folder = _open_folder(path.parent)
        try:
            step("create")
            new, handle = _new_file(path, folder)
            try:
                with os.fdopen(handle, "wb") as file:
                    yield file
                    file.flush()
                    if mode is not None:
                        os.fchmod(file.fileno(), mode)
                    if owner is not None:  # after the mode: root without CAP_FOWNER could not change it then
                        os.fchown(file.fileno(), *owner)
                        if mode is not None and mode > 0o777:  # chown has taken the set-id bits away
                            os.fchmod(file.fileno(), mode)
                    os.fsync(file.fileno())
                step("rename")
                os.replace(new, path)  # noqa: PTH105  as os.fsync: tests of power cuts watch these
            except Exception:
                with suppress(OSError):
                    new.unlink(missing_ok=True)
                raise
            step("sync")
            os.fsync(folder)
        finally:
            os.close(folder)
    except StoreError:
        raise
    except OSError as e:
        raise StoreError(f"{path}: can't be written: {e.strerror or e}") from e


def atomic_link(path: Path, target: str) -> None:
    """Make a symbolic link in the same way.

    Raises:
        StoreError: it can't be made.
    """
    new = _name_beside(path)
    try:
        make_folder(path.parent)
        new.unlink(missing_ok=True)
        new.symlink_to(target)
        os.replace(new, path)  # noqa: PTH105  as above
        sync_folder(path.parent)
    except OSError as e:
        raise StoreError(f"{path}: can't be made a link to {target}: {e.strerror}") from e


def remove(path: Path) -> None:
    """Remove a file, if it is there, and what a power cut left of a newer one.

    Raises:
        StoreError: it can't be removed.
    """
    try:
        for name in (_name_beside(path), path):
            name.unlink(missing_ok=True)
        if path.parent.is_dir():
            sync_folder(path.parent)
    except OSError as e:
        raise StoreError(f"{path}: can't be removed: {e.strerror}") from e


def make_folder(folder: Path, mode: int | None = None) -> None:
    """Make a folder and those above it, so that they last.

    Args:
        folder: the folder. One that exists is left as it is.
        mode: its permissions, whatever the umask is; None: as the umask allows.

    Raises:
        OSError: one can't be made.
    """
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(mode=0o777 if mode is None else mode, exist_ok=True)
    if mode is not None:
        folder.chmod(mode)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def open_plain(path: Path, *, follow: bool = False) -> BinaryIO:
    """Open a plain file for reading; a pipe or a device is refused at once and never waited for.

    Args:
        path: the file.
        follow: whether it may be a symbolic link; not where another user can have made it.

    Raises:
        NotPlainError: it is something else.
        OSError: it can't be opened.
    """
    links = 0 if follow else os.O_NOFOLLOW
    handle = os.open(path, os.O_RDONLY | links | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise NotPlainError(f"{path}: is not a plain file")
    return os.fdopen(handle, "rb")


def read_plain(path: Path, size_max: int, *, follow: bool = False) -> bytes:
    """The content of a plain file of at most ``size_max`` bytes; memory and time are bounded by that.

    Raises:
        NotPlainError: it is a folder, a pipe or a device.
        TooLongError: it is longer.
        OSError: it can't be read.
    """
    with open_plain(path, follow=follow) as file:
        data = file.read(size_max + 1)
    if len(data) > size_max:
        raise TooLongError(f"{path}: is longer than {size_max} bytes")
    return data


def _open_folder(folder: Path) -> int:
    """A folder, not one that another user's link leads to."""
    try:
        return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        link = folder.lstat()
        if not stat.S_ISLNK(link.st_mode) or link.st_uid not in {0, os.geteuid()}:
            raise
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY)


def _new_file(path: Path, folder: int) -> tuple[Path, int]:
    """A file of our own beside ``path``: its path, and a descriptor open for writing."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    new = _name_beside(path)
    with suppress(FileExistsError):
        return new, os.open(new.name, flags, 0o600, dir_fd=folder)
    # A power cut left it there, or another user put it there: a folder of that name must not lock us out.
    with suppress(OSError):
        new.unlink(missing_ok=True)
        return new, os.open(new.name, flags, 0o600, dir_fd=folder)
    new = path.with_name(f".{path.name}.{secrets.token_hex(8)}.new")
    return new, os.open(new.name, flags, 0o600, dir_fd=folder)


def _name_beside(path: Path) -> Path:
    """A name that programs which read whole folders (sudo, sshd, apt) pass by."""
    return path.with_name(f".{path.name}.new")
