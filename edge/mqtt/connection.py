"""One connection to a broker, with a fresh paho client, and how it ended.

Each connection gets a client of its own: an old client would send again what it still has in memory, while
delivery sends the same events from the outbox, in order.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import paho.mqtt.client as paho
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge.config import Mqtt
from edge.mqtt.explain import why_lost, why_malformed, why_refused, why_silent, why_unreachable
from edge.mqtt.session import (
    ANSWER_S,
    KEPT_S,
    ClientIdentity,
    IncomingMessage,
    MalformedError,
    SessionCallbacks,
    Wakeup,
    connect,
    make_client,
    send,
    serve,
)
from edge.mqtt.status_watch import StatusWatch
from edge.values import counted

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class End:
    """How a connection ended, or why there was none."""

    kind: Literal["unreachable", "silent", "old protocol", "refused", "lost", "replaced"]
    message: str
    """A full sentence that names the broker and, where something is wrong, the way out."""
    online_s: float = 0.0
    """Seconds that the connection lasted."""
    reason: str = ""
    """The reason that the broker gave, or paho's word where it gave none."""

    @property
    def connected(self) -> bool:
        """Whether the broker had accepted us."""
        return self.kind in ("lost", "replaced")


class Connection:
    """Makes one connection and serves it on the caller's thread. The callbacks run there, too.

    Args:
        settings: the broker.
        me: the identity that connects.
        callbacks: what to publish and to subscribe to at once, and who gets messages.
        protocol: "5" or "3.1.1".
        wakeup: rung when something waits to be written.
        watch: looks at the status that the broker has kept; asked only by those who have a last will.
        up: called when the broker has accepted us.
        acknowledged: called with the token of each message that the broker answered, and with None if it took
            the message or with the reason if it refused it.
        complain: called with a sentence if something is wrong although we are connected.
    """

    def __init__(
        self,
        settings: Mqtt,
        me: ClientIdentity,
        callbacks: SessionCallbacks,
        protocol: str,
        wakeup: Wakeup,
        watch: StatusWatch,
        *,
        up: Callable[[paho.Client], None],
        acknowledged: Callable[[int, str | None], None],
        complain: Callable[[str], None],
    ) -> None:
        self._settings, self._me, self._callbacks = settings, me, callbacks
        self._protocol, self._wakeup, self._watch = protocol, wakeup, watch
        self._watch_mid: int | None = None
        self._up, self._acknowledged, self._complain = up, acknowledged, complain
        self._where = f"{settings.host}:{settings.port}"
        self._answer: ReasonCode | None = None
        self._live_from_s = 0.0
        self._ending = ""
        self._our_error: Exception | None = None
        client = self._client = make_client(settings, me, protocol, wakeup.ring)
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_subscribe, client.on_publish = self._on_subscribe, self._on_publish
        client.on_message = self._on_message

    def run(self, stop: threading.Event) -> End:
        """Connect, and serve the connection until it ends or ``stop`` is set.

        ``stop`` is checked whenever ``wakeup`` rings, and at least once a second.
        """
        try:
            connect(self._client, self._settings, self._me)
        except (OSError, UnicodeError) as e:
            return End("unreachable", why_unreachable(self._settings, e, ANSWER_S))
        began_s = time.monotonic()
        try:
            while serve(self._client, self._wakeup) and not stop.is_set():
                if self._answer is None and time.monotonic() - began_s > ANSWER_S:
                    break
            self._client.disconnect()
            self._client.loop_write()
        except Exception as e:
            # paho raises whatever comes up while it decodes a packet (struct.error, KeyError, ...).
            if e is self._our_error:
                raise
            return self._malformed(e, time.monotonic() - began_s)
        return self._end(time.monotonic() - began_s)

    def _malformed(self, error: Exception, lasted_s: float) -> End:
        """End a connection on which the broker broke the protocol."""
        sock = self._client.socket()
        if sock is not None:
            sock.close()
        if self._answer is None:
            return End("silent", why_silent(self._settings))
        return End("lost", why_malformed(self._settings, error), lasted_s, "malformed packet")

    def _call(self, function: Callable[[], None]) -> None:
        """Call into our own code. Its errors are not the broker's fault, and end the process as any other."""
        try:
            function()
        except Exception as e:
            self._our_error = e
            raise

    def _end(self, lasted_s: float) -> End:
        if self._answer is None:
            return End("silent", why_silent(self._settings))
        if self._answer.is_failure:
            old = self._protocol == "5" and self._answer == "Unsupported protocol version"
            message = why_refused(self._settings, str(self._answer))
            return End("old protocol" if old else "refused", message)
        kind: Literal["lost", "replaced"] = "replaced" if self._ending == "Session taken over" else "lost"
        return End(kind, why_lost(self._settings, self._ending), lasted_s, self._ending)

    def _on_connect(
        self, client: paho.Client, _data: object, flags: paho.ConnectFlags, reason: ReasonCode, _more: object
    ) -> None:
        if self._answer is not None:
            raise MalformedError("a second CONNACK")
        self._answer = reason
        if flags.session_present:
            self._live_from_s = time.monotonic() + KEPT_S
        if reason.is_failure:
            return
        self._call(partial(self._introduce, client))

    def _introduce(self, client: paho.Client) -> None:
        if self._watch.topic is not None:
            self._watch.connected(self._where)
            # before the birth replaces what is there
            _, self._watch_mid = client.subscribe(self._watch.topic, 1)
        for message in self._callbacks.birth():
            send(client, message)
        if self._callbacks.subscriptions:
            client.subscribe(self._wanted())
        self._up(client)

    def _on_disconnect(
        self, _client: object, _data: object, _flags: object, reason: ReasonCode, _more: object
    ) -> None:
        self._ending = str(reason)

    def _on_subscribe(
        self, _client: object, _data: object, mid: int, reasons: list[ReasonCode], _more: object
    ) -> None:
        if mid == self._watch_mid:
            return  # a broker that lets us not read our own status only keeps us from looking
        wanted = self._callbacks.subscriptions
        if len(reasons) != len(wanted):
            raise MalformedError(f"a SUBACK with {len(reasons)} codes for {counted(len(wanted), 'topic')}")
        for (topic, _), reason in zip(wanted, reasons, strict=True):
            if reason.is_failure:
                self._complain(
                    f"connected to {self._where}, which refuses the subscription to {topic} ({reason}): "
                    "check its access list for this login"
                )

    def _on_publish(
        self, _client: object, _data: object, mid: int, reason: ReasonCode, _more: object
    ) -> None:
        if reason.is_failure:
            _log.warning(
                "%s refused a message (%s): check its access list for this login", self._where, reason
            )
        refusal = str(reason) if reason.is_failure else None
        self._call(partial(self._acknowledged, mid, refusal))

    def _on_message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError as e:
            raise MalformedError("a PUBLISH whose topic is not UTF-8") from e
        if topic == self._watch.topic:
            self._watch.kept(bytes(message.payload))
        if self._callbacks.on_message is None or not self._wants(topic):
            return
        incoming = IncomingMessage(
            topic,
            bytes(message.payload),
            message.retain,
            getattr(message.properties, "MessageExpiryInterval", None),
            maybe_kept=time.monotonic() < self._live_from_s,
        )
        self._call(partial(self._callbacks.on_message, incoming))

    def _wants(self, topic: str) -> bool:
        wanted = self._callbacks.subscriptions
        return topic != self._watch.topic or any(paho.topic_matches_sub(one, topic) for one, _ in wanted)

    def _wanted(self) -> list[tuple[str, Any]]:
        if self._protocol != "5":
            return list(self._callbacks.subscriptions)
        as_published = self._callbacks.retain_as_published
        return [
            (topic, SubscribeOptions(qos=qos, retainAsPublished=as_published))
            for topic, qos in self._callbacks.subscriptions
        ]
