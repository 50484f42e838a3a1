"""Cuts in the text of a TOML file that leave all the rest as its author wrote it.

Each cut is proven: what is left is parsed, and must say what it said before, without what was cut out.
"""

import re
import sys
from collections.abc import Iterator
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_HEADER = re.compile(r"^[ \t]*\[", re.MULTILINE)
_PASSPHRASE = re.compile(r"""^[ \t]*(["']?)passphrase\1[ \t]*=[^\r\n]*""", re.MULTILINE)
TAKEN_OVER = (
    '# passphrase: the device has taken it over, and it was removed here; to change it: passphrase = "..."'
)


def parse(text: str) -> dict[str, Any] | None:
    """What a text says; None where it is no TOML."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):  # the latter: brackets in brackets, thousands of them
        return None


def without_table(text: str, name: str) -> str | None:
    """The text without the table ``name`` and the tables in it.

    What stands above the next table's header, comments and empty lines, belongs to that one and stays.

    Args:
        text: valid TOML.
        name: of a table of the top level.

    Returns:
        None where it can't be cut out, for it is not written as tables with headers of their own.
    """
    kept, held = "", ""
    for region in _regions(text):
        first = region.lstrip().partition("\n")[0].rstrip("\r")
        if first.startswith("[") and name in (parse(first) or {}):
            held = _remarks_at_the_end(region)
        else:
            kept, held = kept + held + region, ""
    wanted = {key: value for key, value in (parse(text) or {}).items() if key != name}
    return kept if parse(kept) == wanted else None


def _regions(text: str) -> Iterator[str]:
    """What stands before the first header, then each header with all below it.

    A bracket at the begin of a line may stand in a list or a text, too: what comes before it is no TOML then.
    """
    begin = 0
    for found in _HEADER.finditer(text):
        if found.start() > begin and parse(text[begin : found.start()]) is not None:
            yield text[begin : found.start()]
            begin = found.start()
    yield text[begin:]


def _remarks_at_the_end(region: str) -> str:
    """Its last comments and empty lines."""
    lines = region.splitlines(keepends=True)
    begin = len(lines)
    while begin > 0 and (not lines[begin - 1].strip() or lines[begin - 1].lstrip().startswith("#")):
        begin -= 1
    return "".join(lines[begin:])


def without_passphrase(text: str) -> str | None:
    """The text with a remark in place of the line that holds ``machine.wifi.passphrase``.

    Returns:
        None where there is no such line, or where more than that stands in it.
    """
    wanted = parse(text)
    try:
        del wanted["machine"]["wifi"]["passphrase"]  # type: ignore[index]
    except (KeyError, TypeError):
        return None
    for line in _PASSPHRASE.finditer(text):
        cut = text[: line.start()] + TAKEN_OVER + text[line.end() :]
        if parse(cut) == wanted:
            return cut
    return None
