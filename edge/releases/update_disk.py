"""How the updater changes a disk, in steps between which the power may fail, and reads what others wrote."""

import logging
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from edge import files
from edge.errors import StoreError, UpdateError

_log = logging.getLogger(__name__)


class UpdateDisk:
    """Each method either survives a power cut at any moment, or leaves only files that nothing reads."""

    def step(self, what: str) -> None:
        """Called before each change. Tests override it to cut the power there."""

    def save(
        self, path: Path, content: bytes, mode: int = 0o644, owner: tuple[int, int] | None = None
    ) -> None:
        """Replace a small file in one step: after a power cut it is either entirely new or unchanged.

        Args:
            path: the file.
            content: its new bytes.
            mode: its permissions, independent of the umask.
            owner: user id and group id; None: those of this process.

        Raises:
            StoreError: it can't be written, or its folder does not exist.
        """
        if not path.parent.is_dir():
            raise StoreError(f"{path.parent}: does not exist, so {path.name} can't be written there")
        files.atomic_write(
            path, content, mode=mode, owner=owner, step=lambda what: self.step(f"{what} {path.name}")
        )

    @contextmanager
    def create(self, path: Path) -> Iterator[BinaryIO]:
        """Create a file to write to. Until ``sync``, a power cut may lose it or leave it empty."""
        self.step(f"create {path.name}")
        with path.open("xb") as file:
            yield file

    def rename(self, old: Path, new: Path) -> None:
        """Rename in one step, and wait until the new name is on the disk."""
        self.step(f"rename to {new.name}")
        old.replace(new)
        self.step(f"sync {new.parent.name}")
        files.sync_folder(new.parent)

    def remove(self, path: Path) -> None:
        """Remove a file or a tree, if it exists. A power cut may leave a part of a tree."""
        try:
            folder = stat.S_ISDIR(path.lstat().st_mode)
        except FileNotFoundError:
            return
        self.step(f"remove {path.name}")
        if folder:
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)  # the download and root may both remove it

    def discard(self, path: Path) -> None:
        """Free a name in a folder that another user can write to, if something is there; takes bounded time.

        A folder is moved aside and not removed with its content, which the other user could make endless.

        Raises:
            OSError: the name can't be freed.
        """
        if not os.path.lexists(path):
            return
        self.step(f"remove {path.name}")
        try:
            path.unlink(missing_ok=True)
        except IsADirectoryError:
            aside = path.with_name(f"set-aside-{secrets.token_hex(8)}")
            path.replace(aside)
            with suppress(OSError):  # it is not empty
                aside.rmdir()
            _log.error("%s: was a folder, and a file belongs there: set aside as %s", path, aside.name)

    def make(self, folder: Path) -> None:
        """Create a folder and its parents, if they do not exist."""
        if not folder.is_dir():
            self.step(f"make {folder.name}")
            folder.mkdir(parents=True, exist_ok=True)

    def sync(self) -> None:
        """Wait until everything written so far is on the disk.

        One ``sync`` for all: to sync thousands of files one by one takes minutes on a card.
        """
        self.step("sync")
        os.sync()


@contextmanager
def open_plain(path: Path, size_max: int) -> Iterator[BinaryIO]:
    """Open a file that another user may have put there; a link, a device or too big a file is refused.

    The other user can still write to it. So it is copied, up to a limit, before anything is decided by it.

    Args:
        path: the file.
        size_max: how many bytes it may have.

    Raises:
        UpdateError: it is missing, refused, or can't be read.
    """
    try:
        file = files.open_plain(path)
    except files.NotPlainError as e:
        raise UpdateError(f"{path}: is not a regular file") from e
    except OSError as e:
        raise UpdateError(f"{path}: can't be read: {e.strerror}") from e
    with file:
        size = os.fstat(file.fileno()).st_size
        if size > size_max:
            raise UpdateError(f"{path}: has {size} bytes, more than the limit of {size_max}")
        yield file


def read_small(path: Path, size_max: int) -> bytes:
    """Read a small file that another user may have put there, and may still change.

    Args:
        path: the file.
        size_max: how many bytes it may have. No more are read, also if it grows meanwhile.

    Raises:
        UpdateError: it is missing, a link, a device, too big, or can't be read.
    """
    with open_plain(path, size_max) as file:
        try:
            content = file.read(size_max + 1)
        except OSError as e:
            raise UpdateError(f"{path}: can't be read: {e.strerror}") from e
    if len(content) > size_max:
        raise UpdateError(f"{path}: has more than the limit of {size_max} bytes")
    return content
