"""Cut parts out of a TOML file's text, and leave the rest as its author wrote it.

Each cut is proven: the rest is parsed, and must mean what it meant before, without the part that was cut out.
"""

import re
import sys
from collections.abc import Iterator
from itertools import islice, pairwise
from typing import Any

from edge.config.toml_scan import headers_in

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_PASSPHRASE = re.compile(r"""^[ \t]*(["']?)passphrase\1[ \t]*=[^\r\n]*""", re.MULTILINE)
_TRIED_MAX = 8
"""Lines that look like the passphrase and are tried: more stand only in a text made to take time."""
TAKEN_OVER = (
    '# passphrase: it is on the device, and was removed here; to change it, write: passphrase = "..."'
)


def parse(text: str) -> dict[str, Any] | None:
    """The tables of a text; None if it is not TOML."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):  # the latter: brackets in brackets, thousands of them
        return None


def without_table(text: str, name: str) -> str | None:
    """The text without the table ``name`` and the tables in it.

    Comments and empty lines above the next table's header belong to that table and stay.

    Args:
        text: valid TOML.
        name: of a table of the top level.

    Returns:
        None if it can't be cut out, because it is not written as tables with their own headers.
    """
    kept, held = "", ""
    for region in _regions(text):
        if name in (_header_of(region) or {}):
            held = _remarks_at_the_end(region)
        else:
            kept, held = kept + held + region, ""
    wanted = {key: value for key, value in (parse(text) or {}).items() if key != name}
    return kept if parse(kept) == wanted else None


def _regions(text: str) -> Iterator[str]:
    """The text before the first header, then each header with all below it."""
    edges = [0, *(at for at in headers_in(text) if at > 0), len(text)]
    yield from (text[start:end] for start, end in pairwise(edges))


def _remarks_at_the_end(region: str) -> str:
    """The comments and empty lines at the end of a region."""
    lines = region.splitlines(keepends=True)
    start = len(lines)
    while start > 0 and (not lines[start - 1].strip() or lines[start - 1].lstrip().startswith("#")):
        start -= 1
    return "".join(lines[start:])


def without_passphrase(text: str) -> str | None:
    """The text with a remark in place of the line that holds ``machine.wifi.passphrase``.

    Returns:
        None if there is no such line, or if it holds more than that.
    """
    wanted = parse(text)
    try:
        del wanted["machine"]["wifi"]["passphrase"]  # type: ignore[index]
    except (KeyError, TypeError):
        return None
    start = 0
    for region in _regions(text):
        if _header_of(region) == {"machine": {"wifi": {}}}:
            for line in islice(_PASSPHRASE.finditer(region), _TRIED_MAX):
                cut = text[: start + line.start()] + TAKEN_OVER + text[start + line.end() :]
                if parse(cut) == wanted:
                    return cut
        start += len(region)
    return None


def _header_of(region: str) -> dict[str, Any] | None:
    """The empty table that a region's first line opens; None if it is not a header."""
    first = region.lstrip().partition("\n")[0].rstrip("\r")
    return parse(first) if first.startswith("[") else None
