"""How the face detector is trained."""

from dataclasses import asdict, dataclass, field
from typing import Any

from convert.face.crops import Mix


@dataclass(frozen=True, slots=True)
class FaceRecipe:
    """Everything about a run that is not data or seed."""

    steps: int = 400
    """Most is learned after 3,500 pictures; twice as many still help a little."""
    batch: int = 16
    rate: float = 4e-3
    """Adam's, on weights divided by their channel's root mean square: every channel moves by like shares."""
    warmup: int = 30
    """Steps in which the rate rises; then it falls as a cosine."""
    last_rate: float = 0.02
    """Of the rate, at the end."""
    averaging: float = 0.99
    """What a step keeps of the exponential mean of the weights, which is what comes out."""
    clip: float = 5.0
    """The gradient's norm, at most."""
    mix: Mix = field(default_factory=Mix)

    def settings(self) -> dict[str, Any]:
        """For a run's record; ready for JSON."""
        return asdict(self)
