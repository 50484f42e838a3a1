"""What every speaker has in common, whether it is a card in this machine or a service somewhere."""

import threading
from dataclasses import dataclass
from typing import Protocol

from edge.errors import SpeakerError
from edge.speaker.announcer import HeardViolation


class GaveUpError(SpeakerError):
    """Trying again would not help, or might say it twice."""


@dataclass(frozen=True, slots=True)
class Playback:
    """An announcement that was made; monotonic seconds."""

    language: str
    started_s: float
    """When the first sample went out, or another system was asked."""
    ended_s: float
    """When the last sample was drained, or the other system had said yes."""


class SpeakerSink(Protocol):
    """One speaker."""

    @property
    def name(self) -> str:
        """What it is called in reports."""
        ...

    @property
    def problem(self) -> str | None:
        """What can be told without trying to be wrong with it, as a full sentence."""
        ...

    def say(self, heard: HeardViolation, stop: threading.Event) -> Playback:
        """Make the announcement; returns when it is over.

        Args:
            heard: the violation.
            stop: ends it early.

        Raises:
            GaveUpError: it failed, and must not be tried again.
            SpeakerError: it failed, or ``stop`` was set; trying again is worth it.
        """
        ...

    def close(self) -> None:
        """Let go of what it holds."""
        ...
