"""Text for terminals. Text from the network is cleaned: it can't move the cursor or hide anything."""

import re
import unicodedata
from collections.abc import Iterator

from pydantic import JsonValue

_LONGEST = 2000
_NUMBERS = re.compile(r"([0-9]{1,18})")


def plain(value: object, longest: int = _LONGEST) -> str:
    """A value as one line of printable text, cut to a width. An ellipsis marks the cut.

    Args:
        value: anything, also from a stranger.
        longest: the most columns, at least 1. East Asian letters take two columns.
    """
    text = "".join(c if _printable(c) else "\ufffd" for c in str(value)[: longest + 1])
    if columns(text) <= longest:
        return text
    while text and columns(text) >= longest:
        text = text[:-1]
    return f"{text}…"


def _printable(char: str) -> bool:
    # Not printable: controls, invisible formats (as right-to-left overrides), surrogates, unassigned ones.
    return unicodedata.category(char)[0] not in "CM" and char not in "\u2028\u2029"


def flat(value: JsonValue, name: str = "") -> Iterator[tuple[str, JsonValue]]:
    """Dotted names with their values, for people: ``camera.fps``, ``faces.0.width_px``."""
    inner: list[tuple[str, JsonValue]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list) and any(isinstance(v, (dict, list)) for v in value):
        inner = [(str(i), v) for i, v in enumerate(value)]
    if not inner:
        yield name, value
    for key, v in inner:
        yield from flat(v, f"{name}.{key}" if name else key)


def natural(name: str) -> list[tuple[int, str]]:
    """A sort key for names that puts door-2 before door-10."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in _NUMBERS.split(name)]


def columns(text: str) -> int:
    """The width of a printable text in columns."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def ago(seconds: float) -> str:
    """An age in one unit: ``12 s``, ``3 min``, ``5 h``, ``2 days``."""
    seconds = max(0.0, seconds)
    for limit, size, unit in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} days"
