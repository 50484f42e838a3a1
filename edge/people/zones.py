"""Where a face counts, and who crosses which line. Pure: no I/O, no clock."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edge.config import CountingLine, Zone
from edge.errors import ConfigError
from edge.values import Box

Point = tuple[float, float]
"""(x, y) as shares of the picture's width and height."""

MARGIN = 0.02
"""A person must be past a line by this share of the picture: more than a face's centre trembles."""
_MAX_TRACKS = 256
"""Memory stays bounded even if ``forget`` is never called; whoever was unseen longest is dropped first."""


@dataclass(frozen=True, slots=True)
class ZoneHit:
    """The zone that holds a face."""

    name: str
    min_face_width_px: float | None
    """Overrides ``faces.min_width_px``; None where the zone has no limit of its own."""


class Zones:
    """Parts of the picture in which faces count.

    Args:
        zones: a face belongs to the first one that holds it; without zones all of the picture is one. A face
            in an ignored zone belongs to none.
        default_name: the name of that one zone.
    """

    def __init__(self, zones: Sequence[Zone], default_name: str) -> None:
        self._ignored = tuple(z.polygon for z in zones if z.ignore)
        self._zones = tuple((ZoneHit(z.name, z.min_face_width_px), z.polygon) for z in zones if not z.ignore)
        self._everywhere = None if self._zones else ZoneHit(default_name, None)
        self.default_name = default_name

    def of(self, box: Box, width: int, height: int) -> ZoneHit | None:
        """The zone that holds the face's centre; None outside all of them, and in an ignored one.

        Args:
            box: the face in the picture's pixels.
            width: the picture's, in px.
            height: the picture's, in px.
        """
        x, y = box.center
        point = (x / width, y / height)
        if any(_inside(point, polygon) for polygon in self._ignored):
            return None
        if self._everywhere is not None:
            return self._everywhere
        return next((hit for hit, polygon in self._zones if _inside(point, polygon)), None)


@dataclass(frozen=True, slots=True)
class Crossing:
    """Somebody has crossed a line."""

    line: str
    inward: bool
    """From the line's left side to its right, as seen walking from its start to its end."""


@dataclass(frozen=True, slots=True)
class _Walk:
    """One person's way along one line."""

    point: Point
    side: int
    """Where the person stands: 1 right, -1 left of the line, 0 not known yet; on the line: as before."""
    home: int
    """The side the person was last clearly on, or first seen on."""
    passed: int
    """Passages between the line's ends since then: those to the right less those to the left."""


class LineCounter:
    """Counts people who cross lines, once each way; a person who dithers on a line has not crossed it.

    A crossing is counted when the person is clearly (``MARGIN``) on the other side and has got there between
    the line's ends. The next one in the same direction needs a way back first.

    Raises:
        ConfigError: a line that starts where it ends.
    """

    def __init__(self, lines: Sequence[CountingLine]) -> None:
        for line in lines:
            if line.start == line.end:
                raise ConfigError(
                    f"lines: {line.name!r} starts and ends at {list(line.start)}; the two must differ. "
                    "Example: start = [0.0, 0.6], end = [1.0, 0.6]"
                )
        self._lines = tuple(lines)
        self._walks: dict[int, tuple[_Walk, ...]] = {}

    def update(self, track_id: int, center: Point) -> list[Crossing]:
        """Take in where a person is now.

        Args:
            track_id: the person's.
            center: the face's centre as shares of the picture's width and height.

        Returns:
            The lines crossed by it, in the order of the configuration.
        """
        before = self._walks.pop(track_id, None) or tuple(_begin(line, center) for line in self._lines)
        after = [_step(walk, line, center) for walk, line in zip(before, self._lines, strict=True)]
        if len(self._walks) >= _MAX_TRACKS:
            del self._walks[next(iter(self._walks))]
        self._walks[track_id] = tuple(walk for walk, _ in after)
        return [crossing for _, crossing in after if crossing is not None]

    def forget(self, track_id: int) -> None:
        """The person has left."""
        self._walks.pop(track_id, None)


def _begin(line: CountingLine, center: Point) -> _Walk:
    side = _sign(_turn(line.start, line.end, center))
    return _Walk(center, side, side, 0)


def _step(walk: _Walk, line: CountingLine, center: Point) -> tuple[_Walk, Crossing | None]:
    offset = _turn(line.start, line.end, center)
    side, passed = _sign(offset) or walk.side, walk.passed
    if side * walk.side < 0 and _parts(walk.point, center, line):
        passed += side
    if abs(offset) < MARGIN * math.dist(line.start, line.end):
        return _Walk(center, side, walk.home, passed), None
    crossed = side * walk.home < 0 and side * passed > 0
    return _Walk(center, side, side, 0), Crossing(line.name, side > 0) if crossed else None


def _parts(a: Point, b: Point, line: CountingLine) -> bool:
    """Whether the way from a to b, endless both ways, leaves the line's ends on different sides."""
    return _sign(_turn(a, b, line.start)) * _sign(_turn(a, b, line.end)) <= 0


def _turn(a: Point, b: Point, p: Point) -> float:
    """Positive where p lies to the right of the way from a to b (y points down), 0 on it."""
    return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


def _inside(point: Point, polygon: Sequence[Point]) -> bool:
    """Even-odd rule; of two polygons that share an edge exactly one has a point on it."""
    inside = False
    for a, b in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        # every edge is looked at from its upper end, so that rounding is the same whichever way it is drawn
        top, bottom = sorted((a, b), key=lambda corner: corner[1])
        if top[1] <= point[1] < bottom[1] and _turn(top, bottom, point) > 0:
            inside = not inside
    return inside
