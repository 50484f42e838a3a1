"""Judges each frame and reports what follows: to the messenger, the pins, the counts, and an observer."""

import logging
from collections.abc import Callable

from edge.clock import Clock, trusted
from edge.indicators import Indicators
from edge.people.outcomes import Opened, describe
from edge.people.pipeline import FrameResult, Pipeline
from edge.service.messenger import Messenger
from edge.service.reporting import Reporter
from edge.values import Frame

_log = logging.getLogger(__name__)


class FrameLoop:
    """The pipeline's way into the device. One thread.

    Attributes:
        newest: the last judged frame.

    Args:
        pipeline: judges each frame.
        messenger: takes events.
        indicators: show who is there.
        reporter: counts.
        clock: the time.
        observe: told every frame with its result.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        messenger: Messenger,
        indicators: Indicators,
        reporter: Reporter,
        clock: Clock,
        observe: Callable[[Frame, FrameResult], None],
    ) -> None:
        self._pipeline, self._messenger, self._indicators = pipeline, messenger, indicators
        self._reporter, self._clock, self._observe = reporter, clock, observe
        self.newest: Frame | None = None
        self._judged_s = clock.monotonic()

    def judge(self, frame: Frame) -> None:
        """One frame, from its arrival to all that it leads to."""
        began_s = self._clock.monotonic()
        result = self._pipeline.process(frame, clock_trusted=trusted(self._clock))
        self.newest, self._judged_s = frame, began_s
        self._take(result)
        self._indicators.show(result.present, opened=any(isinstance(o, Opened) for o in result.outcomes))
        now_s = self._clock.monotonic()
        self._reporter.pace.add(now_s, now_s - began_s)
        if self._reporter.pace.frames == 1:
            self._messenger.publish_info()  # only now is the picture's size known
        self._observe(frame, result)

    def listen(self) -> None:
        """Take in which announcements were heard."""
        for violation in self._messenger.announced():
            self._pipeline.announced(violation)

    def everybody_left(self) -> None:
        """The camera has failed or ended: nobody stays accused."""
        if self.newest is None:
            return
        # on the source's own time line, which for a clip is not ours
        now = self.newest.captured_at + self._clock.monotonic() - self._judged_s
        result = self._pipeline.finish(now, self._clock.utc(), clock_trusted=trusted(self._clock))
        self._take(result)
        self._observe(self.newest, result)

    def last_words(self) -> None:
        """The end: all that is open is closed, and counted."""
        self.everybody_left()
        if self.newest is not None:  # a source that never gave a picture has nothing to sum up
            self._reporter.summarise()

    def _take(self, result: FrameResult) -> None:
        self._messenger.record(result.events)
        for outcome in result.outcomes:
            self._reporter.window.add(outcome)
            _log.info("%s", describe(outcome))
