"""Where the device hands in its events: stored, delivered to the broker, told to the speaker next door.

And where it hears back: which announcements were heard, over the local path or else from the site's events,
and what ops commands, which it only keeps until it is asked for.
"""

import json
import logging
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from edge import __version__
from edge.clock import Clock, trusted
from edge.config import Config
from edge.events import (
    AnnouncementRequested,
    DeviceStarted,
    Event,
    IdentityDuplicated,
    Place,
    Response,
    Status,
    ViolationOpened,
    cloud_event,
    new_event,
)
from edge.hardware import hardware_id
from edge.mqtt import MqttLink, OutgoingMessage
from edge.outbox import Outbox
from edge.outbox.delivery import Delivery
from edge.service.duplicates import DuplicateDetector
from edge.service.home_assistant import Discovery
from edge.service.inbox import Inbox
from edge.speaker.local import LocalSender

_log = logging.getLogger(__name__)
FLUSH_S = 10.0
"""How long a stopped device waits for the broker to take what is in the outbox."""
_FAREWELL_S = 5.0


@dataclass(frozen=True, slots=True)
class Undelivered:
    """What a stopped device leaves undelivered."""

    waiting: int
    """Events that stay in the outbox for the next start."""
    lost: int
    """Events that the disk would not take."""
    why: str
    """Why the broker has not got them."""


class Messenger:
    """One device's way to the world. Its methods belong to one thread.

    Args:
        config: checked configuration.
        place: the device.
        clock: the time.
        info: asked for at every connect: the retained ``info``.
    """

    def __init__(self, config: Config, place: Place, clock: Clock, info: Callable[[], bytes]) -> None:
        self._place, self._clock, self._info = place, clock, info
        client_id = f"{place.prefix}/{place.site}/{place.device}/{hardware_id()}"
        self.duplicates = DuplicateDetector(place, client_id, hardware_id(), clock)
        self.inbox = Inbox(place, on_health=lambda payload: self._accuse(self.duplicates.heard(payload)))
        self._muted_until_s = clock.monotonic()
        socket = config.speaker.socket
        self._sender = None if socket is None else LocalSender(socket)
        self.outbox = Outbox(config.outbox, clock)
        ledger = config.outbox.path.with_name("home-assistant.json")
        self._discovery = Discovery(config.home_assistant_discovery, place, ledger)
        filters = [place.topic("health")]  # our own, and that of whoever has our name
        filters += [] if socket else [f"{place.prefix}/v1/{place.site}/+/event"]
        if config.commands.enabled:
            filters.append(place.topic("cmd"))
        self.link = MqttLink(
            config.mqtt,
            client_id,
            will=lambda: self._status("the connection was lost", online=False),
            birth=lambda: [
                self._status("running", online=True),
                OutgoingMessage(place.topic("info"), info(), qos=1, retain=True),
                *(
                    OutgoingMessage(topic, text, qos=1, retain=True)
                    for topic, text in self._discovery.messages()
                ),
            ],
            subscriptions=[(name, 1) for name in filters],
            on_message=self.inbox.receive,
            on_replaced=lambda message: self._accuse(self.duplicates.replaced(message)),
        )
        self.delivery = Delivery(self.outbox, self.link, place, clock)

    def start(self, cause: str = "") -> None:
        """Begin to deliver, first that the device has started; a broker that is away is no error.

        Args:
            cause: what ended the run before, if it is known.
        """
        started = DeviceStarted(
            software=f"maskgate {__version__}", previous=self.outbox.previous, cause=cause
        )
        self.record([new_event(started, self._clock.utc(), clock_trusted=trusted(self._clock))])
        self.delivery.start()
        self.link.start()

    def record(self, events: Sequence[Event]) -> None:
        """Store the events, then tell those who announce and deliver them."""
        for event in map(self._marked, events):
            sequence = self.outbox.append(event, self._place)
            if isinstance(event.data, (ViolationOpened, AnnouncementRequested)):
                self._tell(event, sequence)
        if events:
            self.delivery.wake()

    def try_speaker(self, by: Literal["button", "command"]) -> str:
        """Let the speaker sound once, for nobody; returns what its report will call it."""
        data = AnnouncementRequested(violation=f"test-{uuid.uuid4()}", by=by)
        self.record([new_event(data, self._clock.utc(), clock_trusted=trusted(self._clock))])
        return data.violation

    def mute(self, for_s: float) -> None:
        """Violations of the next seconds are marked, so that no speaker announces them; 0 ends that."""
        self._muted_until_s = self._clock.monotonic() + for_s

    @property
    def muted_for_s(self) -> float:
        """From now on; 0 if it is not."""
        return max(0.0, self._muted_until_s - self._clock.monotonic())

    def answer(self, response: Response) -> None:
        """To the command, now or not at all: who asked can hear it only while we are connected."""
        self.link.publish(self._place.topic("rsp"), response.model_dump_json().encode())

    def announced(self) -> list[str]:
        """Violations whose announcement was heard since the last call; others' among them."""
        return [*([] if self._sender is None else self._sender.announced()), *self.inbox.announced()]

    def publish_health(self, payload: bytes) -> None:
        """Now or not at all."""
        self.link.publish(self._place.topic("health"), payload, qos=0)

    def publish_info(self) -> None:
        """Again, since it has changed; a connection that comes later brings it anyway."""
        self.link.publish(self._place.topic("info"), self._info(), retain=True)

    def close(self, reason: str, *, orderly: bool = True) -> Undelivered:
        """Deliver what can be delivered, and say farewell.

        Args:
            reason: why, for ``status``.
            orderly: nothing unexpected has ended this run; the next one's ``device.started`` tells.
        """
        if self._sender is not None:
            self._sender.close()
        before = self.link.status
        waiting = self.delivery.flush(FLUSH_S if before.state == "online" else 0.0)
        why = before.message
        if waiting and before.state == "online":
            why = self.delivery.problem or f"the broker did not acknowledge them within {FLUSH_S:.0f} s"
        self.link.stop(_FAREWELL_S, [self._status(reason, online=False)])
        if before.state == "online":
            self._discovery.settled()
        self.delivery.close()
        lost = self.outbox.close(orderly=orderly)
        return Undelivered(waiting - lost, lost, why)

    def _marked(self, event: Event) -> Event:
        if self.muted_for_s > 0 and isinstance(event.data, ViolationOpened):
            return replace(event, data=event.data.model_copy(update={"muted": True}))
        return event

    def _tell(self, event: Event, sequence: int) -> None:
        if self._sender is not None:
            wire = cloud_event(event, self._place, sequence=sequence, recorded=self._clock.utc())
            self._sender.send(json.dumps(wire, separators=(",", ":")).encode())

    def _accuse(self, found: IdentityDuplicated | None) -> None:
        """On the link's thread: the outbox and delivery take events from any."""
        if found is not None:
            _log.error("%s", found.message)
            event = new_event(found, self._clock.utc(), clock_trusted=trusted(self._clock))
            self.outbox.append(event, self._place)
            self.delivery.wake()

    def _status(self, reason: str, *, online: bool) -> OutgoingMessage:
        payload = Status.payload("online" if online else "offline", reason, self._clock.utc())
        return OutgoingMessage(self._place.topic("status"), payload, qos=1, retain=True)
