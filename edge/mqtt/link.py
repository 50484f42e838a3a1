"""One connection after the other, made and served by one thread; starting it never fails.

Every connection gets a fresh paho client: what an old one still had in memory must not be sent again behind
the back of delivery, which sends it from the outbox and in order.
"""

import logging
import random
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, Protocol

import paho.mqtt.client as paho
from paho.mqtt.reasoncodes import ReasonCode

from edge.config import Mqtt
from edge.mqtt.explain import why_lost, why_refused, why_silent, why_unreachable
from edge.mqtt.security import make_tls_context, read_password
from edge.mqtt.session import ANSWER_S, Identity, Message, connect, make_client, serve

_log = logging.getLogger(__name__)
_RETRY_MIN_S, _RETRY_MAX_S = 1.0, 10.0
"""Back on line at most 20 s after the network has healed: one attempt that hangs, and one pause."""


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """How the connection is; while it is tried again, why the last attempt failed."""

    state: Literal["connecting", "online", "refused", "unreachable", "closed"]
    message: str
    """A full sentence that names the broker and, where something is wrong, the way out."""


class Listener(Protocol):
    """Whom a link tells, on its own thread; must not block."""

    def up(self, connection: int) -> None:
        """Connected; each connection has a number of its own."""
        ...

    def down(self) -> None:
        """The connection ended."""
        ...

    def acknowledged(self, token: int, refusal: str | None) -> None:
        """The broker took a message, or refused it for a reason."""
        ...


