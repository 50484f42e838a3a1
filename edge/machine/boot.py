"""Write to the boot partition: it is FAT, may be mounted read-only, and every write wears the card."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.errors import MaskgateError, ProgramError, StoreError
from edge.files import atomic_write, remove
from edge.machine.card_files import CREDENTIALS, TOML, CardFiles, read_card_file
from edge.machine.toml_text import without_passphrase
from edge.programs import run

_MOUNT_S = 60.0
_log = logging.getLogger(__name__)
_PUBLIC, _PRIVATE = b"-----BEGIN CERTIFICATE-----", b"PRIVATE KEY-----"


@contextmanager
def writable(boot: Path) -> Iterator[None]:
    """Make the partition writable for the block, if it is mounted read-only.

    Raises:
        StoreError: it can't be remounted.
    """
    try:
        fixed = os.statvfs(boot).f_flag & os.ST_RDONLY and boot.is_mount()
    except OSError as e:
        raise StoreError(f"{boot}: can't be looked at: {e.strerror}") from e
    if not fixed:
        yield
        return
    _remount(boot, "rw")
    try:
        yield
    finally:
        _remount(boot, "ro")


def _remount(boot: Path, how: str) -> None:
    try:
        run("mount", "-o", f"remount,{how}", boot, timeout_s=_MOUNT_S)
    except ProgramError as e:
        raise StoreError(f"{boot}: can't be mounted {how}: {e.last_lines or e}") from e


def write_if_changed(path: Path, data: bytes) -> bool:
    """Write a file of the partition unless it has this content; returns whether it was written.

    Raises:
        StoreError: it can't be written.
    """
    try:
        if read_card_file(path, len(data)) == data:
            return False
    except (FileNotFoundError, MaskgateError):
        pass  # it is missing, or longer
    with writable(path.parent):
        atomic_write(path, data, mode=None)
    return True


def secrets_on(card: CardFiles, used: frozenset[str]) -> tuple[bool, list[str]]:
    """Whether the configuration holds a passphrase, and which of the used credentials are secret."""
    files = [n for n in sorted(used & card.credentials.keys()) if not _public(card.credentials[n])]
    return without_passphrase(card.text) is not None, files


def _public(data: bytes) -> bool:
    return _PUBLIC in data and _PRIVATE not in data


def forget_secrets(boot: Path, card: CardFiles, used: frozenset[str]) -> None:
    """Remove the secrets from the partition that the device has on its own disk by now.

    Args:
        boot: the partition.
        card: its files.
        used: names of the credentials that the device has by now.

    Raises:
        StoreError: it can't be written.
    """
    passphrase, files = secrets_on(card, used)
    if not passphrase and not files:
        return
    with writable(boot):
        for name in files:
            with _erased(boot / CREDENTIALS / name):
                remove(boot / CREDENTIALS / name)
        if passphrase:
            new = card.with_text(without_passphrase(card.text) or card.text)
            with _erased(boot / TOML):
                atomic_write(boot / TOML, new, mode=None)


@contextmanager
def _erased(path: Path) -> Iterator[None]:
    """Overwrite with zeros what a removed file leaves on the disk, after the block has removed it.

    Undelete programs then find nothing. Zeros before that would be taken for a new secret after a power cut.
    """
    try:
        with path.open("r+b") as file:
            size = os.fstat(file.fileno()).st_size
            yield
            file.write(bytes(size))
            file.flush()
            os.fsync(file.fileno())
    except StoreError:
        raise
    except OSError as e:
        raise StoreError(f"{path}: can't be erased: {e.strerror}") from e
