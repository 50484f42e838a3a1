"""Where the device hands in its events: stored, delivered to the broker, told to the speaker next door.

And where it hears back which announcements were heard: over the local path, or else from the site's events.
"""

import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from edge.clock import Clock, trusted
from edge.config import Config
from edge.delivery import Delivery
from edge.events import Event, Place, Status, ViolationOpened, cloud_event, new_event
from edge.mqtt import Message, MqttLink
from edge.outbox import Outbox
from edge.speaker.local import LocalSender
from edge.speaker.message import announced

FLUSH_S = 10.0
"""How long a stopped device waits for the broker to take what is in the outbox."""
_FAREWELL_S = 5.0
_HEARD_MAX = 1000
"""Announcements that wait to be asked for."""


@dataclass(frozen=True, slots=True)
class Left:
    """What a stopped device leaves undelivered."""

    waiting: int
    """Events that stay in the outbox for the next start."""
    lost: int
    """Events that the disk would not take."""
    why: str
    """Why the broker has not got them."""


class Postbox:
    """One device's way to the world. ``record`` and ``announced`` belong to one thread.

    Args:
        config: checked configuration.
        place: the device.
        clock: the time.
        info: asked for at every connect: the retained ``info``.
    """

    def __init__(self, config: Config, place: Place, clock: Clock, info: Callable[[], bytes]) -> None:
        self._place, self._clock, self._info = place, clock, info
        self._heard: SimpleQueue[str] = SimpleQueue()
        socket = config.speaker.socket
        self._sender = None if socket is None else LocalSender(socket)
        self.outbox = Outbox(config.outbox, clock)
        self.link = MqttLink(
            config.mqtt,
            f"{place.prefix}/{place.site}/{place.device}",
            will=lambda: self._status("the connection was lost", online=False),
            birth=lambda: [
                self._status("running", online=True),
                Message(place.topic("info"), info(), qos=1, retain=True),
            ],
            subscriptions=[] if socket else [(f"{place.prefix}/v1/{place.site}/+/event", 1)],
            on_message=self._received,
        )
        self.delivery = Delivery(self.outbox, self.link, place, clock)

    def start(self) -> None:
        """Begin to deliver; a broker that is away is no error."""
        self.delivery.start()
        self.link.start()

    def record(self, events: Sequence[Event]) -> None:
        """Store the events, then tell those who announce and deliver them."""
        for event in events:
            sequence = self.outbox.append(event, self._place)
            if event.type == "violation.opened":
                self._tell(event, sequence)
        if events:
            self.delivery.wake()

    def try_speaker(self) -> None:
        """Let the speaker next door sound once, for nobody: the test button was pressed."""
        data = ViolationOpened(
            violation=f"test-{uuid.uuid4()}",
            zone="test",
            track=0,
            score=0.0,
            face_width_px=0.0,
            seen_for_s=0.0,
            model="test",
        )
        self._tell(new_event(data, self._clock.utc(), clock_trusted=trusted(self._clock)), 0)

    def announced(self) -> list[str]:
        """Violations whose announcement was heard since the last call; others' among them."""
        heard = [] if self._sender is None else self._sender.announced()
        try:
            while True:
                heard.append(self._heard.get_nowait())
        except Empty:
            return heard

    def publish_health(self, payload: bytes) -> None:
        """Now or not at all."""
        self.link.publish(self._place.topic("health"), payload, qos=0)

    def publish_info(self) -> None:
        """Again, since it has changed; a connection that comes later brings it anyway."""
        self.link.publish(self._place.topic("info"), self._info(), retain=True)

    def close(self, reason: str) -> Left:
        """Deliver what can be delivered, and say farewell."""
        if self._sender is not None:
            self._sender.close()
        before = self.link.status
        waiting = self.delivery.flush(FLUSH_S if before.state == "online" else 0.0)
        why = before.message
        if waiting and before.state == "online":
            why = self.delivery.problem or f"the broker did not acknowledge them within {FLUSH_S:.0f} s"
        self.link.stop(_FAREWELL_S, [self._status(reason, online=False)])
        self.delivery.close()
        lost = self.outbox.close()
        return Left(waiting - lost, lost, why)

    def _tell(self, event: Event, sequence: int) -> None:
        if self._sender is not None:
            wire = cloud_event(event, self._place, sequence=sequence, recorded=self._clock.utc())
            self._sender.send(json.dumps(wire, separators=(",", ":")).encode())

    def _received(self, topic: str, payload: bytes, retained: bool) -> None:  # noqa: ARG002, FBT001 - the link's signature
        if b"announcement.played" in payload and self._heard.qsize() < _HEARD_MAX:
            violation = announced(payload)
            if violation is not None:
                self._heard.put(violation)

    def _status(self, reason: str, *, online: bool) -> Message:
        payload = Status.payload("online" if online else "offline", reason, self._clock.utc())
        return Message(self._place.topic("status"), payload, qos=1, retain=True)
