"""What reaches a speaker: violations over the broker or from this machine, and the devices' clocks."""

import logging
from collections.abc import Callable
from dataclasses import replace

from edge.clock import Clock, trusted
from edge.events import EXPIRY_S
from edge.mqtt import IncomingMessage
from edge.mqtt.session import SESSION_S
from edge.speaker.announcer import ReceivedViolation
from edge.speaker.device_clocks import DeviceClocks
from edge.speaker.log_throttle import LogThrottle
from edge.speaker.received_event import NoEventError, parse

_log = logging.getLogger(__name__)
SPEAKER_SUFFIX = "-speaker"
"""Ends the name of a speaker, and of no device."""
_SHOWN = 100
"""Characters of a topic that go into the log."""


class ViolationReceiver:
    """Parses messages, and says of each violation how it is to be dated. Any thread may call it.

    Args:
        clock: the time.
        deliver: takes each event that may have to be announced, on the caller's thread; must not block.
    """

    def __init__(self, clock: Clock, deliver: Callable[[ReceivedViolation], None]) -> None:
        self._clock, self._deliver = clock, deliver
        self._dropped = LogThrottle()
        self._device_clocks = DeviceClocks()

    def from_broker(self, message: IncomingMessage) -> None:
        """Take in an event, or the ``health`` of a device."""
        *_, device, leaf = message.topic.split("/")
        received_s = self._clock.monotonic()
        if message.retained:
            self._drop(f"a retained message on {message.topic[:_SHOWN]!r}: events are never retained")
        elif leaf == "health":
            if not (message.maybe_kept or device.endswith(SPEAKER_SUFFIX)):
                self._device_clocks.note(device, message.payload, received_s, self._clock.utc())
        elif (event := self._parsed(message.payload, received_s)) is not None:
            happened_s = self._device_clocks.happened_s(device, event.time) if event.clock_trusted else None
            self._pass_on(replace(event, kept_s=kept_s(message), happened_s=happened_s))

    def from_this_machine(self, payload: bytes) -> None:
        """Take in an event of a device on this machine: both have the same clock."""
        now_s, utc = self._clock.monotonic(), self._clock.utc()
        event = self._parsed(payload, now_s)
        if event is not None:
            since_s = max(0.0, (utc - event.time).total_seconds()) if event.clock_trusted else 0.0
            self._pass_on(replace(event, received_s=now_s - since_s, kept_s=0.0))

    def clock_differences_s(self) -> dict[str, float]:
        """By device: its clock minus this machine's; empty while this machine's own can't be right."""
        return self._device_clocks.differences_s(self._clock.monotonic()) if trusted(self._clock) else {}

    def _parsed(self, payload: bytes, received_s: float) -> ReceivedViolation | None:
        try:
            return parse(payload, received_s)
        except NoEventError as e:
            self._drop(str(e))
            return None

    def _pass_on(self, event: ReceivedViolation) -> None:
        if event.asks:
            self._deliver(event)

    def _drop(self, what: str) -> None:
        line = self._dropped.line(f"dropped {what}", self._clock.monotonic())
        if line is not None:
            _log.warning("%s", line)


def kept_s(message: IncomingMessage) -> float | None:
    """Seconds that an event waited at the broker; None where the message does not tell."""
    waited = None if message.expires_in_s is None else EXPIRY_S - message.expires_in_s
    if waited is not None and 0 <= waited <= SESSION_S:  # else its publisher chose another expiry
        return float(waited)
    return None if message.maybe_kept else 0.0