class MqttLink:
    """One broker, one client id.

    Args:
        settings: the broker.
        client_id: must be this client's alone: a broker ends the older of two connections with the same one.
        will: asked for at every connect: what the broker publishes when this client vanishes.
        birth: asked for at every connect; published before anything else.
        subscriptions: topic filters with their QoS, made at every connect.
        on_message: called with topic, payload, and whether it was a retained one, on the link's thread: it
            must not block. The broker gets its acknowledgement when it returns. With MQTT 5 the broker keeps
            back what is larger than 256 KiB; MQTT 3.1.1 can't ask for that: there the broker's own limit
            holds (mosquitto: ``message_size_limit``).
        durable: the broker keeps messages for our subscriptions while we are away, for up to an hour.

    Raises:
        ConfigError: the password or a certificate can't be used.
    """

    def __init__(
        self,
        settings: Mqtt,
        client_id: str,
        *,
        will: Callable[[], Message] | None = None,
        birth: Callable[[], Sequence[Message]] = tuple,
        subscriptions: Sequence[tuple[str, int]] = (),
        on_message: Callable[[str, bytes, bool], None] | None = None,
        durable: bool = False,
    ) -> None:
        self._settings = settings
        self._me = Identity(client_id, read_password(settings), make_tls_context(settings), will, durable)
        self._birth, self._subscriptions, self._tell = birth, list(subscriptions), on_message
        self._protocol = settings.protocol
        self._listener: Listener | None = None
        self._where = f"{settings.host}:{settings.port}"
        self._status = LinkStatus("connecting", f"connecting to {self._where}")
        self._online: tuple[int, paho.Client] | None = None
        self._connections = 0
        self._answer: ReasonCode | None = None
        self._ending = ""
        self._stop = threading.Event()
        self._jitter = random.Random()  # noqa: S311 - no secret
        self._mouth: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, name=f"mqtt {client_id}", daemon=True)

    @property
    def status(self) -> LinkStatus:
        """How it is now."""
        return self._status

    def listen(self, listener: Listener) -> None:
        """Whom to tell about connections and acknowledgements; before ``start``."""
        self._listener = listener

    def start(self) -> None:
        """Begin to connect; a broker that is away is tried until it is there."""
        self._thread.start()

    def publish(
        self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False, connection: int | None = None
    ) -> int | None:
        """Send now or not at all: nothing is kept for a later connection.

        Args:
            topic: without wildcards.
            payload: the message.
            qos: 0 or 1.
            retain: the broker keeps it for later subscribers.
            connection: send on this one only; None means whichever is up.

        Returns:
            The token that comes back with ``acknowledged``; None if not connected, or not on that connection.
        """
        online = self._online
        if online is None or connection not in (None, online[0]):
            return None
        info = online[1].publish(topic, payload, qos, retain)
        return info.mid if info.rc == paho.MQTT_ERR_SUCCESS else None

    def stop(self, timeout_s: float, farewell: Sequence[Message] = ()) -> None:
        """Say farewell, disconnect so that the broker publishes no will, and join.

        An attempt to connect that is under way may outlive ``timeout_s`` by some seconds, on a daemon thread.
        """
        deadline_s = time.monotonic() + timeout_s
        online = self._online
        if online is not None:
            for info in [online[1].publish(m.topic, m.payload, m.qos, m.retain) for m in farewell]:
                # An acknowledgement that comes after the socket is closed resets the connection; the broker
                # may then miss the DISCONNECT and publish the will. So wait for it.
                with suppress(RuntimeError, ValueError):  # paho's way to say that it could not be sent
                    info.wait_for_publish(max(0.0, deadline_s - time.monotonic()))
        self._stop.set()
        self._wake()
        if self._thread.is_alive():
            self._thread.join(max(0.1, deadline_s - time.monotonic()))

    # From here on, all but _wake runs on the link's own thread.

    def _run(self) -> None:
        ear, self._mouth = socket.socketpair()
        with ear, self._mouth:
            ear.setblocking(False)
            self._mouth.setblocking(False)
            pause_s = _RETRY_MIN_S
            while not self._stop.is_set():
                protocol = self._protocol
                online_s = self._one_connection(ear)
                if self._protocol != protocol:
                    continue
                if online_s > _RETRY_MAX_S:  # else it only comes and goes, and the pause grows
                    pause_s = _RETRY_MIN_S
                # A thousand devices that lost the same broker must not come back in the same second.
                self._stop.wait(pause_s * self._jitter.uniform(0.5, 1.0))
                pause_s = min(_RETRY_MAX_S, 2 * pause_s)
        self._set_status("closed", f"this device has closed the connection to {self._where}")

    def _wake(self) -> None:
        # Full: a wake-up is under way. Absent or closed: nobody is there to be woken.
        if self._mouth is not None:
            with suppress(OSError):
                self._mouth.send(b"!")

    def _one_connection(self, ear: socket.socket) -> float:
        """From the first packet to the last; returns how long it was of use, in s."""
        client = make_client(self._settings, self._me, self._protocol, self._wake)
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_subscribe, client.on_publish = self._on_subscribe, self._on_publish
        client.on_message = self._on_message
        self._answer, self._ending = None, ""
        try:
            connect(client, self._settings, self._me)
        except (OSError, UnicodeError) as e:
            self._set_status("unreachable", why_unreachable(self._settings, e, ANSWER_S))
            return 0.0
        began_s = time.monotonic()
        while serve(client, ear) and not self._stop.is_set():
            if self._answer is None and time.monotonic() - began_s > ANSWER_S:
                break
        client.disconnect()
        client.loop_write()
        return self._ended(time.monotonic() - began_s)

    def _ended(self, lasted_s: float) -> float:
        if self._online is not None:
            self._online = None
            if self._listener is not None:
                self._listener.down()
            if not self._stop.is_set():
                brief = lasted_s < _RETRY_MAX_S
                message = why_lost(self._settings, self._me.client_id, self._ending, brief=brief)
                self._set_status("unreachable", message)
            return lasted_s
        if self._answer is None:
            self._set_status("unreachable", why_silent(self._settings, self._protocol))
        elif self._protocol == "5" and self._answer == "Unsupported protocol version":
            _log.warning("%s does not speak MQTT 5: using MQTT 3.1.1", self._where)
            self._protocol = "3.1.1"
        else:
            self._set_status("refused", why_refused(self._settings, str(self._answer)))
        return 0.0

    def _set_status(self, state: Literal["online", "refused", "unreachable", "closed"], message: str) -> None:
        if message != self._status.message:
            _log.log(logging.INFO if state in ("online", "closed") else logging.WARNING, "%s", message)
        self._status = LinkStatus(state, message)

    def _on_connect(
        self, client: paho.Client, _data: object, _flags: object, reason: ReasonCode, _more: object
    ) -> None:
        self._answer = reason
        if reason.is_failure:
            return
        for message in self._birth():
            client.publish(message.topic, message.payload, message.qos, message.retain)
        if self._subscriptions:
            client.subscribe(self._subscriptions)
        self._connections += 1
        self._online = (self._connections, client)
        self._set_status("online", f"connected to {self._where} with MQTT {self._protocol}")
        if self._listener is not None:
            self._listener.up(self._connections)

    def _on_disconnect(
        self, _client: object, _data: object, _flags: object, reason: ReasonCode, _more: object
    ) -> None:
        self._ending = str(reason)

    def _on_subscribe(
        self, _client: object, _data: object, _mid: int, reasons: list[ReasonCode], _more: object
    ) -> None:
        for (topic, _), reason in zip(self._subscriptions, reasons, strict=True):
            if reason.is_failure:
                self._set_status(
                    "online",
                    f"connected to {self._where}, which refuses the subscription to {topic} ({reason}): "
                    "check its access list for this login",
                )

    def _on_publish(
        self, _client: object, _data: object, mid: int, reason: ReasonCode, _more: object
    ) -> None:
        if reason.is_failure:
            _log.warning(
                "%s refused a message (%s): check its access list for this login", self._where, reason
            )
        if self._listener is not None:
            self._listener.acknowledged(mid, str(reason) if reason.is_failure else None)

    def _on_message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        if self._tell is not None:
            self._tell(message.topic, bytes(message.payload), message.retain)
