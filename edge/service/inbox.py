"""What the broker brings, kept until it is asked for: the link's thread puts, the pipeline's takes."""

from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from edge.events import Place
from edge.mqtt import IncomingMessage
from edge.speaker.heard import announced

_HEARD_MAX = 1000
"""Announcements that wait to be asked for."""
_COMMANDS_MAX = 20
"""Commands likewise; who sends more at once is not heard."""


@dataclass(frozen=True, slots=True)
class ReceivedCommand:
    """A message on ``cmd``; it may be anything."""

    payload: bytes
    retained: bool


class Inbox:
    """Three kinds of messages; all others are dropped. Nothing here blocks.

    Args:
        place: the device.
        on_health: told at once of what comes on the device's own ``health``, on the link's thread.
    """

    def __init__(self, place: Place, on_health: Callable[[bytes], None]) -> None:
        self._cmd, self._health, self._on_health = place.topic("cmd"), place.topic("health"), on_health
        self._heard: SimpleQueue[str] = SimpleQueue()
        self._commands: SimpleQueue[ReceivedCommand] = SimpleQueue()

    def receive(self, message: IncomingMessage) -> None:
        """Take in a message; the link's thread calls this."""
        topic, payload = message.topic, message.payload
        if topic == self._cmd:
            if self._commands.qsize() < _COMMANDS_MAX:
                self._commands.put(ReceivedCommand(payload, message.retained))
        elif topic == self._health:
            self._on_health(payload)
        elif b"announcement.played" in payload and self._heard.qsize() < _HEARD_MAX:
            violation = announced(payload)
            if violation is not None:
                self._heard.put(violation)

    def next_command(self) -> ReceivedCommand | None:
        """The next command that came, if one has."""
        try:
            return self._commands.get_nowait()
        except Empty:
            return None

    def announced(self) -> list[str]:
        """Violations whose announcement was heard since the last call; others' among them."""
        heard: list[str] = []
        try:
            while True:
                heard.append(self._heard.get_nowait())
        except Empty:
            return heard
