"""``maskgate speaker``: the composition root of the announcement. Violations in, sound and its report out.

Threads: the link's and the local path's (they take messages and never play), one for each speaker (it decides
and plays, one announcement at a time), delivery (for the reports), and health. It may run on another machine
than the camera, or in one process with the service.
"""

import json
import logging
import os
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Literal

from edge.clock import Clock, trusted
from edge.config import Config
from edge.events import (
    AnnouncementPlayed,
    Data,
    LinkHealth,
    OutboxHealth,
    Place,
    Status,
    cloud_event,
    new_event,
)
from edge.hardware import hardware_id, memory_mb
from edge.mqtt import MqttLink, OutgoingMessage
from edge.outbox import Outbox
from edge.outbox.delivery import Delivery
from edge.people.hours import OpeningHours
from edge.service.violation_receiver import SPEAKER_SUFFIX, ViolationReceiver
from edge.speaker.announcer import ReceivedViolation
from edge.speaker.device_clocks import clock_problems
from edge.speaker.local import LocalReceiver
from edge.speaker.log_throttle import LogThrottle
from edge.speaker.memory import AnnouncementMemory
from edge.speaker.self_report import SpeakerHealth, Voiced, info
from edge.speaker.sinks import make_sinks
from edge.speaker.worker import SpeakerWorker
from edge.systemd import SystemdNotifier

_log = logging.getLogger(__name__)
_LEAVE_S = 5.0
"""The time for the last report and the farewell."""
_LINES_AT_ONCE, _LINE_EVERY_S = 30, 10.0
"""Log lines about violations, so that a flood of them fills no disk."""
_LOOK_S = 5.0
"""How often systemd's watchdog is fed."""


