"""One connection of simulated devices: what waits and what was sent. Its owner serves it."""

import selectors
import socket
from collections import deque
from collections.abc import Sequence
from typing import Any, Literal

import paho.mqtt.client as paho
from paho.mqtt.reasoncodes import ReasonCode

from edge.config import Mqtt
from edge.events import Event, Place
from edge.mqtt import OutgoingMessage
from edge.mqtt.session import ClientIdentity, connect, make_client, send
from edge.ops.simulate.counts import Counts
from edge.ops.simulate.wire import Waiting, about, status

_WINDOW = 10
"""Events in flight at once, as many as a device has (``edge.outbox.delivery.WINDOW``)."""


class SharedConnection:
    """A connection that one or more sources share.

    Args:
        brokers: each attempt to connect goes to the next one, in a circle.
        me: the identity that the sources share.
        places: the sources.
        counts: the counts that all connections share.
        selector: the socket is registered here, with this object as its data.
    """

    def __init__(
        self,
        brokers: Sequence[Mqtt],
        me: ClientIdentity,
        places: Sequence[Place],
        counts: Counts,
        selector: selectors.BaseSelector,
    ) -> None:
        self._brokers, self._me, self._counts, self._selector = deque(brokers), me, counts, selector
        self._sequences = dict.fromkeys(places, 0)
        self._queue: deque[Waiting] = deque()
        self._in_flight: dict[int, Waiting] = {}
        self._other: set[int] = set()
        self._client: paho.Client | None = None
        self.online = False
        self.ending = ""
        """Why the last connection ended or was refused."""

    @property
    def idle(self) -> bool:
        """True if there is no connection and none is being made."""
        return self._client is None

    @property
    def waiting(self) -> int:
        """The number of events that are not acknowledged."""
        return len(self._queue) + len(self._in_flight)

    @property
    def busy(self) -> bool:
        """True if the broker has not acknowledged everything that was sent."""
        return bool(self.waiting or self._other)

    def connect(self) -> None:
        """Start to connect.

        Raises:
            OSError, UnicodeError: the broker can't be reached.
        """
        settings = self._brokers[0]
        self._brokers.rotate(-1)
        client = make_client(settings, self._me, settings.protocol, lambda: None)
        read, write = selectors.EVENT_READ, selectors.EVENT_WRITE
        client.on_socket_open = lambda _c, _d, sock: self._register(sock, read)
        client.on_socket_close = lambda _c, _d, sock: self._unregister(sock)
        client.on_socket_register_write = lambda _c, _d, sock: self._register(sock, read | write)
        client.on_socket_unregister_write = lambda _c, _d, sock: self._register(sock, read)
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_publish = self._on_publish
        self.ending = ""
        connect(client, settings, self._me)
        self._client = client

    def add(self, place: Place, event: Event) -> None:
        """Send an event of a source now, or as soon as possible."""
        self._sequences[place] += 1
        self._counts.events += 1
        self._queue.append(Waiting(event, place, self._sequences[place]))
        self._pump()

    def publish(self, message: OutgoingMessage) -> None:
        """Send a message now or not at all."""
        if self._client is not None and self.online:
            sent = send(self._client, message)
            if message.qos:
                self._other.add(sent.mid)

    def announce(self, state: Literal["online", "offline"], reason: str) -> None:
        """Publish the status of every source."""
        for place in self._sequences:
            self.publish(status(place, state, reason))

    def clean(self) -> None:
        """Remove the retained messages of all sources from the broker."""
        for place in self._sequences:
            for leaf in ("status", "info"):
                self.publish(OutgoingMessage(place.topic(leaf), b"", retain=True))

    def serve(self, ready: int) -> None:
        """Read and write the socket; ``ready`` is the selector's event mask."""
        client = self._client
        if client is None:
            return
        if ready & selectors.EVENT_READ:
            client.loop_read()
            sock: Any = client.socket()
            while hasattr(sock, "pending") and sock.pending() > 0:  # TLS holds bytes that the kernel lacks
                client.loop_read()
                sock = client.socket()
        if ready & selectors.EVENT_WRITE:
            client.loop_write()

    def look_after(self) -> None:
        """Check keepalive; to be called once a second."""
        if self._client is not None:
            self._client.loop_misc()

    def cut(self) -> None:
        """Simulate a network failure: the connection ends without DISCONNECT."""
        sock = self._client.socket() if self._client is not None else None
        if sock is not None:
            with socket.fromfd(sock.fileno(), socket.AF_INET, socket.SOCK_STREAM) as same:
                same.shutdown(socket.SHUT_RDWR)

    def leave(self) -> None:
        """End the connection so that the broker publishes no will."""
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_write()

    def _pump(self) -> None:
        client = self._client
        while client is not None and self.online and self._queue and len(self._in_flight) < _WINDOW:
            item = self._queue.popleft()
            self._in_flight[send(client, item.message()).mid] = item

    def _register(self, sock: Any, events: int) -> None:  # noqa: ANN401 - plain, TLS or websocket
        if sock.fileno() in self._selector.get_map():
            self._selector.modify(sock, events, self)
        else:
            self._selector.register(sock, events, self)

    def _unregister(self, sock: Any) -> None:  # noqa: ANN401 - plain, TLS or websocket
        if sock.fileno() in self._selector.get_map():
            self._selector.unregister(sock)

    def _on_connect(
        self, _client: object, _data: object, _flags: object, reason: ReasonCode, _more: object
    ) -> None:
        if reason.is_failure:
            self.ending = str(reason)
            return
        self.online = True
        self._counts.connections += 1
        self.announce("online", "running")
        for place in self._sequences:
            self.publish(about(place))
        for item in self._queue:
            item.replayed = True
        self._pump()

    def _on_disconnect(
        self, _client: object, _data: object, _flags: object, reason: ReasonCode, _more: object
    ) -> None:
        self._client, self.online = None, False
        self.ending = self.ending or str(reason)
        self._queue.extendleft(reversed(self._in_flight.values()))
        self._in_flight.clear()
        self._other.clear()

    def _on_publish(
        self, _client: object, _data: object, mid: int, reason: ReasonCode, _more: object
    ) -> None:
        if self._in_flight.pop(mid, None) is None:
            self._other.discard(mid)
        elif reason.is_failure:
            self._counts.refused += 1
        else:
            self._counts.acknowledged += 1
        self._pump()
