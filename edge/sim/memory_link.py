"""A link in memory that fails as a network does: by script, at the message where it is told to."""

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from edge.mqtt.status import LinkListener


class Fate(Enum):
    """What becomes of one published message."""

    ACKNOWLEDGED = "the broker has it and says so"
    CUT_BEFORE = "the connection ends, and the broker never gets it"
    CUT_AFTER = "the broker has it, but the connection ends before it can say so"
    SILENT = "the broker has it, and says nothing as long as this connection lives"
    REFUSED = "the broker says no"


@dataclass(frozen=True, slots=True)
class DeliveredMessage:
    """A message that the broker has."""

    connection: int
    topic: str
    payload: bytes


class MemoryLink:
    """Implements delivery's ``Link``. After a cut it connects again at once.

    Args:
        fates: one for each published message, in order; when they are used up, all goes well.
    """

    def __init__(self, fates: Iterable[Fate] = ()) -> None:
        self._lock = threading.Lock()
        self._fates = deque(fates)
        self._listener: LinkListener | None = None
        self._connection: int | None = None
        self._connections = self._tokens = 0
        self._received: list[DeliveredMessage] = []

    @property
    def received(self) -> list[DeliveredMessage]:
        """All that the broker got, in order, repeats included."""
        with self._lock:
            return list(self._received)

    def listen(self, listener: LinkListener) -> None:
        """Whom to tell."""
        self._listener = listener

    def connect(self) -> None:
        """Come on line; a connection that is there ends first."""
        with self._lock:
            self._end()
            self._begin()

    def cut(self) -> None:
        """Go off line, and stay there until ``connect``."""
        with self._lock:
            self._end()

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        content_type: str,  # noqa: ARG002  MQTT 5's properties change no fate
        expiry_s: int,  # noqa: ARG002
        connection: int,
    ) -> int | None:
        """Meets the next fate; None if that connection is not there any more."""
        with self._lock:
            if self._listener is None or connection != self._connection:
                return None
            self._tokens += 1
            fate = self._fates.popleft() if self._fates else Fate.ACKNOWLEDGED
            if fate not in (Fate.CUT_BEFORE, Fate.REFUSED):
                self._received.append(DeliveredMessage(connection, topic, payload))
            if fate in (Fate.ACKNOWLEDGED, Fate.REFUSED):
                self._listener.acknowledged(self._tokens, "Not authorized" if fate is Fate.REFUSED else None)
            if fate in (Fate.CUT_BEFORE, Fate.CUT_AFTER):
                self._end()
                self._begin()
            return self._tokens

    def _begin(self) -> None:
        self._connections += 1
        self._connection = self._connections
        if self._listener is not None:
            self._listener.up(self._connection)

    def _end(self) -> None:
        if self._connection is not None and self._listener is not None:
            self._listener.down()
        self._connection = None
