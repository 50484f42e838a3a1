"""How a simulation goes: on stderr, one line that changes on a terminal, else one every ten seconds."""

import sys

from edge.ops.simulate.simulated_fleet import SimulatedFleet


class SimulationProgress:
    """Tells of a fleet."""

    def __init__(self, fleet: SimulatedFleet) -> None:
        self._fleet, self._live = fleet, sys.stderr.isatty()
        self._every_s = 1.0 if self._live else 10.0
        self._next_s = self._every_s

    def tell(self, now_s: float) -> None:
        """If it is time again; ``now_s`` since the begin."""
        if now_s < self._next_s:
            return
        self._next_s += self._every_s
        fleet, counts = self._fleet, self._fleet.counts
        print(
            f"{now_s:5.0f} s: {fleet.online}/{len(fleet.lines)} connections, {counts.events} events, "
            f"{fleet.waiting} waiting, {counts.refused} refused ",
            end="\r" if self._live else "\n", file=sys.stderr, flush=True,
        )  # fmt: skip
