"""Opening hours: texts like ``mon-fri 07:00-19:00`` in the time of the place. Pure: no clock."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from edge.errors import ConfigError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY, _WEEK = 24 * 60, 7 * 24 * 60
_TIMES = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)")
_ALLOWED = (
    f"Allowed: days ({', '.join(DAYS)}; several as mon,wed or mon-fri), then the time of day as HH:MM-HH:MM "
    'or nothing for all day; past midnight too. Examples: "mon-fri 07:00-19:00", "sat", "fri,sat 22:00-06:00"'
)


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """When something is open, by the clock on the wall there, also on a day when the time changes.

    Attributes:
        zone: the place's time.
        spans: (from, until) in minutes since Monday 00:00, half-open; one may reach into the next week.
    """

    zone: tzinfo
    spans: tuple[tuple[int, int], ...]

    @classmethod
    def parse(cls, texts: Sequence[str], timezone: str) -> "OpeningHours":
        """Read hours from the configuration.

        Args:
            texts: each like ``mon-fri 07:00-19:00``; none at all: always open (callers for whom none
                means never must check first).
            timezone: a name like ``Asia/Jakarta``.

        Raises:
            ConfigError: lists every mistake with what was found, what is allowed, and examples.
        """
        zone = _zone(timezone)
        if mistakes := [m for text in texts if (m := _mistake(text)) is not None]:
            raise ConfigError("\n".join(mistakes))
        return cls(zone, tuple(span for text in texts for span in _spans(text)))

    def open(self, utc: datetime) -> bool:
        """Whether it is open at that moment (a datetime that knows its time zone)."""
        local = utc.astimezone(self.zone)
        minute = local.weekday() * _DAY + local.hour * 60 + local.minute
        return not self.spans or any(a <= m < b for a, b in self.spans for m in (minute, minute + _WEEK))


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return timezone.utc  # needs no database, so that the default works without one
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as e:  # OSError: a folder of the database, like Asia
        raise ConfigError(
            f"timezone {name!r}: this machine knows no such time zone. Allowed: UTC, or a name in the time "
            'zone database, spelt as there. Example: timezone = "Asia/Jakarta". If the name is right, the '
            "database is missing: apt install tzdata"
        ) from e


def _mistake(text: str) -> str | None:
    try:
        _spans(text)
    except ValueError as e:
        return f"hours {text!r}: {e}. {_ALLOWED}"
    return None


def _spans(text: str) -> list[tuple[int, int]]:
    days, *times = re.sub(r"\s*([,-])\s*", r"\1", text.lower()).split() or [""]
    start, end = _times(" ".join(times)) if times else (0, _DAY)
    return [(day * _DAY + start, day * _DAY + end) for day in _days(days)]


def _days(text: str) -> list[int]:
    """Days as 0 (Monday) to 6; a range may go over Sunday, like ``sat-mon``."""
    out: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        unknown = [name for name in ([first, last] if dash else [first]) if name not in DAYS]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is not a day")
        begin = DAYS.index(first)
        length = (DAYS.index(last) - begin) % 7 if dash else 0
        out += [(begin + n) % 7 for n in range(length + 1)]
    return out


def _times(text: str) -> tuple[int, int]:
    """From and until in minutes since midnight; an end that is not after the start is the next day's."""
    match = _TIMES.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a time of day written as from-until")
    h1, m1, h2, m2 = map(int, match.groups())
    start, end = h1 * 60 + m1, h2 * 60 + m2
    if m1 > 59 or m2 > 59 or start >= _DAY or end > _DAY:
        raise ValueError(f"{text!r}: a day goes from 00:00 to 24:00")
    if start == end:
        raise ValueError(f"{text!r} has no length; leave the times away for all day")
    return start, end if end > start else end + _DAY
