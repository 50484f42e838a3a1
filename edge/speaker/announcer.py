"""Which violations are announced. Pure: no I/O, no threads, no clock."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from edge.config import Speaker

REMEMBERED = 4096
"""Violations whose ids are kept: more than a broker queues for a speaker that was away (mosquitto: 1000)."""


class Choice(str, Enum):
    """What to do about one message; all but ``PLAY`` mean silence, and name the reason."""

    PLAY = "play"
    NOT_A_VIOLATION = "not_a_violation"
    REPEAT = "repeat"
    TOO_OLD = "too_old"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Heard:
    """An event as it came in, by whatever way: an id that came by two ways is announced once."""

    type: str
    violation: str
    time: datetime
    clock_trusted: bool
    """Whether the device that saw it knew what time it was."""
    received_s: float
    """Monotonic seconds of the arrival here."""
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Now:
    """This moment by the speaker's own clocks."""

    s: float
    """Monotonic seconds."""
    utc: datetime
    clock_trusted: bool


def age_s(heard: Heard, now: Now) -> float:
    """Seconds since it happened: by the wall clocks where both can be right, since the arrival otherwise.

    A time that lies in the future is a clock that can't be right. Infinite where no clock tells the age, but
    the sender says that it could not send the event when it happened.
    """
    since_arrival = now.s - heard.received_s
    by_the_clock = (now.utc - heard.time).total_seconds()
    if heard.clock_trusted and now.clock_trusted and by_the_clock >= 0:
        return max(by_the_clock, since_arrival)
    return float("inf") if heard.replayed else since_arrival


class Announcer:
    """Says yes at most once for a violation, and not again before ``hold_s`` after an announcement."""

    def __init__(self, settings: Speaker) -> None:
        self._settings = settings
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._silent_until_s = float("-inf")

    def judge(self, heard: Heard, now: Now) -> Choice:
        """Decide about one event; its id is remembered, whatever the answer."""
        if heard.type != "violation.opened" or not heard.violation:
            return Choice.NOT_A_VIOLATION
        if heard.violation in self._seen:
            return Choice.REPEAT
        self._seen[heard.violation] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        if age_s(heard, now) > self._settings.max_age_s:
            return Choice.TOO_OLD
        return Choice.HELD if now.s < self._silent_until_s else Choice.PLAY

    def played(self, now_s: float) -> None:
        """An announcement ended at ``now_s`` (monotonic seconds): the silence starts."""
        self._silent_until_s = now_s + self._settings.hold_s
