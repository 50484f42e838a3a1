"""What all speakers have in common, whether a sound card in this machine or another system."""

import threading
from dataclasses import dataclass
from typing import Protocol

from edge.errors import SpeakerError
from edge.speaker.announcer import ReceivedViolation


class GaveUpError(SpeakerError):
    """Trying again would not help, or might announce it twice."""


@dataclass(frozen=True, slots=True)
class Playback:
    """An announcement that was made; monotonic seconds."""

    language: str
    started_s: float
    """When the first sample went out, or another system was asked."""
    ended_s: float
    """When the last sample was drained, or the other system had accepted, and had been watched."""
    confirmed: bool = True
    """Whether it is known that it was played; False: another system accepted it, and that is all."""


class SpeakerSink(Protocol):
    """One speaker: it makes announcements, one at a time."""

    @property
    def name(self) -> str:
        """What it is called in reports."""
        ...

    @property
    def problem(self) -> str | None:
        """What is wrong with it as far as it shows without an announcement, as a full sentence."""
        ...

    def say(self, event: ReceivedViolation, stop: threading.Event) -> Playback:
        """Make the announcement; returns when it is over.

        Args:
            event: the violation, as it was received.
            stop: ends it early.

        Raises:
            GaveUpError: it failed, and must not be tried again.
            SpeakerError: it failed, or ``stop`` was set; trying again is worth it.
        """
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...
