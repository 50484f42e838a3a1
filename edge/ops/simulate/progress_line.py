"""Progress of a simulation on stderr: one changing line on a terminal, otherwise a line every ten seconds."""

import sys

from edge.ops.simulate.simulated_fleet import SimulatedFleet


class SimulationProgress:
    """Prints the progress of a simulated fleet.

    Args:
        fleet: its connections and counts are shown.
    """

    def __init__(self, fleet: SimulatedFleet) -> None:
        self._fleet, self._live = fleet, sys.stderr.isatty()
        self._every_s = 1.0 if self._live else 10.0
        self._next_s = self._every_s

    def update(self, now_s: float) -> None:
        """Print the progress if a line is due; ``now_s`` counts from the start of the simulation."""
        if now_s < self._next_s:
            return
        self._next_s += self._every_s
        fleet, counts = self._fleet, self._fleet.counts
        print(
            f"{now_s:5.0f} s: {fleet.online}/{len(fleet.connections)} connections, {counts.events} events, "
            f"{fleet.waiting} waiting, {counts.refused} refused ",
            end="\r" if self._live else "\n", file=sys.stderr, flush=True,
        )  # fmt: skip
