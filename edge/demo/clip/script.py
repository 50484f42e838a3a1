"""Who comes in the demo clip, when, and how each one wears the mask: the clip's script and its truth table.

Nothing here reaches the service: the clip is drawn from it, and the tests hold the models' verdicts
against it.
"""

from dataclasses import dataclass

from edge.values import Verdict

DURATION_S = 24.5
FPS = 12
WIDTH_PX, HEIGHT_PX = 640, 480
OUTSIDE_S = 0.8
"""Along the pavement, before the door."""
WALK_S = 1.5
"""From the door to the place where a visitor stops."""
LEAVE_S = 0.9
"""From there out of the picture."""
PULL_UP_S = 0.5
"""How long a hand needs to pull a mask from the chin over the nose."""


@dataclass(frozen=True, slots=True)
class ScriptedVisit:
    """One person's way through the clip. Times in seconds from its start, lengths in metres."""

    name: str
    portrait: str
    """Whose face: a key of ``portraits.PORTRAITS``."""
    mask: str | None
    """A key of ``cloth.STYLES``; None for a bare face."""
    enters_s: float
    leaves_s: float
    comes_from: int
    """-1 from the left, 1 from the right."""
    stops_x_m: float
    """Where the visitor stops, to the right of the picture's middle."""
    leaves_to: int
    """As ``comes_from``."""
    coat_rgb: tuple[int, int, int]
    collar_rgb: tuple[int, int, int] | None = None
    """A turtleneck under the coat; None leaves the shirt."""
    mirrored: bool = False
    skin_gain: float = 1.0
    """Lightness of the skin, as a factor."""
    hair_gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """What the red, green and blue of the hair are multiplied by."""
    beanie_rgb: tuple[int, int, int] | None = None
    """A knitted hat in place of the portrait's own."""
    glasses: bool = False
    worn: float = 1.0
    """How high the mask is worn: 1 over the nose, 0.5 under the nose, 0 under the chin."""
    puts_on_s: float | None = None
    """When a visitor who wears it under the chin starts to pull it up; None: it stays as it is."""

    @property
    def stops_s(self) -> float:
        """When the visitor has arrived before the camera."""
        return self.enters_s + WALK_S

    def worn_at(self, t_s: float) -> float:
        """``worn`` at a moment."""
        if self.puts_on_s is None:
            return self.worn
        up = min(max((t_s - self.puts_on_s) / PULL_UP_S, 0.0), 1.0)
        return self.worn + (1.0 - self.worn) * up

    def truth(self, t_s: float) -> Verdict | None:
        """What a perfect observer says, or None while the visitor walks, leaves or moves the mask."""
        if not self.stops_s - 0.3 <= t_s <= self.leaves_s:
            return None
        if self.puts_on_s is not None and 0.0 < t_s - self.puts_on_s < PULL_UP_S:
            return None
        proper = self.mask is not None and self.worn_at(t_s) >= 1.0
        return Verdict.MASKED if proper else Verdict.NOT_MASKED


VISITS = (
    ScriptedVisit(
        "Ada", "astronaut", "surgical", enters_s=0.7, leaves_s=4.2,
        comes_from=1, stops_x_m=0.02, leaves_to=1, coat_rgb=(70, 78, 92), collar_rgb=(205, 200, 190),
    ),
    ScriptedVisit(
        "Ben", "hopper", None, enters_s=6.2, leaves_s=9.7,
        comes_from=-1, stops_x_m=-0.26, leaves_to=-1, coat_rgb=(30, 34, 46),
    ),
    ScriptedVisit(
        "Cleo", "astronaut", "respirator", enters_s=6.6, leaves_s=10.0,
        comes_from=1, stops_x_m=0.27, leaves_to=1, coat_rgb=(122, 44, 48), collar_rgb=(38, 36, 40),
        mirrored=True, skin_gain=0.86, hair_gain=(0.38, 0.34, 0.36), glasses=True,
    ),
    ScriptedVisit(
        "Dina", "astronaut", "surgical", enters_s=11.9, leaves_s=17.3, worn=0.0, puts_on_s=15.6,
        comes_from=1, stops_x_m=-0.1, leaves_to=-1, coat_rgb=(160, 138, 104), collar_rgb=(60, 84, 84),
        hair_gain=(0.95, 0.55, 0.4),
    ),
    ScriptedVisit(
        "Elif", "hopper", "black cloth", enters_s=19.3, leaves_s=22.9,
        comes_from=1, stops_x_m=0.26, leaves_to=1, coat_rgb=(58, 84, 70),
        mirrored=True, beanie_rgb=(150, 60, 66),
    ),
    ScriptedVisit(
        "Finn", "astronaut", "flowered cloth", enters_s=19.6, leaves_s=23.1, worn=0.5,
        comes_from=-1, stops_x_m=-0.27, leaves_to=-1, coat_rgb=(52, 66, 104), collar_rgb=(120, 120, 126),
        mirrored=True, skin_gain=0.72, hair_gain=(0.22, 0.22, 0.26),
    ),
)  # fmt: skip


def truth_at(t_s: float) -> tuple[Verdict, ...] | None:
    """The verdicts that are due at a moment, from left to right; None while somebody can't be judged yet."""
    present = [v for v in VISITS if v.enters_s - OUTSIDE_S <= t_s <= v.leaves_s + LEAVE_S]
    due = [(v.stops_x_m, v.truth(t_s)) for v in present]
    if any(verdict is None for _, verdict in due):
        return None
    return tuple(verdict for _, verdict in sorted(due, key=lambda d: d[0]) if verdict is not None)
