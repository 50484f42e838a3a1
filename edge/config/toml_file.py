"""From a file to its tables, whichever editor wrote it."""

import re
import sys
from pathlib import Path
from typing import Any

from edge.config.toml_hints import hint_for
from edge.config.toml_scan import flaw_of
from edge.errors import ConfigError
from edge.files import NotPlainError, TooLongError, read_plain

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

BOM = b"\xef\xbb\xbf"
"""The byte order mark that some editors put in front."""
UTF16 = (b"\xff\xfe", b"\xfe\xff")
_LONGEST = 1024 * 1024
"""Bytes. A configuration has some thousand; what is longer, or never ends, is another file."""
SAVE_AS = 'choose "UTF-8" in the editor\'s "Save as"'


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file; their values are not checked here.

    Raises:
        ConfigError: it can't be read, is not text, or is not TOML.
    """
    try:
        data = read_plain(path, _LONGEST, follow=True)
    except FileNotFoundError as e:
        raise ConfigError(f"{path}: no such file. Make one with: maskgate config > {path}") from e
    except TooLongError as e:
        raise ConfigError(f"{path}: is longer than 1 MiB: is it the right file?") from e
    except NotPlainError as e:
        raise ConfigError(f"{path}: is a folder, a pipe or a device: name a file") from e
    except OSError as e:
        raise ConfigError(
            f"{path}: can't be read: {e.strerror}. Let this user read it, or give another one"
        ) from e
    return tables_of(text_of(data, str(path)), str(path))


def text_of(data: bytes, name: str) -> str:
    """A file's text, without a byte order mark.

    Raises:
        ConfigError: it is not UTF-8.
    """
    if b"\0" in data or data.startswith(UTF16):
        raise ConfigError(f"{name}: is saved as UTF-16, or is not text; {SAVE_AS}")
    data = data.removeprefix(BOM)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as e:
        line = data.count(b"\n", 0, e.start) + 1
        raise ConfigError(
            f"{name}: line {line} holds a letter that is not UTF-8, as when saved as ANSI; {SAVE_AS}"
        ) from e


def tables_of(text: str, name: str) -> dict[str, Any]:
    """The tables of a TOML text; ``name`` is the file's, for messages.

    Raises:
        ConfigError: it is not TOML.
    """
    if flaw := flaw_of(text):
        raise ConfigError(f"{name}: not valid TOML: {flaw}")
    try:
        return tomllib.loads(text)
    except ValueError as e:  # tomllib's own, or of a number with thousands of digits
        hint = hint_for(str(e), _line_of(str(e), text))
        raise ConfigError(f"{name}: not valid TOML: {e}{f'. {hint}' if hint else ''}") from e


def _line_of(message: str, text: str) -> str:
    """The line that the parser complains about; the last one if the end of the text is wrong."""
    lines = text.rstrip().split("\n")
    at = re.search(r"at line (\d{1,9})", message)
    number = int(at[1]) if at else len(lines)
    return lines[number - 1] if number <= len(lines) else ""
