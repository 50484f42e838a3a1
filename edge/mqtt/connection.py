"""One connection: a fresh paho client from its first packet to its last, and how it ended.

What an old client still had in memory must not be sent again behind the back of delivery, which sends it from
the outbox and in order.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import paho.mqtt.client as paho
from paho.mqtt.reasoncodes import ReasonCode

from edge.config import Mqtt
from edge.mqtt.explain import why_lost, why_refused, why_silent, why_unreachable
from edge.mqtt.session import (
    ANSWER_S,
    ClientIdentity,
    SessionCallbacks,
    Wakeup,
    connect,
    make_client,
    send,
    serve,
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class End:
    """How a connection ended, or why there was none."""

    kind: Literal["unreachable", "silent", "old protocol", "refused", "lost", "replaced"]
    message: str
    """A full sentence that names the broker and, where something is wrong, the way out."""
    online_s: float = 0.0
    """How long it was of use."""
    reason: str = ""
    """The broker's own word, if it had one."""

    @property
    def connected(self) -> bool:
        """Whether the broker had taken us."""
        return self.kind in ("lost", "replaced")


class Connection:
    """All of it runs on the caller's thread, and so do the callbacks.

    Args:
        settings: the broker.
        me: who connects.
        duties: what is to be done at once.
        protocol: "5" or "3.1.1".
        bell: rung when something waits to be written.
        up: told when the broker has accepted us.
        acknowledged: told the token of each message that the broker took, or why it refused it.
        complain: told what is wrong although we are connected.
    """

    def __init__(
        self,
        settings: Mqtt,
        me: ClientIdentity,
        duties: SessionCallbacks,
        protocol: str,
        bell: Wakeup,
        *,
        up: Callable[[paho.Client], None],
        acknowledged: Callable[[int, str | None], None],
        complain: Callable[[str], None],
    ) -> None:
        self._settings, self._me, self._duties = settings, me, duties
        self._protocol, self._bell = protocol, bell
        self._up, self._acknowledged, self._complain = up, acknowledged, complain
        self._where = f"{settings.host}:{settings.port}"
        self._answer: ReasonCode | None = None
        self._ending = ""
        client = self._client = make_client(settings, me, protocol, bell.ring)
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_subscribe, client.on_publish = self._on_subscribe, self._on_publish
        client.on_message = self._on_message

    def run(self, stop: threading.Event) -> End:
        """Connect and serve until it ends, or ``stop`` is set, which is looked at when the bell rings."""
        try:
            connect(self._client, self._settings, self._me)
        except (OSError, UnicodeError) as e:
            return End("unreachable", why_unreachable(self._settings, e, ANSWER_S))
        began_s = time.monotonic()
        while serve(self._client, self._bell) and not stop.is_set():
            if self._answer is None and time.monotonic() - began_s > ANSWER_S:
                break
        self._client.disconnect()
        self._client.loop_write()
        return self._end(time.monotonic() - began_s)

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
        self, client: paho.Client, _data: object, _flags: object, reason: ReasonCode, _more: object
    ) -> None:
        self._answer = reason
        if reason.is_failure:
            return
        for message in self._duties.birth():
            send(client, message)
        if self._duties.subscriptions:
            client.subscribe(list(self._duties.subscriptions))
        self._up(client)

    def _on_disconnect(
        self, _client: object, _data: object, _flags: object, reason: ReasonCode, _more: object
    ) -> None:
        self._ending = str(reason)

    def _on_subscribe(
        self, _client: object, _data: object, _mid: int, reasons: list[ReasonCode], _more: object
    ) -> None:
        for (topic, _), reason in zip(self._duties.subscriptions, reasons, strict=True):
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
        self._acknowledged(mid, str(reason) if reason.is_failure else None)

    def _on_message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        if self._duties.on_message is not None:
            self._duties.on_message(message.topic, bytes(message.payload), message.retain)
