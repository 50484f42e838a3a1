"""An event's data as a few words on one line."""

from collections.abc import Iterator, Mapping

from pydantic import JsonValue

_COUNT_MAX = 1e9
_DULL = frozenset({
    "site", "device", "violation", "track", "model", "clock_trusted", "replayed", "transaction", "window_s",
    "face_width_px", "seen_for_s", "speaker",
})  # fmt: skip
"""Keys that a person does not need on this line. The JSON has all of them."""
_PLAIN = frozenset({
    "state", "reason", "message", "status", "error", "command", "previous", "cause", "software", "by", "zone",
})  # fmt: skip
"""Keys whose values are clear without the key."""
_UNITS = {"s": "s", "px": "px", "m": "m"}


def counts(data: Mapping[str, JsonValue]) -> str:
    """A summary in words, without zeros: ``3 people, 1 not masked``. Empty if nobody came."""
    return ", ".join(
        f"{value:g} {key.replace('_', ' ')}"
        for key, value in data.items()
        if key not in _DULL and isinstance(value, (int, float)) and 0 < value < _COUNT_MAX
    )


def words(data: Mapping[str, JsonValue]) -> str:
    """Any other event in words: ``lobby, score 0.03, muted``."""
    return ", ".join(_words(data))


def _words(data: Mapping[str, JsonValue]) -> Iterator[str]:
    for key, value in data.items():
        if key in _DULL or value is None or value is False or value == "":
            continue
        name, _, unit = key.rpartition("_")
        if value is True:
            yield key.replace("_", " ")
        elif key in _PLAIN:
            yield str(value)
        elif unit in _UNITS:
            yield f"{name.replace('_', ' ')} {_short(value)} {_UNITS[unit]}"
        else:
            yield f"{key.replace('_', ' ')} {_short(value)}"


def _short(value: JsonValue) -> object:
    return round(value, 2) if isinstance(value, float) else value
