"""Simulated time, and what is said in it.

What goes on at an entrance is a process: a generator that yields how many seconds pass until it goes on.
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
    """Something that a source says."""

    at_s: float
    """Since the begin."""
    place: Place
    data: Data
    """An event's payload, or health."""
    id: str


@dataclass(slots=True)
class Door:
    """An entrance."""

    place: Place
    track: int = 0
    """Number of the person who came last."""
    window: Tally = field(default_factory=Tally)
    blind: bool = False
    """The camera has failed."""


@dataclass(frozen=True, slots=True)
class Habits:
    """How a simulation runs."""

    start: datetime
    """UTC time of its begin."""
    hour: float = 8.0
    """Time of day at the entrances then, 0 to 24."""
    rate_per_h: float = 60.0
    """People at one entrance in the busiest hour."""
    health_every_s: float = 15.0
    summary_every_s: float = 60.0


class EventScheduler:
    """Runs processes in the order of simulated time.

    Args:
        habits: how it runs.
        seed: all that is left to chance.
    """

    def __init__(self, habits: Habits, seed: str) -> None:
        self.habits, self.rng, self.now_s = habits, random.Random(seed), 0.0
        self._said: list[SimulatedMessage] = []
        self._heap: list[tuple[float, int, Process]] = []
        self._started = 0

    @property
    def now(self) -> datetime:
        """UTC."""
        return self.habits.start + timedelta(seconds=self.now_s)

    def start(self, process: Process, after_s: float = 0.0) -> None:
        """Let it go on then."""
        self._started += 1
        heappush(self._heap, (self.now_s + after_s, self._started, process))

    def say(self, place: Place, data: Data) -> None:
        """Now."""
        self._said.append(SimulatedMessage(self.now_s, place, data, self.uuid()))

    def uuid(self) -> str:
        """The next one that chance gives."""
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def run(self) -> Iterator[SimulatedMessage]:
        """All that is said, in order, as long as a process goes on."""
        while self._heap:
            self.now_s, _, process = heappop(self._heap)
            pause_s = next(process, None)
            if pause_s is not None:
                self.start(process, pause_s)
            yield from self._said
            self._said.clear()
