"""``maskgate run``: the composition root. Camera to pipeline to outbox; delivery works beside it.

Threads: the camera's own, this one (the pipeline), delivery, the link's. One stop event: all are told, then
joined. An unexpected error in the pipeline ends the process, and systemd starts it again.
"""

import logging
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol

from edge.camera import CameraStatus
from edge.clock import Clock, trusted
from edge.compose import Judges, make_pipeline
from edge.config import Config
from edge.errors import MaskgateError
from edge.events import Place, new_event
from edge.faults import FaultWatch
from edge.health import Pace
from edge.indicators import Indicators
from edge.outcomes import Opened, describe
from edge.pipeline import Result
from edge.postbox import Left, Postbox
from edge.reporting import health, info
from edge.tally import Tally
from edge.values import Frame
from edge.watchdog import Notifier

_log = logging.getLogger(__name__)
_FRAME_TIMEOUT_S = 0.5


class FrameSource(Protocol):
    """A camera, or what plays one."""

    def start(self) -> None:
        """Begin to take pictures."""
        ...

    def next(self, timeout_s: float) -> Frame | None:
        """The newest picture, or None."""
        ...

    @property
    def ended(self) -> bool:
        """No picture will ever come again."""
        ...

    @property
    def status(self) -> CameraStatus:
        """How it is."""
        ...

    def close(self) -> None:
        """Stop and join."""
        ...


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a finished run has to say."""

    total: Tally
    frames: int
    seconds: float
    """From the first judged frame to the last."""
    frame_ms: float
    """Median time to judge a frame."""
    left: Left
    """What the broker has not acknowledged."""


class Service:
    """The whole device.

    Args:
        config: checked configuration.
        judges: the loaded models.
        source: where frames come from.
        clock: the time.
        stop: set from outside (signals) to end the run.
        observe: told every frame with its result, on the pipeline's thread; for those who draw or print.
    """

    def __init__(
        self,
        config: Config,
        judges: Judges,
        source: FrameSource,
        clock: Clock,
        stop: threading.Event,
        observe: Callable[[Frame, Result], None] = lambda *_: None,
    ) -> None:
        self._config, self._judges, self._source = config, judges, source
        self._clock, self._stop, self._observe = clock, stop, observe
        self._pipeline = make_pipeline(config, judges)
        self._window = Tally()
        self._pace = Pace()
        self._notifier = Notifier()
        self._started = clock.monotonic()
        self._next_health = self._window_began = self._started
        self._last: tuple[Frame, float] | None = None
        """The last judged frame, and when it was (monotonic s)."""
        self._ready = False
        self._reason = "an unexpected error"
        self._left = Left(0, 0, "")
        self._faults = FaultWatch(config.camera.fault_after_s)
        place = Place(config.site.id, config.site.device, config.mqtt.prefix)
        self._postbox = Postbox(config, place, clock, self._info)
        self._indicators = Indicators(config.indicators, clock, on_test=self._postbox.try_speaker)

    def run(self) -> RunSummary:
        """Work until the source ends or ``stop`` is set.

        Raises:
            CameraError: a clip or folder that can't be read at all; a camera that fails is waited for.
        """
        self._postbox.start()
        with ExitStack() as ends:  # each step is taken, whatever became of the one before
            ends.callback(self._farewell)
            ends.callback(self._last_words)
            ends.callback(self._source.close)
            ends.callback(self._indicators.close)
            ends.callback(self._notifier.stopping)
            try:
                self._source.start()
                self._loop()
                self._reason = "the source has ended" if self._source.ended else "stopped"
            except MaskgateError as e:
                self._reason = str(e)
                raise
        return RunSummary(
            total=self._pipeline.total,
            frames=self._pace.frames,
            seconds=self._pace.seconds,
            frame_ms=self._pace.latency_ms,
            left=self._left,
        )

    def _loop(self) -> None:
        while not self._stop.is_set() and not self._source.ended:
            frame = self._source.next(_FRAME_TIMEOUT_S)
            if frame is not None:
                self._judge(frame)
            else:
                self._indicators.attend()
            for violation in self._postbox.announced():
                self._pipeline.announced(violation)
            self._watch_camera()
            self._report()

    def _judge(self, frame: Frame) -> None:
        began = self._clock.monotonic()
        result = self._pipeline.process(frame, clock_trusted=trusted(self._clock))
        self._last = frame, began
        self._take(result)
        self._indicators.show(result.present, opened=any(isinstance(o, Opened) for o in result.outcomes))
        self._pace.add(self._clock.monotonic(), self._clock.monotonic() - began)
        if self._pace.frames == 1:
            self._postbox.publish_info()  # only now is the picture's size known
        self._working()
        self._observe(frame, result)

    def _working(self) -> None:
        """For systemd: a frame was judged, or the camera is known to be at fault: nothing is there to judge.

        In any other case the pipeline hangs, and the process must be ended.
        """
        if not self._ready:
            self._ready = True
            self._notifier.ready()
        self._notifier.alive()

    def _take(self, result: Result) -> None:
        self._postbox.record(result.events)
        for outcome in result.outcomes:
            self._window.add(outcome)
            _log.info("%s", describe(outcome))

    def _watch_camera(self) -> None:
        camera = self._source.status
        if camera.fault is not None:
            self._working()
        fault = self._faults.update(camera, self._clock.monotonic())
        if fault is None:
            return
        _log.warning("camera: %s", fault.message)
        if fault.state == "opened":
            self._indicators.rest()
            self._everybody_left()
        self._postbox.record([new_event(fault, self._clock.utc(), clock_trusted=trusted(self._clock))])

    def _everybody_left(self) -> None:
        if self._last is None:
            return
        frame, judged = self._last
        # on the source's own time line, which for a clip is not ours
        now = frame.captured_at + self._clock.monotonic() - judged
        result = self._pipeline.finish(now, self._clock.utc(), clock_trusted=trusted(self._clock))
        self._take(result)
        self._observe(frame, result)

    def _report(self) -> None:
        now = self._clock.monotonic()
        if now >= self._next_health:
            self._next_health = now + self._config.reporting.health_every_s
            pins = self._indicators.problem
            data = health(self._clock, self._started, self._pace, self._source.status, self._postbox, pins)
            self._postbox.publish_health(data.model_dump_json().encode())
            camera, link = data.camera["state"], data.link["state"]
            self._notifier.status(f"{data.fps:.1f} frames/s, camera {camera}, broker {link}")
        if now >= self._window_began + self._config.reporting.summary_every_s:
            self._summarise(now)

    def _summarise(self, now: float) -> None:
        data = self._window.summary(round(now - self._window_began, 3))
        self._postbox.record([new_event(data, self._clock.utc(), clock_trusted=trusted(self._clock))])
        self._window, self._window_began = Tally(), now

    def _last_words(self) -> None:
        self._everybody_left()
        if self._last is not None:  # a source that never gave a picture has nothing to sum up
            self._summarise(self._clock.monotonic())

    def _farewell(self) -> None:
        self._left = self._postbox.close(self._reason)

    def _info(self) -> bytes:
        return info(self._config, self._judges, self._source.status).model_dump_json().encode()
