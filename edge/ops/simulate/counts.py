"""What a simulation counts, and the result that it prints at its end."""

from dataclasses import dataclass

from edge.values import counted


@dataclass(slots=True)
class Counts:
    """What all connections of a simulation did together."""

    events: int = 0
    """Events that the simulated devices made."""
    acknowledged: int = 0
    """Events that the broker acknowledged."""
    refused: int = 0
    """Events that the broker refused. They are not sent again."""
    connections: int = 0
    """Connections made, including those made again after a loss."""


@dataclass(frozen=True, slots=True)
class SimulationResult:
    """The result of a simulation."""

    devices: int
    sources: int
    """Entrances and speakers."""
    seed: int
    seconds: float
    connections: int
    """Connections made, including those made again after a loss."""
    last_wills: bool
    events: int
    acknowledged: int
    refused: int

    def __str__(self) -> str:
        wills = "each with a last will" if self.last_wills else "without last wills"
        return (
            f"{counted(self.devices, 'device')} ({counted(self.sources, 'source')}) ran {self.seconds:.0f} s "
            f"over {counted(self.connections, 'connection')}, {wills}: {counted(self.events, 'event')}, "
            f"{self.acknowledged} acknowledged, {self.refused} refused; seed {self.seed}"
        )
