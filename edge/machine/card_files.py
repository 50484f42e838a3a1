"""Read what an installer put on the boot partition; anybody could have written it, so nothing is trusted."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge import __version__
from edge.config import mistakes
from edge.config.toml_file import BOM, SAVE_AS, UTF16, text_of
from edge.errors import ConfigError, MaskgateError
from edge.files import NotPlainError, TooLongError, read_plain

TOML, REPORT, CREDENTIALS = "maskgate.toml", "maskgate-report.txt", "credentials"
_TOML_MAX, _CREDENTIAL_MAX, _CREDENTIALS_MAX = 64 * 1024, 64 * 1024, 32
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class CardFiles:
    """The card's files that matter, read at one moment."""

    toml: bytes
    """The file's bytes, with a byte order mark if there is one."""
    credentials: Mapping[str, bytes]
    """The files by name, without a byte order mark."""
    name: str = TOML
    """The name of the configuration's file."""

    @property
    def text(self) -> str:
        """The configuration's text, its line ends as they are."""
        return text_of(self.toml, self.name)

    @property
    def digest(self) -> str:
        """A hash of every byte that matters, and of maskgate's version, which may read them differently."""
        out = hashlib.sha256(f"{__version__}\n".encode())
        for name, data in {TOML: self.toml, **self.credentials}.items():
            out.update(f"{name} {len(data)}\n".encode() + data)
        return out.hexdigest()

    def with_text(self, text: str) -> bytes:
        """The file's new content for another text."""
        return (BOM if self.toml.startswith(BOM) else b"") + text.encode()


def read_card(boot: Path, toml: str = TOML) -> CardFiles | None:
    """The files in a folder; None if there is no configuration.

    Args:
        boot: the boot partition, or the folder that will be copied to it.
        toml: another name for the file in it.

    Raises:
        ConfigError: lists all files that can't be used, each with the reason.
    """
    found: list[str] = []
    data = b""
    try:
        data = read_card_file(boot / toml, _TOML_MAX)
        text_of(data, toml)
    except FileNotFoundError:
        if not (boot / f"{toml}.txt").exists():
            return None
        found.append(f"{toml}.txt: the name ends in .txt, which Windows may not show: rename it to {toml}")
    except MaskgateError as e:
        found.append(str(e))
    credentials: dict[str, bytes] = {}
    for path in _credential_files(boot / CREDENTIALS):
        try:
            content = read_card_file(path, _CREDENTIAL_MAX)
        except (MaskgateError, OSError) as e:
            found.append(f"{CREDENTIALS}/{e}")
            continue
        if content.startswith(UTF16):
            found.append(f"{CREDENTIALS}/{path.name}: is saved as UTF-16; {SAVE_AS}")
        credentials[path.name] = content.removeprefix(BOM)
    if found:
        raise mistakes(str(boot), found)
    return CardFiles(data, credentials, toml)


def read_card_file(path: Path, size_max: int) -> bytes:
    """The content of a file of the card; links are not followed, and pipes are not waited for.

    Raises:
        FileNotFoundError: there is no such file.
        MaskgateError: it is not a plain file, is longer than ``size_max`` bytes, or can't be read.
    """
    try:
        return read_plain(path, size_max)
    except FileNotFoundError:
        raise
    except NotPlainError as e:
        raise MaskgateError(f"{path.name}: is a folder or a device, not a file: remove it") from e
    except TooLongError as e:
        raise MaskgateError(
            f"{path.name}: is longer than {size_max // 1024} KiB: is it the right file?"
        ) from e
    except OSError as e:
        raise MaskgateError(f"{path.name}: can't be read: {e.strerror}") from e


def _credential_files(folder: Path) -> list[Path]:
    """The files by name, without those that computers add (.DS_Store, ._ca.pem, $RECYCLE.BIN)."""
    try:
        files = sorted(p for p in folder.iterdir() if NAME.fullmatch(p.name))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as e:
        raise ConfigError(f"{CREDENTIALS}: can't be read: {e.strerror}") from e
    return [p for p in files if p.name.lower() not in {"thumbs.db", "desktop.ini"}][:_CREDENTIALS_MAX]
