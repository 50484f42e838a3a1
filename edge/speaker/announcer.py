"""Which violations are announced. Pure: no I/O, no threads, no clock."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from edge.config import Speaker

REMEMBERED = 4096
"""Violations whose ids are kept: more than a broker queues for a client that is away (mosquitto: 1000)."""


class AnnouncementChoice(str, Enum):
    """What to do about one violation. All but ``PLAY`` mean silence, and name the reason."""

    PLAY = "play"
    NOT_A_VIOLATION = "not_a_violation"
    OTHER_ZONE = "other_zone"
    REPEAT = "repeat"
    TOO_OLD = "too_old"
    MUTED = "muted"
    QUIET_HOURS = "quiet_hours"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class ReceivedViolation:
    """An event as it came in, over the local path or the broker: what came by both is announced once."""

    type: str
    violation: str
    time: datetime
    clock_trusted: bool
    """Whether the clock of the device that saw it can be right."""
    received_s: float
    """Monotonic seconds of the arrival here; of the event itself where it comes from this machine."""
    replayed: bool = False
    zone: str = ""
    payload: bytes = field(default=b"", compare=False, repr=False)
    """The CloudEvent as it came in, for speakers that pass it on whole."""
    muted: bool = False
    """Ops has muted the device that saw it."""
    kept_s: float | None = None
    """Seconds that it waited at the broker, 0 for what came live; None: not known."""
    happened_s: float | None = None
    """When it happened, in our monotonic seconds, by a comparison of the clocks; None: there was none."""

    @property
    def asks(self) -> bool:
        """Whether it is an event that asks for an announcement."""
        return self.type in ("violation.opened", "announcement.requested")


@dataclass(frozen=True, slots=True)
class AnnouncementMoment:
    """A moment by the speaker's own clocks."""

    s: float
    """Seconds of the monotonic clock."""
    utc: datetime
    clock_trusted: bool


def age_s(event: ReceivedViolation, now: AnnouncementMoment) -> float:
    """Seconds since it happened.

    What the device sent at once counts from its arrival at the broker, whatever its clock says. Only what
    the device sent late, or the broker may have kept, is dated: by the device's clock as it was compared with
    ours, or else by the two wall clocks, where both can be right. A time in the future is a wrong clock.

    Returns:
        The age; infinite where no clock tells it, and the device sent it late.
    """
    since_arrival = now.s - event.received_s + (event.kept_s or 0.0)
    if event.kept_s is not None and not event.replayed:
        return since_arrival
    if event.happened_s is not None:
        return max(now.s - event.happened_s, since_arrival)
    by_the_clock = (now.utc - event.time).total_seconds()
    if event.clock_trusted and now.clock_trusted and by_the_clock >= 0:
        return max(by_the_clock, since_arrival)
    return float("inf") if event.replayed else since_arrival


class Announcer:
    """Announces a violation at most once, and nothing for ``hold_s`` seconds after an announcement.

    Args:
        settings: zones, ages and silences.
        quiet: whether a moment (UTC) lies in the hours of silence.
        seen: ids of the violations that were decided before, oldest first.
        last_s: when the last announcement of an earlier run ended, in monotonic seconds.
    """

    def __init__(
        self,
        settings: Speaker,
        *,
        quiet: Callable[[datetime], bool] = lambda _: False,
        seen: Iterable[str] = (),
        last_s: float = float("-inf"),
    ) -> None:
        self._settings, self._quiet = settings, quiet
        self._seen: OrderedDict[str, None] = OrderedDict.fromkeys(seen)
        self._silent_until_s = last_s + settings.hold_s

    def judge(self, event: ReceivedViolation, now: AnnouncementMoment) -> AnnouncementChoice:
        """Decide about one event; its violation is remembered, whatever the answer is."""
        if not event.asks or not event.violation:
            return AnnouncementChoice.NOT_A_VIOLATION
        if event.type == "violation.opened" and not self._in_our_zones(event):
            return AnnouncementChoice.OTHER_ZONE
        if event.violation in self._seen:
            return AnnouncementChoice.REPEAT
        self._seen[event.violation] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        if age_s(event, now) > self._settings.max_age_s:
            return AnnouncementChoice.TOO_OLD
        return self._silence(event, now) or AnnouncementChoice.PLAY

    def _in_our_zones(self, event: ReceivedViolation) -> bool:
        return not self._settings.zones or event.zone in self._settings.zones

    def _silence(self, event: ReceivedViolation, now: AnnouncementMoment) -> AnnouncementChoice | None:
        if event.muted:
            return AnnouncementChoice.MUTED
        # A clock that can't be right tells no hours: better an announcement at night than none all day.
        if now.clock_trusted and self._quiet(now.utc):
            return AnnouncementChoice.QUIET_HOURS
        return AnnouncementChoice.HELD if now.s < self._silent_until_s else None

    def played(self, now_s: float) -> None:
        """Start the silence: an announcement ended at ``now_s`` (monotonic seconds)."""
        self._silent_until_s = now_s + self._settings.hold_s
