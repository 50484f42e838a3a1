"""Judges each frame and passes on what follows: to the messenger, the pins, the counts and an observer."""

import logging
from collections.abc import Callable

from edge.camera import UprightCheck
from edge.clock import Clock, trusted
from edge.indicators import Indicators
from edge.people.outcomes import Opened, describe
from edge.people.pipeline import FrameResult, Pipeline
from edge.service.device_state import DeviceState
from edge.service.messenger import Messenger
from edge.service.reporting import Reporter
from edge.values import Frame

_log = logging.getLogger(__name__)


class FrameLoop:
    """Connects the pipeline to the rest of the device. It belongs to the pipeline's thread.

    Args:
        pipeline: judges the frames.
        messenger: takes the events.
        indicators: show who is there.
        reporter: counts outcomes and frames.
        state: keeps the frame that was judged last.
        clock: the time.
        upright: looks whether the camera hangs upright.
        observe: called with every frame and its result.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        messenger: Messenger,
        indicators: Indicators,
        reporter: Reporter,
        state: DeviceState,
        clock: Clock,
        upright: UprightCheck,
        observe: Callable[[Frame, FrameResult], None],
    ) -> None:
        self._pipeline, self._messenger, self._indicators = pipeline, messenger, indicators
        self._reporter, self._state, self._clock, self._observe = reporter, state, clock, observe
        self._upright, self._judged_s = upright, clock.monotonic()

    def judge(self, frame: Frame) -> None:
        """Judge one frame, and do all that follows from it."""
        started_s = self._clock.monotonic()
        result = self._pipeline.process(frame, clock_trusted=trusted(self._clock))
        self._state.newest, self._judged_s = frame, started_s
        self._take(result)
        self._indicators.show(result.present, opened=any(isinstance(o, Opened) for o in result.outcomes))
        now_s = self._clock.monotonic()
        self._reporter.pace.add(now_s, now_s - started_s)
        if self._reporter.pace.frames == 1:
            self._messenger.publish_info()  # only now is the picture's size known
        self._observe(frame, result)
        self._upright.look(frame.image, now_s)
        self._state.wrong_way_up = self._upright.problem

    def listen(self) -> None:
        """Tell the pipeline which announcements were played."""
        for violation in self._messenger.announced():
            self._pipeline.announced(violation)

    def everybody_left(self) -> None:
        """Close all open violations: the camera has failed or ended."""
        if self._state.newest is None:
            return
        # on the source's own time line, which for a clip is not ours
        now = self._state.newest.captured_at + self._clock.monotonic() - self._judged_s
        result = self._pipeline.finish(now, self._clock.utc(), clock_trusted=trusted(self._clock))
        self._take(result)
        self._observe(self._state.newest, result)

    def last_words(self) -> None:
        """At the end of the run: close all that is open, and count it."""
        self.everybody_left()
        if self._state.newest is not None:  # a source that never gave a picture has nothing to sum up
            self._reporter.summarise()

    def _take(self, result: FrameResult) -> None:
        self._messenger.record(result.events)
        for outcome in result.outcomes:
            self._reporter.window.add(outcome)
            _log.info("%s", describe(outcome))
