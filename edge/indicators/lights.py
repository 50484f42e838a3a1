"""What the light and the relay say. Pure: no I/O, no threads, no clock."""

from collections.abc import Collection
from enum import Enum
from typing import Literal

from edge.values import Verdict


class Light(str, Enum):
    """What is lit: one lamp or none."""

    DARK = "dark"
    GREEN = "green"
    AMBER = "amber"
    RED = "red"


def light_for(present: Collection[Verdict]) -> Light:
    """The light for the people who are there: the worst news wins, then the best."""
    if Verdict.NOT_MASKED in present:
        return Light.RED
    if Verdict.MASKED in present:
        return Light.GREEN
    return Light.AMBER if present else Light.DARK


def energised(mode: Literal["fail-safe", "fail-secure"], *, shut: bool) -> bool:
    """Whether current flows through the relay's coil, so that the way is shut, or open."""
    return shut == (mode == "fail-safe")
