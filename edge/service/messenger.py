"""Where the device hands in its events: stored, delivered to the broker, sent to the speaker next door.

It also receives: which announcements were played, over the local path or else from the site's events, and the
commands of ops, which it only keeps until they are asked for.
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
    OutboxHealth,
    Place,
    Response,
    Status,
    ViolationOpened,
    cloud_event,
    new_event,
)
from edge.hardware import hardware_id
from edge.mqtt import LinkStatus, MqttLink, OutgoingMessage
from edge.outbox import Outbox
from edge.outbox.delivery import Delivery
from edge.service.duplicates import DuplicateDetector
from edge.service.home_assistant import Discovery
from edge.service.inbox import Inbox, ReceivedCommand
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
    """Why the broker did not get them."""


class Messenger:
    """One device's link to the outside. Its methods belong to one thread.

    Args:
        config: checked configuration.
        place: the device.
        clock: the time.
    """

    def __init__(self, config: Config, place: Place, clock: Clock) -> None:
        self._place, self._clock = place, clock
        self._info: Callable[[], bytes] = bytes
        client_id = f"{place.prefix}/{place.site}/{place.device}/{hardware_id()}"
        self._duplicates = DuplicateDetector(place, client_id, hardware_id(), clock)
        self._inbox = Inbox(place, clock, on_health=self._compare)
        self._muted_until_s = clock.monotonic()
        socket = config.speaker.socket
        self._sender = None if socket is None else LocalSender(socket, clock)
        self._outbox = Outbox(config.outbox, clock)
        ledger = config.outbox.path.with_name("home-assistant.json")
        self._discovery = Discovery(config.home_assistant_discovery, place, ledger)
        filters = [place.topic("health")]  # ours, and that of any other board with our name
        filters += [] if socket else [f"{place.prefix}/v1/{place.site}/+/event"]
        if config.commands.enabled:
            filters.append(place.topic("cmd"))
        self._link = MqttLink(
            config.mqtt,
            client_id,
            will=lambda: self._status("the connection was lost", online=False),
            birth=lambda: [
                self._status("running", online=True),
                OutgoingMessage(place.topic("info"), self._info(), qos=1, retain=True),
                *(
                    OutgoingMessage(topic, text, qos=1, retain=True)
                    for topic, text in self._discovery.messages()
                ),
            ],
            subscriptions=[(name, 1) for name in filters],
            on_message=self._inbox.receive,
            retain_as_published=True,  # else a retained command is seen only at the next connect
            on_replaced=lambda message: self._accuse(self._duplicates.replaced(message)),
        )
        self._delivery = Delivery(self._outbox, self._link, place, clock)

    def start(self, info: Callable[[], bytes], cause: str = "") -> None:
        """Start to deliver, first that the device has started; a broker that is away is not an error.

        Args:
            info: makes the retained ``info``; called at every connect, on the link's thread.
            cause: what ended the run before, if it is known.
        """
        self._info = info
        started = DeviceStarted(
            software=f"maskgate {__version__}", previous=self._outbox.previous, cause=cause
        )
        self.record([new_event(started, self._clock.utc(), clock_trusted=trusted(self._clock))])
        self._delivery.start()
        self._link.start()

    def record(self, events: Sequence[Event]) -> None:
        """Store the events; then send them to the speaker and to the broker."""
        for event in map(self._marked, events):
            sequence = self._outbox.append(event, self._place)
            if isinstance(event.data, (ViolationOpened, AnnouncementRequested)):
                self._send_to_speaker(event, sequence)
        if events:
            self._delivery.wake()

    def try_speaker(self, by: Literal["button", "command"]) -> str:
        """Let the speaker sound once, for nobody; returns the violation id that its report will name."""
        data = AnnouncementRequested(violation=f"test-{uuid.uuid4()}", by=by)
        self.record([new_event(data, self._clock.utc(), clock_trusted=trusted(self._clock))])
        return data.violation

    def mute(self, for_s: float) -> None:
        """Mark the violations of the next seconds, so that no speaker announces them; 0 ends that."""
        self._muted_until_s = self._clock.monotonic() + for_s

    @property
    def muted_for_s(self) -> float:
        """For how many seconds from now the device is muted; 0 if it is not."""
        return max(0.0, self._muted_until_s - self._clock.monotonic())

    @property
    def link_status(self) -> LinkStatus:
        """How the connection to the broker is."""
        return self._link.status

    def outbox_health(self) -> OutboxHealth:
        """What waits for the broker, and what was lost."""
        return OutboxHealth(depth=self._outbox.depth, dropped=self._outbox.dropped)

    def problems(self) -> list[str]:
        """What is wrong with outbox, delivery, identity and connection, each as a full sentence."""
        parts = (
            self._outbox.problem, self._delivery.problem, self._duplicates.problem, self._link.status.problem,
        )  # fmt: skip
        return [problem for problem in parts if problem]

    def next_command(self) -> ReceivedCommand | None:
        """The next message on ``cmd``, if one has come; each is given out once."""
        return self._inbox.next_command()

    def answer(self, response: Response) -> None:
        """Answer a command, now or not at all: the asker can receive it only while we are connected."""
        self._link.publish(self._place.topic("rsp"), response.model_dump_json().encode())

    def announced(self) -> list[str]:
        """Ids of the violations announced since the last call; other devices' are among them."""
        return [*([] if self._sender is None else self._sender.announced()), *self._inbox.announced()]

    def publish_health(self, payload: bytes) -> None:
        """Send it now or not at all: a report of the past helps nobody."""
        self._link.publish(self._place.topic("health"), payload, qos=0)

    def publish_info(self) -> None:
        """Send ``info`` again, since it has changed; a later connection brings it anyway."""
        self._link.publish(self._place.topic("info"), self._info(), retain=True)

    def close(self, reason: str, *, orderly: bool = True) -> Undelivered:
        """Deliver what can be delivered, and say farewell.

        Args:
            reason: why the device stops, for ``status``.
            orderly: nothing unexpected has ended this run; the next one's ``device.started`` says so.
        """
        if self._sender is not None:
            self._sender.close()
        before = self._link.status
        waiting = self._delivery.flush(FLUSH_S if before.state == "online" else 0.0)
        why = before.message
        if waiting and before.state == "online":
            why = self._delivery.problem or f"the broker did not acknowledge them within {FLUSH_S:.0f} s"
        self._link.stop(_FAREWELL_S, [self._status(reason, online=False)])
        if before.state == "online":
            self._discovery.settled()
        self._delivery.close()
        lost = self._outbox.close(orderly=orderly)
        return Undelivered(waiting - lost, lost, why)

    def _marked(self, event: Event) -> Event:
        if self.muted_for_s > 0 and isinstance(event.data, ViolationOpened):
            return replace(event, data=event.data.model_copy(update={"muted": True}))
        return event

    def _send_to_speaker(self, event: Event, sequence: int) -> None:
        if self._sender is not None:
            wire = cloud_event(event, self._place, sequence=sequence, recorded=self._clock.utc())
            self._sender.send(json.dumps(wire, separators=(",", ":")).encode())

    def _compare(self, payload: bytes) -> None:
        self._accuse(self._duplicates.compare(payload))

    def _accuse(self, duplicate: IdentityDuplicated | None) -> None:
        """Runs on the link's thread: the outbox and delivery take events from any thread."""
        if duplicate is not None:
            _log.error("%s", duplicate.message)
            event = new_event(duplicate, self._clock.utc(), clock_trusted=trusted(self._clock))
            self._outbox.append(event, self._place)
            self._delivery.wake()

    def _status(self, reason: str, *, online: bool) -> OutgoingMessage:
        payload = Status.payload("online" if online else "offline", reason, self._clock.utc())
        return OutgoingMessage(self._place.topic("status"), payload, qos=1, retain=True)