class SpeakerService:
    """The announcements of one site.

    Args:
        config: checked configuration; this speaker calls itself ``<device>-speaker`` on the wire, which no
            device of the site may be called, and keeps an outbox and a memory of its own,
            ``speaker-outbox.sqlite`` and ``speaker-memory.sqlite``, beside the device's outbox.
        clock: the time.
        announce: called with one line, on the thread that plays, about each violation.

    Raises:
        ConfigError: a recording, password, token or certificate is missing, or the socket can't be made.
        StoreError: the outbox can't be made there; a disk that is full or read-only is not an error.
    """

    def __init__(
        self, config: Config, *, clock: Clock, announce: Callable[[str], None] | None = None
    ) -> None:
        site, prefix = config.site, config.mqtt.prefix
        self._config, self._clock, self._announce = config, clock, announce
        self._place = Place(site.id, f"{site.device}{SPEAKER_SUFFIX}", prefix)
        self._started_s = clock.monotonic()
        self._lines = LogThrottle(_LINE_EVERY_S, _LINES_AT_ONCE)
        self._receiver = ViolationReceiver(clock, self._announce_to_all)
        self._closing = threading.Event()
        quiet = quiet_hours(config)
        sinks = make_sinks(config.speaker, self._place.device, clock)
        self._info = info(config, [sink.name for sink in sinks]).model_dump_json().encode()
        self._link = MqttLink(
            config.mqtt,
            # Names have no slash: no other site, device or speaker can come to the same id.
            f"{prefix}/{site.id}/{site.device}/speaker/{hardware_id()}",
            will=lambda: self._status("offline", "the connection was lost"),
            birth=lambda: [self._status("online", "started"), self._message("info", self._info)],
            subscriptions=[(f"{prefix}/v1/{site.id}/+/{leaf}", 1) for leaf in ("event", "health")],
            on_message=self._receiver.from_broker,
            durable=True,
        )
        # Under systemd a folder of its own: outbox.path is another user's there.
        given = os.environ.get("STATE_DIRECTORY")
        folder = Path(given) if given else config.outbox.path.parent
        path = folder / "speaker-outbox.sqlite"
        self._outbox = Outbox(config.outbox.model_copy(update={"path": path}), clock)
        self._delivery = Delivery(self._outbox, self._link, self._place, clock)
        self._memory = AnnouncementMemory(folder / "speaker-memory.sqlite")
        self._workers = [
            SpeakerWorker(
                sink, config.speaker, self._memory, clock, quiet=quiet, report=self._store, tell=self._tell
            )
            for sink in sinks
        ]
        # Last, since another speaker's outbox would have stopped us by now: nobody's socket is taken away.
        socket = config.speaker.socket
        self._local = None if socket is None else LocalReceiver(socket, self._receiver.from_this_machine)
        self._health_thread = threading.Thread(target=self._report_health, name="health", daemon=True)

    @property
    def healthy(self) -> bool:
        """Whether announcements can be made; False for good after an unexpected error."""
        return all(worker.healthy for worker in self._workers) and (
            self._local is None or self._local.healthy
        )

    @property
    def link_message(self) -> str:
        """How the connection to the broker is, as a full sentence."""
        return self._link.status.message

    def start(self) -> None:
        """Listen, and announce from now on."""
        for worker in self._workers:
            worker.start()
        if self._local is not None:
            self._local.start()
        self._delivery.start()
        self._link.start()
        self._health_thread.start()

    def close(self, finish_s: float = 0.0) -> None:
        """Stop and join everything.

        Args:
            finish_s: how long announcements that are due or sounding may take to end; 0 interrupts them.
        """
        self._closing.set()
        if self._local is not None:
            self._local.close()
        if finish_s > 0:
            self._end_workers(finish=True, wait_s=finish_s)
        self._end_workers(finish=False, wait_s=_LEAVE_S)
        self._delivery.flush(_LEAVE_S if self._link.status.state == "online" else 0.0)
        self._link.stop(_LEAVE_S, [self._status("offline", "stopped")])
        self._health_thread.join()
        self._delivery.close()
        self._outbox.close()
        self._memory.close()

    def _end_workers(self, *, finish: bool, wait_s: float) -> None:
        for worker in self._workers:
            worker.end(finish=finish)
        until_s = self._clock.monotonic() + wait_s
        for worker in self._workers:
            worker.join(max(0.0, until_s - self._clock.monotonic()))

    def _announce_to_all(self, event: ReceivedViolation) -> None:
        for worker in self._workers:
            worker.offer(event)

    def _store(self, data: Data) -> None:
        event = new_event(data, self._clock.utc(), clock_trusted=trusted(self._clock))
        sequence = self._outbox.append(event, self._place)
        self._delivery.wake()
        if self._local is not None and isinstance(data, AnnouncementPlayed):
            wire = cloud_event(event, self._place, sequence=sequence, recorded=event.time)
            self._local.answer(json.dumps(wire).encode())

    def _tell(self, line: str) -> None:
        allowed = self._lines.line(line, self._clock.monotonic())
        if allowed is not None:
            _log.info("%s", allowed)
        if self._announce is not None:
            self._announce(line)

    def _report_health(self) -> None:
        while not self._closing.wait(self._config.reporting.health_every_s):
            payload = self._health().model_dump_json().encode()
            self._link.publish(self._place.topic("health"), payload, qos=0)

    def _health(self) -> SpeakerHealth:
        states, link = [worker.state for worker in self._workers], self._link.status
        problems = [s.problem for s in states if s.problem]
        more = (self._outbox.problem, self._delivery.problem, self._memory.problem, link.problem)
        problems += [p for p in more if p]
        differences_s = self._receiver.clock_differences_s()
        problems += clock_problems(differences_s)
        return SpeakerHealth(
            time=self._clock.utc(),
            clock_trusted=trusted(self._clock),
            uptime_s=round(self._clock.monotonic() - self._started_s, 1),
            speakers={state.name: Voiced.of(state) for state in states},
            outbox=OutboxHealth(depth=self._outbox.depth, dropped=self._outbox.dropped),
            link=LinkHealth(state=link.state, message=link.message),
            memory_mb=memory_mb(),
            clock_differences_s=differences_s,
            problems=problems,
        )

    def _status(self, state: Literal["online", "offline"], reason: str) -> OutgoingMessage:
        return self._message("status", Status.payload(state, reason, self._clock.utc()))

    def _message(self, leaf: str, payload: bytes) -> OutgoingMessage:
        return OutgoingMessage(self._place.topic(leaf), payload, qos=1, retain=True)


def quiet_hours(config: Config) -> Callable[[datetime], bool]:
    """Whether a moment (UTC) lies in ``speaker.quiet``.

    Raises:
        ConfigError: the hours or the time zone can't be understood.
    """
    # No hours at all mean "always open" elsewhere; here they mean no silence.
    if not config.speaker.quiet:
        return lambda _: False
    return OpeningHours.parse(config.speaker.quiet, config.hours.timezone).open


def run_speaker(
    config: Config, *, clock: Clock, stop: threading.Event, announce: Callable[[str], None] | None = None
) -> int:
    """Announce until ``stop`` is set; returns the exit code: 1 if announcements are no longer possible.

    Raises:
        ConfigError, StoreError: see ``SpeakerService``.
    """
    service, notifier = SpeakerService(config, clock=clock, announce=announce), SystemdNotifier()
    service.start()
    try:
        notifier.ready()
        while not stop.wait(_LOOK_S):
            if not service.healthy:
                _log.error("a speaker's thread ended unexpectedly (its traceback is above)")
                return 1
            notifier.alive()
            notifier.status(service.link_message)
        return 0
    finally:
        notifier.stopping()
        service.close()
