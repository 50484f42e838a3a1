"""Simulated sites: some entrances with a speaker, and all they say, from a seed. Pure: nothing is sent."""

from collections.abc import Iterator, Sequence
from heapq import merge

from edge.events import DeviceStarted, Place
from edge.ops.simulate.people import visits
from edge.ops.simulate.scheduler import Door, EventScheduler, Habits, Process, SimulatedMessage
from edge.ops.simulate.troubles import troubles
from edge.ops.simulate.vitals import SOFTWARE, door_health, speaker_health
from edge.people.tally import Tally

DOORS = 10
"""Entrances of a site."""


class SimulatedSite:
    """Some entrances with one speaker.

    Args:
        name: a topic level.
        doors: how many.
        prefix: the first topic level.
        habits: how it runs.
        seed: what happens; other sites with the same seed live other lives.
    """

    def __init__(self, name: str, doors: int, prefix: str, habits: Habits, seed: int) -> None:
        self._stage = EventScheduler(habits, f"{seed}/{name}")
        self._doors = [Door(Place(name, f"door-{n}", prefix)) for n in range(1, doors + 1)]
        self._speaker = Place(name, "door-1-speaker", prefix)

    @property
    def places(self) -> list[Place]:
        """All sources."""
        return [*(door.place for door in self._doors), self._speaker]

    def live(self) -> Iterator[SimulatedMessage]:
        """All that is said, in the order of time, for ever."""
        for door in self._doors:
            self._stage.say(door.place, DeviceStarted(software=SOFTWARE, previous="none"))
            self._stage.start(visits(self._stage, door, self._speaker))
            self._stage.start(troubles(self._stage, door))
            self._stage.start(self._summaries(door))
            self._stage.start(self._health(door))
        self._stage.start(self._health(None))
        return self._stage.run()

    def _summaries(self, door: Door) -> Process:
        every_s = self._stage.habits.summary_every_s
        window_s = round(every_s * self._stage.rng.uniform(0.1, 1), 3)  # they did not start together
        while True:
            yield window_s
            self._stage.say(door.place, door.window.summary(window_s))
            door.window, window_s = Tally(), every_s

    def _health(self, door: Door | None) -> Process:
        stage = self._stage
        pause_s = stage.habits.health_every_s * stage.rng.uniform(0.1, 1)
        while True:
            yield pause_s
            pause_s = stage.habits.health_every_s
            if door is None:
                stage.say(self._speaker, speaker_health(stage.now, stage.now_s))
            else:
                stage.say(door.place, door_health(stage.now, stage.now_s, stage.rng, blind=door.blind))


def make_sites(devices: int, prefix: str, habits: Habits, seed: int) -> list[SimulatedSite]:
    """So many entrances, ten to a site, and a speaker for each site."""
    return [
        SimulatedSite(f"sim-{n // DOORS + 1:03d}", min(DOORS, devices - n), prefix, habits, seed)
        for n in range(0, devices, DOORS)
    ]


def live(sites: Sequence[SimulatedSite]) -> Iterator[SimulatedMessage]:
    """All that is said anywhere, in the order of time, for ever."""
    return merge(*(site.live() for site in sites), key=lambda said: said.at_s)
