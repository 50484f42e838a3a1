"""What the broker brings, kept until it is asked for: the link's thread puts, the pipeline's takes."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from edge.clock import Clock
from edge.events import COMMAND_SIZE_MAX, Place
from edge.mqtt import IncomingMessage
from edge.speaker.log_throttle import LogThrottle
from edge.speaker.received_event import announced

_log = logging.getLogger(__name__)

_ANNOUNCED_MAX = 1000
"""Announcements that may wait to be asked for."""
COMMANDS_MAX = 1000
"""Commands that may wait: each gets its answer, and those that wait need 4 MB at most."""


@dataclass(frozen=True, slots=True)
class ReceivedCommand:
    """A message on ``cmd``; it may be anything."""

    payload: bytes
    """Cut off where it is longer than any command."""
    retained: bool


class Inbox:
    """Keeps commands and announcements, and passes on the device's own ``health``; nothing here blocks.

    Args:
        place: the device.
        clock: the time.
        on_health: called at once, on the link's thread, with what comes on the device's own ``health``.
    """

    def __init__(self, place: Place, clock: Clock, on_health: Callable[[bytes], None]) -> None:
        self._clock, self._overflow = clock, LogThrottle()
        self._cmd, self._health, self._on_health = place.topic("cmd"), place.topic("health"), on_health
        self._announced: SimpleQueue[str] = SimpleQueue()
        self._commands: SimpleQueue[ReceivedCommand] = SimpleQueue()

    def receive(self, message: IncomingMessage) -> None:
        """Take in a message; the link's thread calls this."""
        topic, payload = message.topic, message.payload
        if topic == self._cmd:
            self._put(ReceivedCommand(payload[: COMMAND_SIZE_MAX + 1], message.retained))
        elif topic == self._health:
            self._on_health(payload)
        elif b"announcement.played" in payload and self._announced.qsize() < _ANNOUNCED_MAX:
            violation = announced(payload)
            if violation is not None:
                self._announced.put(violation)

    def _put(self, command: ReceivedCommand) -> None:
        if self._commands.qsize() < COMMANDS_MAX:
            self._commands.put(command)
            return
        text = f"dropped a command without an answer: {COMMANDS_MAX} wait already"
        line = self._overflow.line(text, self._clock.monotonic())
        if line is not None:
            _log.warning("%s", line)

    def next_command(self) -> ReceivedCommand | None:
        """The next message on ``cmd``, if one has come; each is given out once."""
        try:
            return self._commands.get_nowait()
        except Empty:
            return None

    def announced(self) -> list[str]:
        """Ids of the violations announced since the last call; other devices' are among them."""
        violations: list[str] = []
        try:
            while True:
                violations.append(self._announced.get_nowait())
        except Empty:
            return violations
