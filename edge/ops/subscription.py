"""Subscribes to topics of a broker and hands the messages over one by one."""

import math
import os
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from queue import Empty, SimpleQueue
from types import TracebackType

from typing_extensions import Self

from edge.config import Mqtt
from edge.errors import LinkError
from edge.mqtt import IncomingMessage, MqttLink
from edge.mqtt.explain import why_unreachable

_LOOK_S = 0.2
"""How often the iteration checks whether to stop."""
WAITING_MAX = 100_000
"""The most messages, of about 1 kB each, that wait for a reader that is too slow."""
_CONNECT_LOOK_S, _STOP_S = 0.05, 1.0
PATIENCE_S = 10.0
"""Seconds that a broker may take to accept us when a command starts. Later, the link tries for ever."""


def client_id(what: str) -> str:
    """A unique client id. A broker would end the older of two connections with the same one."""
    return f"maskgate-{what}-{os.getpid()}-{secrets.token_hex(3)}"


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """One message from a broker, or from a file."""

    topic: str
    payload: bytes
    retained: bool
    """The broker had retained it, so it is older than our subscription."""
    at: datetime
    """When it arrived here, UTC."""
    connection: int = 1
    """Counts up whenever messages may be missing: after each new connection, and when too many waited."""


class Subscription:
    """All messages of some topics, in the order of arrival. A context manager that connects.

    When a connection is lost later, the link makes it again; ``problem`` says so meanwhile. Messages beyond
    ``WAITING_MAX`` that wait for the reader are dropped.

    Args:
        settings: the broker.
        filters: MQTT topic filters; subscribed with QoS 1.
        stop: ends every wait.
        what: a word in the client id.
        patience_s: seconds that the broker may take to accept us; None: ``PATIENCE_S``.
    """

    def __init__(
        self,
        settings: Mqtt,
        filters: Sequence[str],
        stop: threading.Event,
        *,
        what: str = "ops",
        patience_s: float | None = None,
    ) -> None:
        self._settings, self._stop, self._connection = settings, stop, 0
        self._patience_s = PATIENCE_S if patience_s is None else patience_s
        self._queue: SimpleQueue[ReceivedMessage] = SimpleQueue()
        self.link = MqttLink(
            settings,
            client_id(what),
            subscriptions=[(f, 1) for f in filters],
            on_message=self._received,
        )
        self.link.listen(self)

    @property
    def problem(self) -> str | None:
        """Why messages don't come, or not all of them, as a sentence; None if nothing is wrong."""
        status = self.link.status
        return status.problem or (None if status.state == "online" else status.message)

    def next(self, timeout_s: float) -> ReceivedMessage | None:
        """The next message as soon as it is there, or None after ``timeout_s``."""
        try:
            return self._queue.get(timeout=timeout_s)
        except Empty:
            return None

    def messages(self, for_s: float | None = None) -> Iterator[ReceivedMessage]:
        """All messages that come until ``stop`` is set, or ``for_s`` has passed."""
        until_s = math.inf if for_s is None else time.monotonic() + for_s
        while not self._stop.is_set() and (left_s := until_s - time.monotonic()) > 0:
            message = self.next(min(_LOOK_S, left_s))
            if message is not None:
                yield message

    def __enter__(self) -> Self:
        """Connect.

        Raises:
            LinkError: the broker can't be reached in time, or refuses us.
        """
        self.link.start()
        started_s = time.monotonic()
        while (status := self.link.status).state != "online" and not self._stop.is_set():
            late = time.monotonic() - started_s > self._patience_s
            if status.state == "refused" or late:
                self.link.stop(_STOP_S)
                connecting = status.state == "connecting"  # the first attempt still waits for an answer
                slow = why_unreachable(self._settings, TimeoutError(), self._patience_s)
                raise LinkError(slow if connecting else status.message)
            self._stop.wait(_CONNECT_LOOK_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.link.stop(2.0)

    # The link calls the following methods on its own thread.

    def up(self, connection: int) -> None:  # noqa: ARG002 - the link's signature
        """Part of ``LinkListener``: counts the connection, because messages may be missing before it."""
        self._connection += 1

    def down(self) -> None:
        """Part of ``LinkListener``: nothing to do, ``problem`` reports a lost connection."""

    def acknowledged(self, token: int, refusal: str | None) -> None:
        """Part of ``LinkListener``: nothing to do, callers watch for the effect of what they publish."""

    def _received(self, message: IncomingMessage) -> None:
        if self._queue.qsize() >= WAITING_MAX:
            self._connection += 1
            return
        self._queue.put(
            ReceivedMessage(
                message.topic, message.payload, message.retained, datetime.now(timezone.utc), self._connection
            )
        )
