"""Faces that belong to the scene: posters, screens, statues, a photo on a desk. Pure: no I/O, no clock.

The rule: a face that was found at one place for ``LEARN_S`` in all, and whose smoothed centre and size
stayed within a twenty-fifth of its width all that time, is not a person. Nobody stands like that: people who
wait sway by a tenth of a face width and more within seconds, a poster wandered by less than a hundredth
on a clip. Passers-by who hide it do not matter: the times between them add up, because it comes back to where
it was.

Until it is learned, such a face is a person like others, with one violation. A place is forgotten when its
face was not found for a hundred times as long as it was found, at most ``FORGET_S``. What remains: a face
that moves, such as a phone held up or a film on a screen, is a person's.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edge.values import Face

LEARN_S = 30.0
FORGET_S = 3600.0
_FORGET_FIRST_S, _FORGET_FACTOR = 2.0, 100.0
"""A place is forgotten after the first, and this many times the time for which its face was found."""
_STILL = 0.04
"""How far the smoothed centre and size may be from those of the place, in face widths."""
_NEAR = 0.12
"""A single frame's face lies at most this far from its place, in face widths: the detector's own jitter."""
_SMOOTH_S = 1.0
"""Time constant of the smoothing."""
_STEP_S = 0.5
"""A longer time between two frames counts as this one: nobody knows what was seen in it."""
_PLACES = 64
"""Memory stays bounded; the place that would be forgotten next is dropped first."""


@dataclass(slots=True)
class _Place:
    x: float
    y: float
    width: float
    smooth: tuple[float, float, float]
    """Centre and width, smoothed."""
    last_s: float
    seen_s: float = 0.0

    @property
    def memory_s(self) -> float:
        return min(FORGET_S, _FORGET_FIRST_S + _FORGET_FACTOR * self.seen_s)

    def off(self, x: float, y: float, width: float) -> float:
        """The largest difference of centre and width, in widths."""
        return max(abs(x - self.x), abs(y - self.y), abs(width - self.width)) / self.width


class Scenery:
    """Learns which faces are part of the scene."""

    def __init__(self) -> None:
        self._places: list[_Place] = []

    def people(self, faces: Sequence[Face], now: float) -> list[Face]:
        """The faces that are not part of the scene; learns from all of them.

        Args:
            faces: of one frame, in the picture's pixels.
            now: the frame's ``captured_at``, never less than before.
        """
        self._places = [p for p in self._places if now - p.last_s <= p.memory_s]
        return [face for face in faces if not self._is_scenery(face, now)]

    def _is_scenery(self, face: Face, now: float) -> bool:
        (x, y), width = face.box.center, max(face.box.width, 1e-6)
        near = [p for p in self._places if abs(x - p.x) <= _NEAR * p.width and p.off(x, y, width) <= _NEAR]
        if not near:
            self._places.append(_Place(x, y, width, (x, y, width), now))
            self._places = sorted(self._places, key=lambda p: p.last_s + p.memory_s)[-_PLACES:]
            return False
        place = min(near, key=lambda p: p.off(x, y, width))
        step_s = min(max(now - place.last_s, 0.0), _STEP_S)
        keep = math.exp(-step_s / _SMOOTH_S)
        sx, sy, sw = (keep * a + (1 - keep) * b for a, b in zip(place.smooth, (x, y, width), strict=True))
        place.smooth, place.last_s = (sx, sy, sw), now
        if place.off(sx, sy, sw) > _STILL:  # alive: it starts again from where it is now
            place.seen_s = -step_s
        place.seen_s += step_s
        if place.seen_s < _SMOOTH_S:  # the first frames' jitter is not the place
            place.x, place.y, place.width = sx, sy, sw
        return place.seen_s >= LEARN_S
