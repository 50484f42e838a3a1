"""Simulated sites: entrances with a speaker, and all their messages, from a seed. Pure: nothing is sent."""

from collections.abc import Iterator, Sequence
from heapq import merge

from edge.events import DeviceStarted, Place
from edge.ops.simulate.people import visits
from edge.ops.simulate.scheduler import Door, EventScheduler, Habits, Process, SimulatedMessage
from edge.ops.simulate.troubles import troubles
from edge.ops.simulate.vitals import SOFTWARE, door_health, speaker_health
from edge.people.tally import Tally

DOORS = 10
"""Entrances that a site has at most."""


class SimulatedSite:
    """A site with some entrances and one speaker.

    Args:
        name: the site's topic level.
        doors: the number of entrances.
        prefix: the first topic level.
        habits: the settings of the simulation.
        seed: decides what happens, together with the site's name.
    """

    def __init__(self, name: str, doors: int, prefix: str, habits: Habits, seed: int) -> None:
        self._scheduler = EventScheduler(habits, f"{seed}/{name}")
        self._doors = [Door(Place(name, f"door-{n}", prefix)) for n in range(1, doors + 1)]
        self._speaker = Place(name, "door-1-speaker", prefix)

    @property
    def places(self) -> list[Place]:
        """All sources of the site: its entrances and its speaker."""
        return [*(door.place for door in self._doors), self._speaker]

    def live(self) -> Iterator[SimulatedMessage]:
        """All messages of the site in the order of time, for ever."""
        for door in self._doors:
            self._scheduler.emit(door.place, DeviceStarted(software=SOFTWARE, previous="none"))
            self._scheduler.start(visits(self._scheduler, door, self._speaker))
            self._scheduler.start(troubles(self._scheduler, door))
            self._scheduler.start(self._summaries(door))
            self._scheduler.start(self._health(door))
        self._scheduler.start(self._health(None))
        return self._scheduler.run()

    def _summaries(self, door: Door) -> Process:
        every_s = self._scheduler.habits.summary_every_s
        window_s = round(every_s * self._scheduler.rng.uniform(0.1, 1), 3)  # they did not start together
        while True:
            yield window_s
            self._scheduler.emit(door.place, door.window.summary(window_s))
            door.window, window_s = Tally(), every_s

    def _health(self, door: Door | None) -> Process:
        scheduler = self._scheduler
        pause_s = scheduler.habits.health_every_s * scheduler.rng.uniform(0.1, 1)
        while True:
            yield pause_s
            pause_s = scheduler.habits.health_every_s
            if door is None:
                scheduler.emit(self._speaker, speaker_health(scheduler.now, scheduler.now_s))
            else:
                health = door_health(scheduler.now, scheduler.now_s, scheduler.rng, blind=door.blind)
                scheduler.emit(door.place, health)


def make_sites(devices: int, prefix: str, habits: Habits, seed: int) -> list[SimulatedSite]:
    """Sites for ``devices`` entrances: up to ten entrances and one speaker each."""
    return [
        SimulatedSite(f"sim-{n // DOORS + 1:03d}", min(DOORS, devices - n), prefix, habits, seed)
        for n in range(0, devices, DOORS)
    ]


def live(sites: Sequence[SimulatedSite]) -> Iterator[SimulatedMessage]:
    """All messages of all sites in the order of time, for ever."""
    return merge(*(site.live() for site in sites), key=lambda message: message.at_s)
