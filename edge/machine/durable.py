"""Files that are whole after a power cut: either the old one or the new one."""

import os
from pathlib import Path

from edge.errors import MaskgateError, StoreError
from edge.files import NotPlainError, open_plain, sync_folder


def write(path: Path, data: bytes, mode: int | None = 0o644, group: int | None = None) -> None:
    """Put a file into its place and onto the disk, with the folders above it.

    Args:
        path: the file; what was there is replaced, a link by a file.
        data: all of it.
        mode: its rights; None on a file system that has none (FAT).
        group: its group; None: as it comes.

    Raises:
        StoreError: it can't be written.
    """
    new = _new(path)  # one that a power cut left there is simply overwritten
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(handle, "wb") as out:
                out.write(data)
                out.flush()
                if mode is not None:
                    os.fchmod(out.fileno(), mode)
                if group is not None and os.geteuid() == 0:
                    os.fchown(out.fileno(), 0, group)
                os.fsync(out.fileno())
            new.replace(path)
        except OSError:
            new.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
    except OSError as e:
        raise StoreError(f"{path}: can't be written: {e.strerror}") from e


def link(path: Path, target: str) -> None:
    """The same for a symbolic link.

    Raises:
        StoreError: it can't be made.
    """
    new = _new(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.unlink(missing_ok=True)
        new.symlink_to(target)
        new.replace(path)
        sync_folder(path.parent)
    except OSError as e:
        raise StoreError(f"{path}: can't be made a link to {target}: {e.strerror}") from e


def remove(path: Path) -> None:
    """Take a file away, if it is there, and what a power cut left of a newer one.

    Raises:
        StoreError: it can't be removed.
    """
    try:
        for name in (_new(path), path):
            name.unlink(missing_ok=True)
        if path.parent.is_dir():
            sync_folder(path.parent)
    except OSError as e:
        raise StoreError(f"{path}: can't be removed: {e.strerror}") from e


def _new(path: Path) -> Path:
    """A name beside it that no program looks for: sudo, sshd and apt pass it by."""
    return path.with_name(f".{path.name}.new")


def read_plain(path: Path, at_most: int) -> bytes:
    """The content of a plain file; links are not followed, and pipes make nobody wait.

    Raises:
        FileNotFoundError: there is no such file.
        MaskgateError: it is no plain file, too long, or can't be read.
    """
    try:
        with open_plain(path) as file:
            data = file.read(at_most + 1)
    except FileNotFoundError:
        raise
    except NotPlainError as e:
        raise MaskgateError(f"{path.name}: is no file, but a folder or a device: remove it") from e
    except OSError as e:
        raise MaskgateError(f"{path.name}: can't be read: {e.strerror}") from e
    if len(data) > at_most:
        raise MaskgateError(f"{path.name}: is longer than {at_most // 1024} KiB: is it the right file?")
    return data
