"""``maskgate run``: the composition root. Camera to pipeline to outbox; delivery works beside it.

Threads: the camera's own, this one (the pipeline), delivery, the link's. One stop event: all are told, then
joined. An unexpected error in the pipeline ends the process, and systemd starts it again.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from edge.camera import CameraStatus
from edge.clock import Clock, trusted
from edge.compose import Judges, make_pipeline
from edge.config import Config
from edge.delivery import Delivery
from edge.errors import MaskgateError
from edge.events import CameraFault, Event, Place, Status, new_event
from edge.health import Pace
from edge.mqtt import Message, MqttLink
from edge.outbox import Outbox
from edge.pipeline import Result, Tally
from edge.policy import describe
from edge.reporting import health, info
from edge.values import Frame
from edge.watchdog import Notifier

_log = logging.getLogger(__name__)
_FRAME_TIMEOUT_S = 0.5
FLUSH_S = 10.0
"""How long a stopped service waits for the broker to take what is in the outbox."""


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
    """From the first frame to the last."""
    waiting: int
    """Events that the broker has not acknowledged: they stay in the outbox for the next start."""
    link: str
    """How the connection was at the end, as a sentence."""
    frame_ms: float
    """Median time to judge a frame."""


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
        self._place = Place(config.site.id, config.site.device, config.mqtt.prefix)
        self._pipeline = make_pipeline(config, judges)
        self._window = Tally()
        self._pace = Pace()
        self._notifier = Notifier()
        self._started = clock.monotonic()
        self._next_health = self._started
        self._next_summary = self._window_began = self._started
        self._fault_open = False
        self._outbox = Outbox(config.outbox, clock)
        self._link = MqttLink(
            config.mqtt,
            f"{config.mqtt.prefix}-{config.site.id}-{config.site.device}",
            will=self._status("offline", "the connection was lost"),
            birth=lambda: [self._status("online", "running"), self._info()],
        )
        self._delivery = Delivery(self._outbox, self._link, self._place, clock)

    def run(self) -> RunSummary:
        """Work until the source ends or ``stop`` is set.

        Raises:
            CameraError: a clip or folder that can't be read at all; a camera that fails is waited for.
        """
        self._delivery.start()
        self._link.start()
        try:
            self._source.start()
            self._loop()
            reason = "the source has ended" if self._source.ended else "stopped"
        except MaskgateError as e:
            reason = str(e)
            raise
        finally:
            self._notifier.stopping()
            self._finish()
            self._source.close()
            waiting = self._delivery.flush(FLUSH_S if self._link.status.state == "online" else 0.0)
            link = self._link.status.message
            self._link.stop(5.0, [self._status("offline", reason)])
            self._delivery.close()
            self._outbox.close()
        return RunSummary(
            self._pipeline.total, self._pace.frames, self._pace.seconds, waiting, link, self._pace.latency_ms
        )

    def _loop(self) -> None:
        while not self._stop.is_set() and not self._source.ended:
            frame = self._source.next(_FRAME_TIMEOUT_S)
            if frame is not None:
                self._judge(frame)
            self._watch_camera()
            self._report()

    def _judge(self, frame: Frame) -> None:
        began = self._clock.monotonic()
        result = self._pipeline.process(frame, clock_trusted=trusted(self._clock))
        self._record(result.events)
        self._count(result)
        done = self._clock.monotonic()
        self._pace.add(done, done - began)
        if self._pace.frames == 1:
            self._notifier.ready()
        # fed only here: a process that lives while nothing is judged must be ended
        self._notifier.alive()
        self._observe(frame, result)

    def _record(self, events: Sequence[Event]) -> None:
        for event in events:
            self._outbox.append(event, self._place)
        if events:
            self._delivery.wake()

    def _count(self, result: Result) -> None:
        for outcome in result.outcomes:
            self._window.add(outcome)
            _log.info("%s", describe(outcome))

    def _watch_camera(self) -> None:
        """A camera that fails for long is an event, once, and so is its recovery."""
        camera, now = self._source.status, self._clock.monotonic()
        failing = camera.fault is not None
        if failing and not self._fault_open and now - camera.since >= self._config.camera.fault_after_s:
            self._fault_open = True
            _log.error("camera: %s", camera.message)
            self._everybody_left()
            self._record([self._fault("opened", str(camera.fault and camera.fault.value), camera.message)])
        elif self._fault_open and not failing:
            self._fault_open = False
            _log.warning("camera: %s gives pictures again", camera.source)
            self._record([self._fault("closed", "recovered", f"{camera.source} gives pictures again")])

    def _fault(self, state: Literal["opened", "closed"], reason: str, message: str) -> Event:
        data = CameraFault(state=state, reason=reason, message=message)
        return new_event(data, self._clock.utc(), clock_trusted=trusted(self._clock))

    def _everybody_left(self) -> None:
        result = self._pipeline.finish(
            self._clock.monotonic(), self._clock.utc(), clock_trusted=trusted(self._clock)
        )
        self._record(result.events)
        self._count(result)

    def _report(self) -> None:
        now = self._clock.monotonic()
        if now >= self._next_health:
            self._next_health = now + self._config.reporting.health_every_s
            data = health(
                self._clock,
                self._started,
                self._pace,
                self._source.status,
                self._outbox,
                self._delivery,
                self._link,
            )
            self._link.publish(self._place.topic("health"), data.model_dump_json().encode(), qos=0)
            self._notifier.status(
                f"{data.fps:.1f} frames/s, camera {data.camera['state']}, broker {data.link['state']}"
            )
        if now >= self._next_summary + self._config.reporting.summary_every_s:
            self._summarise(now)

    def _summarise(self, now: float) -> None:
        data = self._window.summary(round(now - self._window_began, 3))
        self._record([new_event(data, self._clock.utc(), clock_trusted=trusted(self._clock))])
        self._window, self._window_began = Tally(), now
        self._next_summary = now

    def _finish(self) -> None:
        self._everybody_left()
        self._summarise(self._clock.monotonic())

    def _status(self, state: Literal["online", "offline"], reason: str) -> Message:
        payload = Status.payload(state, reason, self._clock.utc())
        return Message(self._place.topic("status"), payload, qos=1, retain=True)

    def _info(self) -> Message:
        payload = info(self._config, self._judges, self._source.status).model_dump_json().encode()
        return Message(self._place.topic("info"), payload, qos=1, retain=True)
