"""Tells a second client with our identity from a bad network.

A broker ends the older of two connections with one client id, most brokers without a word, and so does a bad
network. But a second client also writes its own retained status on our topic while we are away. So the status
that a broker kept is looked at after each connect, before ours replaces it. One that we did not write may be
an old one, of a broker that was restored; two in a row are somebody else's.
"""

from collections import deque

from edge.mqtt.session import OutgoingMessage

_SURE = 2
_OWN_MAX = 200
"""Payloads that are remembered as ours: a broker may have kept one of several connections ago."""


class StatusWatch:
    """What stands on our status topic. It belongs to the link's thread."""

    def __init__(self) -> None:
        self.topic: str | None = None
        """The topic of the last will; None before the first connect."""
        self._own: deque[bytes] = deque(maxlen=_OWN_MAX)
        self._brokers: set[str] = set()
        self._foreign = 0
        self._looked = True

    @property
    def contested(self) -> bool:
        """Whether another client writes our status, too."""
        return self._foreign >= _SURE

    def will(self, message: OutgoingMessage) -> OutgoingMessage:
        """Note a last will of ours, whose topic is that of the status; returns it."""
        self.topic = message.topic
        return self.wrote(message)

    def wrote(self, message: OutgoingMessage) -> OutgoingMessage:
        """Note a message of ours; returns it."""
        if message.topic == self.topic:
            self._own.append(message.payload)
        return message

    def connected(self, broker: str) -> None:
        """A connection is up. At the first one to a broker, what it kept may be of an earlier run."""
        self._looked = broker not in self._brokers
        self._brokers.add(broker)

    def kept(self, payload: bytes) -> None:
        """Take in a message on the status topic: the first of a connection is what the broker kept."""
        if self._looked:
            return
        self._looked = True
        self._foreign = 0 if payload in self._own else self._foreign + 1
