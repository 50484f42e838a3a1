"""A subscription to a broker that hands its messages over one by one."""

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
from edge.mqtt import MqttLink

_LOOK_S = 0.2
"""How often we look whether to stop."""
WAITING_MAX = 100_000
"""Messages, about 1 kB each, that wait to be taken by somebody who is too slow for them."""
PATIENCE_S = 10.0
"""How long a broker may take to let us in when a command starts; later on the link tries for ever."""


def client_id(what: str) -> str:
    """A client id that is ours alone, for a broker ends the older of two connections with the same one."""
    return f"maskgate-{what}-{os.getpid()}-{secrets.token_hex(3)}"


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """One message."""

    topic: str
    payload: bytes
    retained: bool
    """The broker kept it for us: it is older than our subscription."""
    at: datetime
    """Its arrival here, UTC."""
    connection: int = 1
    """Counts up whenever messages were missed: the connection was made again, or too many were waiting."""


class Subscription:
    """All messages of some topics, in the order of arrival. A context manager that connects.

    A connection that is lost later is made again by itself; ``problem`` tells of it. Beyond ``WAITING_MAX``
    that wait to be taken, what comes is dropped.

    Args:
        settings: the broker.
        filters: MQTT topic filters; subscribed with QoS 1.
        stop: ends every wait.
        what: a word for the client id.
    """

    def __init__(
        self, settings: Mqtt, filters: Sequence[str], stop: threading.Event, *, what: str = "ops"
    ) -> None:
        self._stop, self._connection = stop, 0
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
        """Why nothing, or not all, comes at the moment, in a sentence."""
        status = self.link.status
        return status.problem or (None if status.state == "online" else status.message)

    def next(self, timeout_s: float) -> ReceivedMessage | None:
        """The next message, as soon as it is there; None after ``timeout_s``."""
        try:
            return self._queue.get(timeout=timeout_s)
        except Empty:
            return None

    def messages(self, for_s: float | None = None) -> Iterator[ReceivedMessage]:
        """All that come, until ``stop`` is set or the time is over."""
        until_s = math.inf if for_s is None else time.monotonic() + for_s
        while not self._stop.is_set() and (left_s := until_s - time.monotonic()) > 0:
            message = self.next(min(_LOOK_S, left_s))
            if message is not None:
                yield message

    def __enter__(self) -> Self:
        """Connect.

        Raises:
            LinkError: the broker can't be reached within ``PATIENCE_S``, or refuses us.
        """
        self.link.start()
        waited_s = 0.0
        while (state := self.link.status.state) != "online" and not self._stop.is_set():
            if state == "refused" or waited_s > PATIENCE_S:
                why = self.link.status.message  # before stop, after which it says no more than that
                self.link.stop(1.0)
                raise LinkError(why)
            self._stop.wait(0.05)
            waited_s += 0.05
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.link.stop(2.0)

    # The link tells us, on its own thread.

    def up(self, connection: int) -> None:  # noqa: ARG002 - the link's signature
        """For the link."""
        self._connection += 1

    def down(self) -> None:
        """For the link."""

    def acknowledged(self, token: int, refusal: str | None) -> None:
        """For the link."""

    def _received(self, topic: str, payload: bytes, retained: bool) -> None:  # noqa: FBT001 - the link's signature
        if self._queue.qsize() >= WAITING_MAX:
            self._connection += 1
            return
        self._queue.put(
            ReceivedMessage(topic, payload, retained, datetime.now(timezone.utc), self._connection)
        )
