"""A paho client for one connection, and the loop that serves it."""

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
"""Seconds that a broker may take to accept a connection, and again to answer CONNECT."""
SESSION_S = 3600
"""For how long a broker keeps messages for a durable client that is away."""
KEPT_S = 5.0
"""A broker sends what it kept for us at once, so after this time on a connection messages are live."""
PACKET_MAX = 256 * 1024
"""Largest packet in bytes that we accept. An event has about 1000 bytes, a device's ``info`` some 5000."""
_HARD_MAX = 16 * 1024 * 1024
"""A larger packet ends the connection before it takes the memory: MQTT 3.1.1 has no ``PACKET_MAX``."""
_POLL_S = 1.0
"""While nothing is sent or received, keepalive is checked this often."""


class MalformedError(ValueError):
    """The broker has sent a packet that breaks MQTT, or that we can't take."""


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message to publish."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    content_type: str | None = None
    """Sent with MQTT 5 only; MQTT 3.1.1 can't carry it."""
    expiry_s: int | None = None
    """A broker that keeps it for a subscriber that is away drops it after this time; with MQTT 5 only."""


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """A message that came for one of our subscriptions."""

    topic: str
    payload: bytes
    retained: bool
    """The broker kept it from before our subscription. Where ``retain_as_published`` is asked for, with
    MQTT 5: its publisher wants the broker to keep it."""
    expires_in_s: int | None = None
    """What is left of its publisher's ``expiry_s``: the time that it waited at the broker is missing from it.
    None: none was set, or MQTT 3.1.1."""
    maybe_kept: bool = False
    """It came just after a durable session was resumed: the broker may have kept it while we were away."""


@dataclass(frozen=True, slots=True)
class SessionCallbacks:
    """What a client does as soon as it is connected, and who gets its messages."""

    birth: Callable[[], Sequence[OutgoingMessage]]
    """Called at every connect; returns what is published before anything else."""
    subscriptions: tuple[tuple[str, int], ...]
    """Topic filters with their QoS."""
    on_message: Callable[[IncomingMessage], None] | None
    retain_as_published: bool = False
    """Whether messages come with the retain flag that their publisher set; with MQTT 5 only."""


@dataclass(frozen=True, slots=True)
class ClientIdentity:
    """Who a client is to the broker."""

    client_id: str
    password: str | None
    tls: ssl.SSLContext | None
    will: Callable[[], OutgoingMessage] | None
    """Called at every connect; returns the last will."""
    durable: bool
    """The broker keeps messages for our subscriptions while we are away, for up to an hour."""


def make_client(settings: Mqtt, me: ClientIdentity, protocol: str, wake: Callable[[], None]) -> paho.Client:
    """Make a client, not connected yet.

    Args:
        settings: the broker.
        me: the identity that connects.
        protocol: "5" or "3.1.1".
        wake: called from any thread when something waits to be written. ``serve`` does the writing.
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
    """Open the connection and send CONNECT. The answer comes while the connection is served.

    Raises:
        OSError: there is no route, the port refuses, it takes too long, or a certificate is not valid.
        UnicodeError: the host can't be a name.
    """
    host, port, keepalive_s = settings.host, settings.port, settings.keepalive_s
    if client.protocol != paho.MQTTv5:
        client.connect(host, port, keepalive_s)
        return
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.MaximumPacketSize = PACKET_MAX
    if me.durable:
        properties.SessionExpiryInterval = SESSION_S
    client.connect(host, port, keepalive_s, clean_start=not me.durable, properties=properties)


def send(client: paho.Client, message: OutgoingMessage) -> paho.MQTTMessageInfo:
    """Hand a message to a client. Any thread may do this."""
    properties = None
    if client.protocol == paho.MQTTv5:
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        if message.content_type is not None:
            properties.ContentType = message.content_type
        if message.expiry_s is not None:
            properties.MessageExpiryInterval = message.expiry_s
    return client.publish(message.topic, message.payload, message.qos, message.retain, properties)


class Wakeup:
    """Wakes ``serve`` from any thread. A context manager; outside of it, ``ring`` does nothing."""

    def __init__(self) -> None:
        self._sender: socket.socket | None = None

    def __enter__(self) -> "Wakeup":  # noqa: PYI034 - typing.Self needs Python 3.11
        self.receiver, self._sender = socket.socketpair()
        for end in (self.receiver, self._sender):
            end.setblocking(False)
        return self

    def __exit__(self, *_: object) -> None:
        if self._sender is not None:
            self._sender.close()
            self.receiver.close()

    def ring(self) -> None:
        """Wake ``serve``: something waits to be written, or it is time to stop."""
        if self._sender is not None:
            with suppress(OSError):  # full: ``serve`` will wake anyway; closed: it has ended
                self._sender.send(b"!")


def serve(client: paho.Client, wakeup: Wakeup) -> bool:
    """Wait for at most a second, then read and write what is ready.

    Args:
        client: connected.
        wakeup: rung as soon as something waits to be written.

    Returns:
        False when the connection has ended.
    """
    sock: Any = client.socket()
    if sock is None:
        return False
    # TLS may hold bytes that it has already read from the kernel.
    held = hasattr(sock, "pending") and sock.pending() > 0
    write = selectors.EVENT_WRITE if client.want_write() else 0
    with selectors.PollSelector() as selector:
        selector.register(sock, selectors.EVENT_READ | write)
        selector.register(wakeup.receiver, selectors.EVENT_READ)
        ready = {key.fileobj: events for key, events in selector.select(0 if held else _POLL_S)}
    if wakeup.receiver in ready:
        wakeup.receiver.recv(4096)
    if held or ready.get(sock, 0) & selectors.EVENT_READ:
        client.loop_read()
        coming = client._in_packet["remaining_length"]  # noqa: SLF001 - paho would collect up to 256 MiB
        if coming > _HARD_MAX:
            raise MalformedError(f"a packet of {coming} bytes")
    if ready.get(sock, 0) & selectors.EVENT_WRITE:
        client.loop_write()
    client.loop_misc()
    return client.socket() is not None
