"""One speaker at work: it decides, announces, tries again while the violation is fresh, and reports."""

import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from queue import SimpleQueue

from edge.backoff import Backoff
from edge.clock import Clock, trusted
from edge.config import Speaker
from edge.errors import SpeakerError
from edge.events import AnnouncementAsked, AnnouncementFailed, AnnouncementPlayed, Data
from edge.speaker.announcer import AnnouncementChoice, AnnouncementMoment, Announcer, ReceivedViolation, age_s
from edge.speaker.log_throttle import LogThrottle
from edge.speaker.memory import AnnouncementMemory
from edge.speaker.sink import GaveUpError, Playback, SpeakerSink

_log = logging.getLogger(__name__)
_QUEUE_MAX = 100
"""Violations that may wait during an announcement; more would be too old when their turn comes."""
_RETRY = Backoff(first_s=0.5, longest_s=2.0)


@dataclass(frozen=True, slots=True)
class SpeakerWorkerState:
    """The state of a speaker."""

    name: str
    announced: int
    failed: int
    """Both since the start."""
    waiting: int
    last: str | None
    """The violation announced last."""
    last_time: datetime | None
    problem: str | None
    """What is wrong with it right now, as a full sentence."""


class SpeakerWorker:
    """A sink with a thread of its own, so that no speaker waits for another.

    Args:
        sink: what makes the announcement.
        settings: when to be silent, and how old a violation may be.
        memory: what was decided before this start.
        clock: the time.
        quiet: whether a moment (UTC) lies in the hours of silence.
        report: takes what is to be published; called on this worker's thread.
        tell: takes the same in one line, and what was not announced.
    """

    def __init__(
        self,
        sink: SpeakerSink,
        settings: Speaker,
        memory: AnnouncementMemory,
        clock: Clock,
        *,
        quiet: Callable[[datetime], bool],
        report: Callable[[Data], None],
        tell: Callable[[str], None],
    ) -> None:
        self._sink, self._settings, self._memory, self._clock = sink, settings, memory, clock
        self._report, self._tell = report, tell
        last_s = memory.last_s(sink.name, clock.monotonic())
        self._announcer = Announcer(settings, quiet=quiet, seen=memory.decided(sink.name), last_s=last_s)
        self._queue: SimpleQueue[ReceivedViolation | None] = SimpleQueue()
        self._overflow, self._retries = LogThrottle(), LogThrottle()
        self._interrupt = threading.Event()
        self._jitter = random.Random()  # noqa: S311  no secret
        self._thread = threading.Thread(target=self._work, name=f"speaker {sink.name}", daemon=True)
        self._state = SpeakerWorkerState(sink.name, 0, 0, 0, None, None, None)

    @property
    def healthy(self) -> bool:
        """Whether announcements can be made; False for good after an unexpected error."""
        return self._thread.is_alive()

    @property
    def state(self) -> SpeakerWorkerState:
        """The speaker's state now."""
        problem = self._sink.problem or self._state.problem
        return replace(self._state, waiting=self._queue.qsize(), problem=problem)

    def start(self) -> None:
        """Announce from now on. What is wrong already is logged now, not at the first violation."""
        if self._sink.problem is not None:
            _log.warning("%s: %s", self._sink.name, self._sink.problem)
        self._thread.start()

    def offer(self, event: ReceivedViolation) -> None:
        """Take in an event that may have to be announced; never blocks."""
        if self._queue.qsize() < _QUEUE_MAX:
            self._queue.put(event)
            return
        text = f"{self._sink.name} dropped violation {event.violation}: {_QUEUE_MAX} wait already"
        line = self._overflow.line(text, self._clock.monotonic())
        if line is not None:
            _log.warning("%s", line)

    def end(self, *, finish: bool) -> None:
        """End after what is due, or, without ``finish``, at once; does not wait."""
        if not finish:
            self._interrupt.set()
        self._queue.put(None)

    def join(self, timeout_s: float) -> None:
        """Wait for the end, for at most ``timeout_s`` seconds."""
        self._thread.join(timeout_s)
        if not self._thread.is_alive():
            self._sink.close()

    def _work(self) -> None:
        for violation in self._memory.unfinished(self._sink.name):
            self._failed(
                violation, "the speaker was ended during the announcement; a part may have been heard"
            )
        while (event := self._queue.get()) is not None and not self._interrupt.is_set():
            now = self._now()
            choice = self._announcer.judge(event, now)
            if choice in (AnnouncementChoice.NOT_A_VIOLATION, AnnouncementChoice.OTHER_ZONE):
                continue
            if choice is not AnnouncementChoice.REPEAT:
                starts_s = now.s if choice is AnnouncementChoice.PLAY else None
                self._memory.decide(self._sink.name, event.violation, starts_s)
            if choice is AnnouncementChoice.PLAY:
                self._announce(event)
            else:
                self._tell(f"violation {event.violation}: not announced ({choice.value})")

    def _announce(self, event: ReceivedViolation) -> None:
        """Try until it is announced, or can't be, or would be too late."""
        for failures in count(1):
            now = self._now()
            try:
                playback = self._sink.say(event, self._interrupt)
            except SpeakerError as e:
                pause_s = _RETRY.pause_s(failures, self._jitter)
                late = age_s(event, self._now()) + pause_s > self._settings.max_age_s
                if isinstance(e, GaveUpError) or late or self._pause(str(e), pause_s):
                    self._failed(event.violation, str(e))
                    return
            else:
                self._announced(event, playback, age_s(event, now) + playback.started_s - now.s)
                return

    def _pause(self, reason: str, pause_s: float) -> bool:
        """Wait before the next attempt; returns whether the speaker was ended meanwhile."""
        line = self._retries.line(f"{self._sink.name}: {reason}; trying again", self._clock.monotonic())
        if line is not None:
            _log.warning("%s", line)
        self._state = replace(self._state, problem=reason)
        return self._interrupt.wait(pause_s)

    def _announced(self, event: ReceivedViolation, playback: Playback, delay_s: float) -> None:
        name, violation = self._sink.name, event.violation
        self._announcer.played(playback.ended_s)
        self._state = replace(self._state, problem=None)
        if playback.confirmed:
            announced, last_time = self._state.announced + 1, self._clock.utc()
            self._state = replace(self._state, announced=announced, last=violation, last_time=last_time)
            self._report(
                AnnouncementPlayed(
                    violation=violation, speaker=name, language=playback.language, delay_s=delay_s
                )
            )
        else:
            self._report(AnnouncementAsked(violation=violation, speaker=name, delay_s=delay_s))
        # After the report: a kill between the two makes a report too many, not one that is missing.
        self._memory.end(name, violation, playback.ended_s)
        done = f"announced ({playback.language or name})" if playback.confirmed else f"asked {name}"
        self._tell(f"violation {violation}: {done} after {delay_s:.3f} s")

    def _failed(self, violation: str, reason: str) -> None:
        name = self._sink.name
        self._state = replace(self._state, failed=self._state.failed + 1, problem=reason)
        self._report(AnnouncementFailed(violation=violation, speaker=name, reason=reason))
        self._memory.end(name, violation, None)
        self._tell(f"violation {violation}: not announced: {reason}")

    def _now(self) -> AnnouncementMoment:
        return AnnouncementMoment(self._clock.monotonic(), self._clock.utc(), trusted(self._clock))
