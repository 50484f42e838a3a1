"""One paho client for one connection, and the loop that serves it."""

import selectors
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.config import Mqtt

ANSWER_S = 5.0
"""How long a broker may take to accept a connection, and again to answer CONNECT."""
_SESSION_S = 3600
PACKET_MAX = 256 * 1024
"""Bytes; an event has about 1000, a device's ``info`` some 5000."""
_POLL_S = 1.0
"""How often keepalive is looked after while nothing moves."""


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """What goes out besides events."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    content_type: str | None = None
    """MQTT 5 takes it along; MQTT 3.1.1 has no place for it."""


@dataclass(frozen=True, slots=True)
class SessionCallbacks:
    """What a client does as soon as it is connected."""

    birth: Callable[[], Sequence[OutgoingMessage]]
    """Asked for at every connect; published before anything else."""
    subscriptions: tuple[tuple[str, int], ...]
    """Topic filters with their QoS."""
    on_message: Callable[[str, bytes, bool], None] | None
    """Told topic, payload, and whether it was a retained one."""


@dataclass(frozen=True, slots=True)
class ClientIdentity:
    """What a client tells the broker about itself."""

    client_id: str
    password: str | None
    tls: ssl.SSLContext | None
    will: Callable[[], OutgoingMessage] | None
    """Asked for at every connect."""
    durable: bool
    """The broker keeps messages for our subscriptions while we are away, for up to an hour."""


def make_client(settings: Mqtt, me: ClientIdentity, protocol: str, wake: Callable[[], None]) -> paho.Client:
    """A client that is not connected yet.

    Args:
        settings: the broker.
        me: who connects.
        protocol: "5" or "3.1.1".
        wake: called from any thread when something waits to be written; writing is left to ``serve``.
    """
    five = protocol == "5"
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=me.client_id,
        protocol=paho.MQTTv5 if five else paho.MQTTv311,
        clean_session=None if five else not me.durable,
        reconnect_on_failure=False,
        transport=settings.transport,
    )
    if settings.transport == "websockets":
        client.ws_set_options(settings.websocket_path)
    client.connect_timeout = ANSWER_S
    if settings.username is not None:
        client.username_pw_set(settings.username, me.password)
    if me.tls is not None:
        client.tls_set_context(me.tls)
    if me.will is not None:
        will = me.will()
        client.will_set(will.topic, will.payload, will.qos, will.retain)
    client.on_socket_register_write = lambda *_: wake()
    return client


def connect(client: paho.Client, settings: Mqtt, me: ClientIdentity) -> None:
    """Open the connection and send CONNECT; the answer comes while it is served.

    Raises:
        OSError: no route, refused, too slow, no valid certificate.
        UnicodeError: the host is no name at all.
    """
    host, port, keepalive_s = settings.host, settings.port, settings.keepalive_s
    if client.protocol != paho.MQTTv5:
        client.connect(host, port, keepalive_s)
        return
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.MaximumPacketSize = PACKET_MAX
    if me.durable:
        properties.SessionExpiryInterval = _SESSION_S
    client.connect(host, port, keepalive_s, clean_start=not me.durable, properties=properties)


def send(client: paho.Client, message: OutgoingMessage) -> paho.MQTTMessageInfo:
    """Hand a message to a client; from any thread."""
    properties = None
    if message.content_type is not None and client.protocol == paho.MQTTv5:
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.ContentType = message.content_type
    return client.publish(message.topic, message.payload, message.qos, message.retain, properties)


class Wakeup:
    """Wakes ``serve`` from any thread; a context manager, and silent outside."""

    def __init__(self) -> None:
        self._mouth: socket.socket | None = None

    def __enter__(self) -> "Wakeup":  # noqa: PYI034 - typing.Self needs Python 3.11
        self.ear, self._mouth = socket.socketpair()
        for end in (self.ear, self._mouth):
            end.setblocking(False)
        return self

    def __exit__(self, *_: object) -> None:
        if self._mouth is not None:
            self._mouth.close()
            self.ear.close()

    def ring(self) -> None:
        """Something waits to be written, or it is time to stop."""
        if self._mouth is not None:
            with suppress(OSError):  # full: it rings already; closed: nobody is there to hear
                self._mouth.send(b"!")


def serve(client: paho.Client, bell: Wakeup) -> bool:
    """Read and write what is ready, waiting for at most a second; False when the connection has ended.

    Args:
        client: connected.
        bell: rung as soon as something waits to be written.
    """
    sock: Any = client.socket()
    if sock is None:
        return False
    # TLS may hold bytes that the kernel doesn't know of.
    held = hasattr(sock, "pending") and sock.pending() > 0
    write = selectors.EVENT_WRITE if client.want_write() else 0
    with selectors.PollSelector() as selector:
        selector.register(sock, selectors.EVENT_READ | write)
        selector.register(bell.ear, selectors.EVENT_READ)
        ready = {key.fileobj: events for key, events in selector.select(0 if held else _POLL_S)}
    if bell.ear in ready:
        bell.ear.recv(4096)
    if held or ready.get(sock, 0) & selectors.EVENT_READ:
        client.loop_read()
    if ready.get(sock, 0) & selectors.EVENT_WRITE:
        client.loop_write()
    client.loop_misc()
    return client.socket() is not None
