"""What the light and the relay show for the people in view. Pure: no I/O, no threads, no clock."""

from collections.abc import Collection
from enum import Enum
from typing import Literal

from edge.values import Verdict


class Light(str, Enum):
    """Which lamp is lit; ``dark``: none."""

    DARK = "dark"
    GREEN = "green"
    AMBER = "amber"
    RED = "red"


def light_for(present: Collection[Verdict]) -> Light:
    """The light for the people in view: red wins over green, green over amber."""
    if Verdict.NOT_MASKED in present:
        return Light.RED
    if Verdict.MASKED in present:
        return Light.GREEN
    return Light.AMBER if present else Light.DARK


def energised(mode: Literal["fail-safe", "fail-secure"], *, shut: bool) -> bool:
    """Whether current must flow through the relay's coil to shut the way, or to open it."""
    return shut == (mode == "fail-safe")
