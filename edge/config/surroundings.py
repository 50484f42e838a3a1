"""The sections about the place: zones, lines, hours, crowding, tampering, indicators."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import Field, model_validator

from edge.config.section import Name, Pin, Point, Section

_LEAST_AREA = 1e-5
"""The smallest area of a zone, as a share of the picture: 3 px of 640x480."""


class Zone(Section):
    """A part of the picture in which faces count, or with ``ignore`` one in which they never do.

    Without a zone in which they count, all of the picture is one zone named ``site.zone``.
    """

    name: Name = Field(examples=["lobby"])
    """What events call the zone."""
    polygon: tuple[Point, ...] = Field(
        min_length=3, examples=[[[0.1, 0.2], [0.9, 0.2], [0.9, 1.0], [0.1, 1.0]]]
    )
    """Corners as shares of the picture's width and height, 0 to 1 from the top left."""
    min_face_width_px: float | None = Field(None, ge=8, examples=[40.0])
    """Overrides ``faces.min_width_px`` in this zone."""
    ignore: bool = Field(False, examples=[False])
    """True: faces here never count, whatever other zones hold them: posters, screens, a waiting room."""


class CountingLine(Section):
    """A line that counts people: whoever crosses it from its left to its right goes in."""

    name: Name = Field(examples=["door"])
    """The name that messages about the line use."""
    start: Point = Field(examples=[[0.0, 0.6]])
    """One end, as shares of the picture's width and height, 0 to 1 from the top left."""
    end: Point = Field(examples=[[1.0, 0.6]])
    """The other end. Left and right are as seen by somebody who walks from start to end."""


class HoursConfig(Section):
    """When violations are opened; outside these hours people are only counted."""

    timezone: str = Field("UTC", min_length=1, examples=["Asia/Jakarta"])
    """The time zone of ``open`` and ``speaker.quiet``."""
    open: tuple[str, ...] = Field((), examples=[["mon-fri 07:00-19:00", "sat 08:00-13:00"]])
    """The hours in which masks are asked for; empty: always."""


class CrowdingConfig(Section):
    """How many people may be in view, and how close to each other; 0 switches either off."""

    max_people: int = Field(0, ge=0, examples=[10])
    """More people in view than this are a crowd; 0: any number is fine."""
    min_distance_m: float = Field(0.0, ge=0, le=5, examples=[1.0])
    """Two people closer than this are a crowd; 0: any distance is fine."""
    field_of_view_deg: float = Field(62.2, gt=10, lt=170, examples=[62.2])
    """The camera's horizontal field of view; 62.2 is that of the Raspberry Pi Camera Module 2."""
    persist_s: float = Field(5.0, ge=0, examples=[5.0])
    """How long a crowd must last to be reported, and how long it must be over to be closed."""


class TamperingConfig(Section):
    """A camera that is covered, turned away, defocused, blinded or left in the dark."""

    enabled: bool = Field(True, examples=[True])
    """If false, the view is not checked."""
    after_s: float = Field(10.0, gt=0, examples=[10.0])
    """How long it must last to be reported: people who stand close for a moment do not count."""


class IndicatorsConfig(Section):
    """What is connected to a Raspberry Pi's pins, GPIO0 to GPIO27: the chip's numbers, not the header's."""

    led_green: Pin | None = Field(None, examples=["GPIO17"])
    """Lit while everybody in view is masked."""
    led_amber: Pin | None = Field(None, examples=["GPIO27"])
    """Lit while somebody in view can't be judged, or is not judged yet."""
    led_red: Pin | None = Field(None, examples=["GPIO22"])
    """Lit while somebody in view is not masked."""
    buzzer: Pin | None = Field(None, examples=["GPIO23"])
    """Sounds twice when a violation opens."""
    relay: Pin | None = Field(None, examples=["GPIO24"])
    """Makes or breaks the circuit that lets people through."""
    relay_mode: Literal["fail-safe", "fail-secure"] = Field("fail-safe", examples=["fail-safe"])
    """Without power or after a crash: fail-safe leaves the way open, fail-secure closes it."""
    button: Pin | None = Field(None, examples=["GPIO25"])
    """A push button to ground."""
    button_action: Literal["mute", "test"] = Field("mute", examples=["mute"])
    """``mute`` silences the buzzer; ``test`` tries lights and buzzer."""
    mute_s: float = Field(600.0, gt=0, examples=[600.0])
    """How long the buzzer is silent, unless the button is pressed again."""
    active_low: tuple[Literal["led_green", "led_amber", "led_red", "buzzer", "relay"], ...] = Field(
        (), examples=[["relay"]]
    )
    """What is switched on by 0 V instead of 3.3 V: many relay boards, and lamps with a common anode."""

    @property
    def pins(self) -> dict[str, str]:
        """What is connected: pins by their keys."""
        keys = ("led_green", "led_amber", "led_red", "buzzer", "relay", "button")
        return {key: pin for key in keys if (pin := getattr(self, key)) is not None}

    @model_validator(mode="after")
    def _one_thing_a_pin(self) -> "IndicatorsConfig":
        owners: dict[str, list[str]] = {}
        for key, pin in self.pins.items():
            owners.setdefault(pin, []).append(key)
        shared = [f"{pin} is given to {' and '.join(keys)}" for pin, keys in owners.items() if len(keys) > 1]
        if shared:
            raise ValueError(f"{'; '.join(shared)}: each needs its own pin")
        return self


def flaws_of_zones(zones: Sequence[Zone]) -> list[str]:
    """What is wrong with zones that are each valid alone, in words."""
    return (
        _repeated(z.name for z in zones)
        + [
            f"{z.name!r} has no area: its corners lie on one line, or its edges cross so that no area is left"
            for z in zones
            if _area(z.polygon) < _LEAST_AREA
        ]
        + [
            f"{z.name!r} ignores all faces, so min_face_width_px has no effect: leave one of the two out"
            for z in zones
            if z.ignore and z.min_face_width_px is not None
        ]
    )


def flaws_of_lines(lines: Sequence[CountingLine]) -> list[str]:
    """What is wrong with lines that are each valid alone, in words."""
    return _repeated(line.name for line in lines) + [
        f"{line.name!r} starts and ends at {list(line.start)}: the two must differ"
        for line in lines
        if line.start == line.end
    ]


def _repeated(names: Iterable[str]) -> list[str]:
    return [
        f"the name {name!r} is given {n} times: each needs its own"
        for name, n in Counter(names).items()
        if n > 1
    ]


def _area(polygon: Sequence[Point]) -> float:
    """The area of a polygon as a share of the picture, by the shoelace formula."""
    pairs = zip(polygon, [*polygon[1:], polygon[0]], strict=True)
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairs)) / 2
