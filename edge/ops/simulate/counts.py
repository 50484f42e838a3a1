"""What a simulation counts, and what it says at its end."""

from dataclasses import dataclass


@dataclass(slots=True)
class Counts:
    """What all lines did together."""

    events: int = 0
    """Made."""
    acknowledged: int = 0
    refused: int = 0
    """Events that the broker refused; they are not sent again."""
    connections: int = 0
    """Made, the renewed ones among them."""


@dataclass(frozen=True, slots=True)
class SimulationResult:
    """What a simulation did."""

    devices: int
    sources: int
    """Entrances and speakers."""
    seed: int
    seconds: float
    connections: int
    """Made, the renewed ones among them."""
    last_wills: bool
    events: int
    acknowledged: int
    refused: int

    def __str__(self) -> str:
        wills = "each with a last will" if self.last_wills else "without last wills"
        return (
            f"{self.devices} devices ({self.sources} sources) lived {self.seconds:.0f} s over "
            f"{self.connections} connections, {wills}: {self.events} events, {self.acknowledged} "
            f"acknowledged, {self.refused} refused; seed {self.seed}"
        )
