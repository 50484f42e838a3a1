"""What the updater does to a disk, in steps that a power cut may fall between."""

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from edge import files
from edge.errors import UpdateError


class Disk:
    """Each method is safe against a power cut at any moment, or leaves what nobody looks at."""

    def step(self, what: str) -> None:
        """Called before each change; for tests that cut the power here."""

    def save(
        self, path: Path, content: bytes, mode: int = 0o644, owner: tuple[int, int] | None = None
    ) -> None:
        """A small file: wholly the new one, or the old one as it was.

        Args:
            path: it.
            content: its bytes.
            mode: whatever the umask says.
            owner: user and group; None: ours.
        """
        part = path.with_name(f"{path.name}.part")
        self.remove(part)
        with self.create(part) as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            if owner is not None:
                os.fchown(file.fileno(), *owner)
            os.fsync(file.fileno())
        self.rename(part, path)

    @contextmanager
    def create(self, path: Path) -> Iterator[BinaryIO]:
        """A new file to be filled; may be lost, or empty, until ``sync``."""
        self.step(f"create {path.name}")
        with path.open("xb") as file:
            yield file

    def rename(self, old: Path, new: Path) -> None:
        """In one step that lasts."""
        self.step(f"rename to {new.name}")
        old.replace(new)
        self.step(f"sync {new.parent.name}")
        files.sync_folder(new.parent)

    def remove(self, path: Path) -> None:
        """A file or a tree, if it is there; where the power is cut, a part of it may stay."""
        try:
            folder = stat.S_ISDIR(path.lstat().st_mode)
        except FileNotFoundError:
            return
        self.step(f"remove {path.name}")
        if folder:
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)  # the download and root may both be at it

    def make(self, folder: Path) -> None:
        """A folder, and those above it."""
        if not folder.is_dir():
            self.step(f"make {folder.name}")
            folder.mkdir(parents=True, exist_ok=True)

    def sync(self) -> None:
        """All that was written so far lasts. At once: thousands of files, one by one, take a card minutes."""
        self.step("sync")
        os.sync()


@contextmanager
def open_plain(path: Path, size_max: int) -> Iterator[BinaryIO]:
    """A file that others may have put there: no link, no device, not too big.

    Raises:
        UpdateError: it is none.
    """
    try:
        file = files.open_plain(path)
    except files.NotPlainError as e:
        raise UpdateError(f"{path}: is no plain file") from e
    except OSError as e:
        raise UpdateError(f"{path}: can't be read: {e.strerror}") from e
    with file:
        size = os.fstat(file.fileno()).st_size
        if size > size_max:
            raise UpdateError(f"{path}: has {size} bytes; at most {size_max} are taken")
        yield file
