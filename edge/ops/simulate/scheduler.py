"""Simulated time: runs processes in its order and collects the messages that they emit.

A process is a generator that yields how many seconds pass until its next step.
"""

import random
import uuid
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush

from edge.events import Data, Place
from edge.people.tally import Tally

Process = Generator[float, None, None]


@dataclass(frozen=True, slots=True)
class SimulatedMessage:
    """A message that a simulated source sends."""

    at_s: float
    """Simulated seconds since the start."""
    place: Place
    """The source."""
    data: Data
    """The payload of an event, or health."""
    id: str


@dataclass(slots=True)
class Door:
    """State of one simulated entrance."""

    place: Place
    track: int = 0
    """Track number of the person who came last."""
    window: Tally = field(default_factory=Tally)
    blind: bool = False
    """The camera has failed."""


@dataclass(frozen=True, slots=True)
class Habits:
    """Settings of a simulation."""

    start: datetime
    """UTC time at the start."""
    hour: float = 8.0
    """Hour of the day at the entrances at the start, 0 to 24."""
    rate_per_h: float = 60.0
    """People at one entrance in the busiest hour."""
    health_every_s: float = 15.0
    summary_every_s: float = 60.0


class EventScheduler:
    """Runs processes in the order of simulated time.

    Args:
        habits: the settings of the simulation.
        seed: decides everything that is left to chance.
    """

    def __init__(self, habits: Habits, seed: str) -> None:
        self.habits, self.rng, self.now_s = habits, random.Random(seed), 0.0
        self._emitted: list[SimulatedMessage] = []
        self._heap: list[tuple[float, int, Process]] = []
        self._started = 0

    @property
    def now(self) -> datetime:
        """The simulated time, UTC."""
        return self.habits.start + timedelta(seconds=self.now_s)

    def start(self, process: Process, after_s: float = 0.0) -> None:
        """Let a process take its next step after ``after_s`` simulated seconds."""
        self._started += 1
        heappush(self._heap, (self.now_s + after_s, self._started, process))

    def emit(self, place: Place, data: Data) -> None:
        """Send a message from a source, now."""
        self._emitted.append(SimulatedMessage(self.now_s, place, data, self.uuid()))

    def uuid(self) -> str:
        """A fresh id, which the seed decides."""
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def run(self) -> Iterator[SimulatedMessage]:
        """All messages in the order of simulated time, until the last process has ended."""
        while self._heap:
            self.now_s, _, process = heappop(self._heap)
            pause_s = next(process, None)
            if pause_s is not None:
                self.start(process, pause_s)
            yield from self._emitted
            self._emitted.clear()
