"""The device's reports about itself: ``info``, ``health`` and ``summary``."""

from edge import __version__
from edge.camera import CameraStatus, rate_problems
from edge.clock import Clock, trusted
from edge.config import Config
from edge.events import (
    CameraHealth,
    CameraInfo,
    Health,
    Info,
    LinkHealth,
    Passport,
    Releases,
    new_event,
)
from edge.hardware import hardware_id, memory_mb, temperature_c
from edge.people.compose import LoadedModels
from edge.people.tally import Tally
from edge.service.device_state import DeviceState
from edge.service.messenger import Messenger
from edge.service.pace import WINDOW_S, Pace
from edge.speaker.sinks import shown_speaker
from edge.systemd import SystemdNotifier


def info(config: Config, models: LoadedModels, camera: CameraStatus, releases: Releases) -> Info:
    """What this device is; nothing secret: passwords lie in files, and a URL is shown by its host alone."""
    shown = config.model_dump(mode="json")
    shown["camera"]["source"] = camera.source
    shown["speaker"] = shown_speaker(config.speaker)
    shown["mqtt"]["websocket_path"] = config.mqtt.shown_websocket_path
    passports = {
        c.name: Passport(id=c.model_id, sha256=c.sha256, kind=c.kind)
        for c in (models.classifier.contract, models.detector.contract)
    }
    return Info(
        software=f"maskgate {__version__}",
        hardware=hardware_id(),
        releases=releases,
        runtime=f"{models.runtime.name} {models.runtime.version}",
        models=passports,
        camera=CameraInfo(source=camera.source, width=camera.width, height=camera.height),
        config=shown,
    )


class Reporter:
    """Says how the device is every few seconds, and what it counted every minute.

    It belongs to the pipeline's thread.

    Attributes:
        pace: of the judged frames.
        window: what was counted since the last summary.

    Args:
        config: how often to report.
        clock: the time; the device starts now.
        messenger: takes the reports.
        notifier: takes one line of each for ``systemctl status``.
        state: what the device is right now.
    """

    def __init__(
        self,
        config: Config,
        clock: Clock,
        messenger: Messenger,
        notifier: SystemdNotifier,
        state: DeviceState,
    ) -> None:
        self._every, self._clock, self._messenger = config.reporting, clock, messenger
        self._min_looks = config.decision.min_looks
        self._notifier, self._state = notifier, state
        self.pace, self.window = Pace(), Tally()
        self._started_s = self._next_health_s = self._window_began_s = clock.monotonic()

    def attend(self) -> None:
        """Send the reports that are due."""
        now_s = self._clock.monotonic()
        if now_s >= self._next_health_s:
            self._next_health_s = now_s + self._every.health_every_s
            data = self.health()
            self._messenger.publish_health(data.model_dump_json().encode())
            camera, link = data.camera.state, data.link.state
            self._notifier.status(f"{data.fps:.1f} frames/s, camera {camera}, broker {link}")
        if now_s >= self._window_began_s + self._every.summary_every_s:
            self.summarise()

    def summarise(self) -> None:
        """Record the counts of the window that ends now, and start the next one."""
        now_s = self._clock.monotonic()
        data = self.window.summary(round(now_s - self._window_began_s, 3))
        self._messenger.record([new_event(data, self._clock.utc(), clock_trusted=trusted(self._clock))])
        self.window, self._window_began_s = Tally(), now_s

    def health(self) -> Health:
        """Report how the device is right now; ``problems`` are sentences for people."""
        clock, camera, link = self._clock, self._state.camera, self._messenger.link_status
        now_s = clock.monotonic()
        judged_fps = self.pace.fps(now_s) if self.pace.seconds >= WINDOW_S else None
        return Health(
            time=clock.utc(),
            clock_trusted=trusted(clock),
            uptime_s=round(now_s - self._started_s, 1),
            fps=round(self.pace.fps(now_s), 2),
            latency_ms=round(self.pace.latency_ms, 1),
            camera=CameraHealth(
                state=camera.state.value,
                fault=camera.fault.value if camera.fault else None,
                fps=round(camera.fps, 1),
                frames=camera.frames,
                reconnects=camera.reconnects,
                damaged=camera.damaged,
            ),
            outbox=self._messenger.outbox_health(),
            link=LinkHealth(state=link.state, message=link.message),
            memory_mb=memory_mb(),
            temperature_c=temperature_c(),
            hardware=hardware_id(),
            overrides=self._state.overrides,
            problems=[*self._state.problems(), *rate_problems(camera, judged_fps, self._min_looks)],
        )
