"""What comes from the network, made fit for a terminal: nothing in it can move the cursor or hide."""

import re
import unicodedata
from collections.abc import Iterator

from pydantic import JsonValue

_LONGEST = 2000
_NUMBERS = re.compile(r"([0-9]{1,18})")


def plain(value: object, longest: int = _LONGEST) -> str:
    """One line of printable text; what is left out is marked by an ellipsis.

    Args:
        value: anything that came from a stranger.
        longest: columns at most, from 1 on; East Asian letters take two.
    """
    text = "".join(c if _printable(c) else "\ufffd" for c in str(value)[: longest + 1])
    if columns(text) <= longest:
        return text
    while text and columns(text) >= longest:
        text = text[:-1]
    return f"{text}…"


def _printable(char: str) -> bool:
    # controls, invisible formats (right-to-left overrides among them), halves of pairs, unassigned ones
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
    """A key to sort names by: door-2 comes before door-10."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in _NUMBERS.split(name)]


def columns(text: str) -> int:
    """How wide a printable text is."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def ago(seconds: float) -> str:
    """An age in one unit: ``12 s``, ``3 min``, ``5 h``, ``2 days``."""
    seconds = max(0.0, seconds)
    for limit, size, unit in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} days"
