"""From a file to what its TOML says, whichever editor wrote it."""

import sys
from pathlib import Path
from typing import Any

from edge.errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_LONGEST = 1024 * 1024
"""Bytes; a configuration has some thousand. What is longer, or never ends, is another file."""
_BOM = b"\xef\xbb\xbf"
_SAVE_AS = 'choose "UTF-8" in the editor\'s "Save as"'


def read_toml(path: Path) -> dict[str, Any]:
    """What a file says, as yet unchecked.

    Raises:
        ConfigError: it can't be read, is no text or not TOML.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_LONGEST + 1)
    except FileNotFoundError as e:
        raise ConfigError(f"{path}: no such file. Make one with: maskgate config > {path}") from e
    except OSError as e:
        raise ConfigError(
            f"{path}: can't be read: {e.strerror}. Let this user read it, or give another one"
        ) from e
    if len(data) > _LONGEST:
        raise ConfigError(f"{path}: is longer than 1 MiB: is it the right file?")
    try:
        return tomllib.loads(_text(path, data))
    except tomllib.TOMLDecodeError as e:
        raise ConfigError(f"{path}: not valid TOML: {e}") from e
    except RecursionError as e:
        raise ConfigError(f"{path}: not valid TOML: too many brackets within each other") from e


def _text(path: Path, data: bytes) -> str:
    if b"\0" in data:
        raise ConfigError(f"{path}: can't be read: not UTF-8, but UTF-16 or no text at all; {_SAVE_AS}")
    try:
        return data.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError as e:
        line = data.count(b"\n", 0, e.start) + 1
        raise ConfigError(f"{path}: can't be read: not UTF-8 in line {line}; {_SAVE_AS}") from e
