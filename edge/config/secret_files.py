"""The files with secrets that a configuration names; a relative name is a systemd credential."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator

from edge.config.section import File, Section
from edge.config.toml_file import BOM, SAVE_AS, UTF16
from edge.errors import ConfigError
from edge.files import NotPlainError, TooLongError, read_plain

CREDENTIALS_DIRECTORY = "CREDENTIALS_DIRECTORY"
"""The environment variable in which systemd names the folder of LoadCredential=."""
SUFFIX = "_file"
"""The end of their keys; no other key ends like this."""
RTF = b"{\\rtf"
"""How a word processor's file starts."""
_SECRET_MAX = 4096
"""Bytes of a password or token; what is longer, or never ends, is another file."""
_PEM_MAX = 1024 * 1024
"""Bytes of a file with certificates; the bundle of all public authorities has 230 kB."""
S = TypeVar("S", bound=Section)


def _from_credentials(path: Path) -> Path:
    folder = os.environ.get(CREDENTIALS_DIRECTORY)
    return path if folder is None else Path(folder) / path  # an absolute path stays as it is


Secret = Annotated[File, AfterValidator(_from_credentials)]
"""A file; a relative name is one in ``$CREDENTIALS_DIRECTORY``, where systemd's LoadCredential= puts it."""


def credential_hint(path: Path | None) -> str:
    """What to add for a file that can't be read: a relative name is most likely a credential of a service."""
    if path is None or path.is_absolute():
        return ""
    return (
        ". A relative name is looked up in $CREDENTIALS_DIRECTORY, which is set where systemd starts "
        "maskgate; by hand: sudo CREDENTIALS_DIRECTORY=/etc/maskgate/credentials maskgate config --check ..."
    )


def _way_out(error: OSError, path: Path) -> str:
    if isinstance(error, PermissionError):
        return (
            ": the services are two users of the group maskgate, so: chgrp maskgate and chmod 640, for both"
        )
    return credential_hint(path)


def read_secret(key: str, path: Path, *, only_line: bool = False) -> str:
    """A password or token: the first line of a file, without a byte order mark.

    Args:
        key: of the configuration, for messages.
        path: the file; a link is followed.
        only_line: whether a file with more lines is refused.

    Raises:
        ConfigError: it can't be read, is not text, is too long, or its first line is empty. The message never
            shows anything of the content.
    """
    try:
        data = read_plain(path, _SECRET_MAX, follow=True).removeprefix(BOM)
    except NotPlainError as e:
        raise ConfigError(f"{key}: {path} can't be read (it is a folder or a device): name a file") from e
    except TooLongError as e:
        raise ConfigError(f"{key}: {path} is longer than {_SECRET_MAX} bytes: is it the right file?") from e
    except OSError as e:
        raise ConfigError(f"{key}: {path} can't be read ({e.strerror}){_way_out(e, path)}") from e
    if b"\0" in data or data.startswith(UTF16):
        raise ConfigError(f"{key}: {path} is saved as UTF-16, or is not text; {SAVE_AS}")
    if data.startswith(RTF):
        raise ConfigError(f"{key}: {path} is a document of a word processor (RTF): save it as plain text")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:  # its own message shows a letter of the secret
        raise ConfigError(f"{key}: {path} holds a letter that is not UTF-8; {SAVE_AS}") from None
    line, _, rest = text.partition("\n")
    line = line.removesuffix("\r")
    if only_line and rest.strip():
        raise ConfigError(f"{key}: {path} has more than one line: is it the right file?")
    if not line:
        raise ConfigError(f"{key}: {path} is empty: put the secret on its first line")
    return line


def check_pem(key: str, path: Path) -> None:
    """Check that a file can be a certificate or a private key, before a library reads all of it.

    Raises:
        ConfigError: it can't be read, is too long, or is not saved as plain text.
    """
    try:
        data = read_plain(path, _PEM_MAX, follow=True)
    except NotPlainError as e:
        raise ConfigError(f"{key}: {path} can't be used (it is a folder or a device): name a file") from e
    except TooLongError as e:
        raise ConfigError(f"{key}: {path} is longer than {_PEM_MAX} bytes: is it the right file?") from e
    except OSError as e:
        raise ConfigError(f"{key}: {path} can't be used ({e.strerror}){_way_out(e, path)}") from e
    if data.startswith((*UTF16, BOM, RTF)):
        raise ConfigError(f"{key}: {path} can't be used: save it as plain text, without a byte order mark")


def secret_files(section: Section, at: str = "") -> dict[str, Path]:
    """All files that a section names, by their keys, as in ``mqtt.ca_file``."""
    found: dict[str, Path] = {}
    for key in type(section).model_fields:
        value = getattr(section, key)
        if isinstance(value, Section):
            found |= secret_files(value, f"{at}{key}.")
        elif key.endswith(SUFFIX) and value is not None:
            found[f"{at}{key}"] = value
    return found


def with_secret_files(section: S, files: Mapping[str, Path | None]) -> S:
    """A copy of the section with other files, or none, for these keys."""
    update: dict[str, object] = {}
    for key in type(section).model_fields:
        value = getattr(section, key)
        if isinstance(value, Section):
            start = f"{key}."
            below = {name.removeprefix(start): path for name, path in files.items() if name.startswith(start)}
            update[key] = with_secret_files(value, below)
        elif key in files:
            update[key] = files[key]
    return section.model_copy(update=update)
