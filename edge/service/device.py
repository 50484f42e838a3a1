"""``maskgate run``: the composition root. Camera to pipeline to outbox; delivery works beside it.

Threads: the camera's own, this one (the pipeline), delivery, the link's. They share one stop event, and all
are told to stop before any is joined. An unexpected error in the pipeline ends the process, and systemd
starts it again.
"""

import logging
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from edge.camera import CameraSettings, UprightCheck
from edge.clock import Clock, trusted
from edge.config import Config
from edge.errors import MaskgateError
from edge.events import Place, new_event
from edge.indicators import Indicators
from edge.people.compose import LoadedModels, make_pipeline
from edge.people.pipeline import FrameResult
from edge.people.tally import Tally
from edge.service.camera_faults import CameraFaultMonitor
from edge.service.commands.dispatcher import CommandDispatcher
from edge.service.commands.executor import CommandExecutor
from edge.service.commands.handler import CommandHandler
from edge.service.device_state import DeviceState, FrameSource
from edge.service.frames import FrameLoop
from edge.service.messenger import Messenger, Undelivered
from edge.service.reporting import Reporter, info
from edge.service.updates import Updates
from edge.systemd import SystemdNotifier
from edge.values import Frame

_log = logging.getLogger(__name__)
_FRAME_TIMEOUT_S = 0.5
_CRASH = "an unexpected error"


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a run reports at its end."""

    total: Tally
    frames: int
    seconds: float
    """From the first judged frame to the last."""
    frame_ms: float
    """Median time to judge a frame."""
    left: Undelivered
    """What the broker has not acknowledged."""
    restart: bool
    """Ops wants it to be started again."""


class Service:
    """The whole device.

    Args:
        config: checked configuration.
        models: the loaded models.
        source: where frames come from.
        clock: the time.
        stop: set from outside (signals) to end the run.
        observe: called with every frame and its result, on the pipeline's thread; for drawing or printing.
        reread: reads and checks the configuration again; None where there is no file.
        cause: what ended the run before, if it is known.
    """

    def __init__(
        self,
        config: Config,
        models: LoadedModels,
        source: FrameSource,
        clock: Clock,
        stop: threading.Event,
        observe: Callable[[Frame, FrameResult], None] = lambda *_: None,
        reread: Callable[[], Config] | None = None,
        cause: str = "",
    ) -> None:
        self._config, self._models, self._source = config, models, source
        self._clock, self._stop, self._cause = clock, stop, cause
        self._ready = False
        self._reason = _CRASH
        self._left = Undelivered(0, 0, "")
        self._notifier = SystemdNotifier()
        self._camera_faults = CameraFaultMonitor(config.camera.fault_after_s)
        self._pipeline = make_pipeline(config, models)
        place = Place(config.site.id, config.site.device, config.mqtt.prefix)
        self._messenger = messenger = Messenger(config, place, clock)
        self._indicators = Indicators(
            config.indicators, clock, on_test=partial(messenger.try_speaker, "button")
        )
        self._updates = Updates(config.update.health_s, messenger, clock, messenger.publish_info)
        self._state = DeviceState(source, messenger, self._indicators, self._updates, clock)
        self._reporter = Reporter(config, clock, messenger, self._notifier, self._state)
        upright = UprightCheck(models.detector.find, CameraSettings.of(config.camera).turn)
        self._frame_loop = FrameLoop(
            self._pipeline, messenger, self._indicators, self._reporter, self._state, clock, upright, observe
        )
        self._executor = CommandExecutor(
            config, models, self._pipeline, messenger, self._reporter, self._state, self._updates, reread
        )
        self._commands = CommandHandler(
            CommandDispatcher(config.commands, self._executor, clock), messenger, clock
        )

    def run(self) -> RunSummary:
        """Work until the source ends or ``stop`` is set.

        Raises:
            CameraError: a clip or folder that can't be read at all; a camera that fails is waited for.
        """
        self._messenger.start(self._info, self._cause)
        with ExitStack() as ends:  # each step is taken, whatever became of the one before
            ends.callback(self._farewell)
            ends.callback(self._frame_loop.last_words)
            ends.callback(self._commands.turn_away_the_rest)
            ends.callback(self._source.close)
            ends.callback(self._indicators.close)
            ends.callback(self._notifier.stopping)
            try:
                self._source.start()
                self._loop()
                self._reason = self._executor.ending or (
                    "the source has ended" if self._source.ended else "stopped"
                )
            except MaskgateError as e:
                self._reason = str(e)
                raise
        return RunSummary(
            total=self._pipeline.total,
            frames=self._reporter.pace.frames,
            seconds=self._reporter.pace.seconds,
            frame_ms=self._reporter.pace.latency_ms,
            left=self._left,
            restart=self._executor.ending is not None,
        )

    def _loop(self) -> None:
        while not (self._stop.is_set() or self._source.ended or self._executor.ending):
            frame = self._source.next(_FRAME_TIMEOUT_S)
            if frame is not None:
                self._frame_loop.judge(frame)
                self._working()
                self._updates.judged()
            else:
                self._indicators.attend()
            self._frame_loop.listen()
            self._watch_camera()
            self._reporter.attend()
            self._commands.attend()
            self._updates.attend()

    def _working(self) -> None:
        """Tell systemd that the pipeline works: it judged a frame, or the camera's fault is known.

        In any other case the pipeline hangs, and systemd must end the process.
        """
        if not self._ready:
            self._ready = True
            self._notifier.ready()
        self._notifier.alive()

    def _watch_camera(self) -> None:
        camera = self._source.status
        if camera.fault is not None:
            self._working()
            self._updates.broken()
        fault = self._camera_faults.update(camera, self._clock.monotonic())
        if fault is None:
            return
        _log.warning("camera: %s", fault.message)
        if fault.state == "opened":
            self._indicators.rest()
            self._frame_loop.everybody_left()
        self._messenger.record([new_event(fault, self._clock.utc(), clock_trusted=trusted(self._clock))])

    def _farewell(self) -> None:
        self._left = self._messenger.close(self._reason, orderly=self._reason != _CRASH)

    def _info(self) -> bytes:
        data = info(self._config, self._models, self._state.camera, self._updates.releases)
        return data.model_dump_json().encode()
