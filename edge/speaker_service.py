"""``maskgate speaker``: the composition root of the announcement. Violations in, sound and its report out.

Threads: paho's loop (takes messages, never plays), the announcements' own (decides and plays, one at a time),
delivery (the report). It may run on another machine than the camera, or beside the service in one process.
"""

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Literal

from edge.clock import Clock, trusted
from edge.config import Config
from edge.delivery import Delivery
from edge.errors import SpeakerError
from edge.events import AnnouncementFailed, AnnouncementPlayed, Data, Place, Status, new_event
from edge.mqtt import Message, MqttLink
from edge.outbox import Outbox
from edge.speaker.announcer import Announcer, Choice, Heard, Now, age_s
from edge.speaker.message import parse
from edge.speaker.player import choose_player, sounds_of
from edge.watchdog import Notifier

_log = logging.getLogger(__name__)
_QUEUE_MAX = 100
"""Violations that wait while an announcement is played; any more would be too old when their turn comes."""
_LEAVE_S = 5.0
"""At the end, so long for the last report and the farewell."""
_LOOK_S = 5.0
"""How often systemd's watchdog is fed."""


class SpeakerService:
    """The announcements of one site.

    Args:
        config: checked configuration; this speaker calls itself ``<device>-speaker`` on the wire, and keeps
            an outbox of its own, ``speaker-outbox.sqlite``, beside the device's.
        clock: the time.
        announce: told in one line, on the thread that plays, what was played, failed, or was left unsaid.

    Raises:
        ConfigError: a recording, password or certificate is missing.
        StoreError: the outbox can't be made.
    """

    def __init__(
        self, config: Config, *, clock: Clock, announce: Callable[[str], None] | None = None
    ) -> None:
        settings, site, prefix = config.speaker, config.site, config.mqtt.prefix
        self._clock, self._announce = clock, announce
        self._place = Place(site.id, f"{site.device}-speaker", prefix)
        self._language = ",".join(settings.languages)
        self._sounds = sounds_of(settings)
        self._player = choose_player(settings, clock)
        self._announcer = Announcer(settings)
        self._interrupt = threading.Event()
        self._queue: SimpleQueue[Heard | None] = SimpleQueue()
        self._worker = threading.Thread(target=self._work, name="announcements", daemon=True)
        self._link = MqttLink(
            config.mqtt,
            f"{prefix}-{site.id}-{self._place.device}",
            will=self._status("offline", "the connection was lost"),
            birth=lambda: [self._status("online", "started")],
            subscriptions=[(f"{prefix}/v1/{site.id}/+/event", 1)],
            on_message=self._received,
            durable=True,
        )
        path = config.outbox.path.with_name("speaker-outbox.sqlite")
        self._outbox = Outbox(config.outbox.model_copy(update={"path": path}), clock)
        self._delivery = Delivery(self._outbox, self._link, self._place, clock)

    @property
    def healthy(self) -> bool:
        """Whether announcements can be made; False for good after an unexpected error."""
        return self._worker.is_alive()

    @property
    def link_message(self) -> str:
        """How the connection to the broker is, as a full sentence."""
        return self._link.status.message

    def start(self) -> None:
        """Listen, and announce from now on."""
        self._worker.start()
        self._delivery.start()
        self._link.start()

    def close(self, finish_s: float = 0.0) -> None:
        """Stop and join everything.

        Args:
            finish_s: how long announcements that are due or sounding may take to end; 0 interrupts them.
        """
        if finish_s == 0:
            self._interrupt.set()
        self._queue.put(None)
        self._worker.join(finish_s)
        self._interrupt.set()
        self._worker.join()
        self._delivery.flush(_LEAVE_S if self._link.status.state == "online" else 0.0)
        self._link.stop(_LEAVE_S, [self._status("offline", "stopped")])
        self._delivery.close()
        self._outbox.close()

    def _received(self, topic: str, payload: bytes, retained: bool) -> None:  # noqa: FBT001  MqttLink's signature
        if retained:
            _log.warning("dropped a retained message on %s: events are never retained", topic)
            return
        heard = parse(payload, self._clock.monotonic())
        if heard is None:
            return
        if self._queue.qsize() < _QUEUE_MAX:
            self._queue.put(heard)
        else:
            _log.warning("dropped violation %s: %d wait already", heard.violation, _QUEUE_MAX)

    def _work(self) -> None:
        while (heard := self._queue.get()) is not None and not self._interrupt.is_set():
            now = Now(self._clock.monotonic(), self._clock.utc(), trusted(self._clock))
            choice = self._announcer.judge(heard, now)
            if choice is Choice.PLAY:
                self._play(heard.violation, age_s(heard, now), now.s)
            elif choice is not Choice.NOT_A_VIOLATION:
                self._tell(f"violation {heard.violation}: not announced ({choice.value})")

    def _play(self, violation: str, age_s: float, now_s: float) -> None:
        """Announce a violation that was ``age_s`` old at ``now_s``, and report it."""
        speaker = self._place.device
        try:
            played = self._player.play(self._sounds, self._interrupt)
        except SpeakerError as e:
            self._store(AnnouncementFailed(violation=violation, speaker=speaker, reason=str(e)))
            self._tell(f"violation {violation}: not announced: {e}")
            return
        self._announcer.played(played.ended_s)
        delay_s = age_s + played.started_s - now_s
        self._store(
            AnnouncementPlayed(violation=violation, speaker=speaker, language=self._language, delay_s=delay_s)
        )
        self._tell(f"violation {violation}: announced ({self._language}) after {delay_s:.3f} s")

    def _store(self, data: Data) -> None:
        event = new_event(data, self._clock.utc(), clock_trusted=trusted(self._clock))
        self._outbox.append(event, self._place)
        self._delivery.wake()

    def _tell(self, line: str) -> None:
        _log.info("%s", line)
        if self._announce is not None:
            self._announce(line)

    def _status(self, state: Literal["online", "offline"], reason: str) -> Message:
        payload = Status.payload(state, reason, self._clock.utc())
        return Message(self._place.topic("status"), payload, qos=1, retain=True)


def run_speaker(
    config: Config, *, clock: Clock, stop: threading.Event, announce: Callable[[str], None] | None = None
) -> int:
    """Announce until ``stop`` is set; returns the exit code: 1 if announcements are no longer possible.

    Raises:
        ConfigError, StoreError: see ``SpeakerService``.
    """
    service, notifier = SpeakerService(config, clock=clock, announce=announce), Notifier()
    service.start()
    try:
        notifier.ready()
        while not stop.wait(_LOOK_S):
            if not service.healthy:
                _log.error("the announcements' thread ended unexpectedly (its traceback is above)")
                return 1
            notifier.alive()
            notifier.status(service.link_message)
        return 0
    finally:
        notifier.stopping()
        service.close()
