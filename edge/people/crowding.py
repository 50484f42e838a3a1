"""How many people are in view and how close they are, from the sizes of their faces. Pure: no I/O, no clock.

A pinhole camera sees a known length under an angle that gives its distance. Two lengths are used, because
each is better in some cases. One is the distance between the eyes (63 mm): a turned head shows them closer
together, and the nose tip shows how far it is turned. The other is the width of the detector's box: 2.2 times
the eyes' distance on 853 photos, and a turn hardly changes it. The estimate is the geometric mean of the two;
the eyes alone would make 1.4 to 4 times the error.

The table says what nine of ten errors stay below, in percent of the true distance, for two adults 1 m apart.
The picture is 640 px wide and covers 62.2 degrees, landmarks and boxes are good to 1 px, heads are turned by
up to 30 degrees, and interpupillary distances vary by 3.6 mm. Two columns are for one frame, two for the
median of 25 frames, by which a crowd that persists is judged and reported:

face, away      side by side       one behind the other
                1 frame   median   1 frame   median
60 px, 1.2 m      6 %       5 %     17 %      13 %
45 px, 1.6 m      7 %       5 %     25 %      17 %
30 px, 2.5 m     12 %       6 %     45 %      25 %
20 px, 3.7 m     33 %      12 %     77 %      38 %

``pytest -s tests/edge/test_crowding.py -k errors`` prints and checks it. Two more errors come on top. A field
of view that is wrong by a tenth makes distances along the line of sight wrong by an eighth, and hardly
changes those across it. Children, whose faces are smaller than an adult's, seem farther away than they are.
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

from edge import config
from edge.values import Face

EYES_M = 0.063
"""Mean interpupillary distance of adults (Dodgson: "Variation and extrema of human interpupillary distance",
2004)."""
FACE_M = 0.139
"""Width of the detector's box: 2.2 interpupillary distances, the median on 853 photos."""
NOSE = 0.72
"""How far the nose tip stands out before the eyes, in half interpupillary distances. Fitted on the same
photos to the eyes' distance divided by the distance from eyes to mouth, which a turn does not change."""
MAX_TURN = 1.0
"""Beyond this turn (``edge.values.Face.turn``; here 54 degrees) the eyes say less than the box alone."""
_MAX_STEP_S = 1.0
"""A longer gap between two frames counts as this one: nobody knows what happened in it."""
_KEPT = 256
"""This many distances are kept for the report of one event."""

Position = tuple[float, float, float]
"""(right, down, ahead) of the camera in m."""


@dataclass(frozen=True, slots=True)
class CrowdingChange:
    """It has become too crowded, or no longer is."""

    opened: bool
    people: int
    """People in view: now when it opens, the most there were when it closes."""
    nearest_m: float | None
    """Median over the crowded frames of the nearest pair's distance; None: no pair could be measured."""
    duration_s: float
    """Since it became crowded."""


class CrowdingMonitor:
    """Notices crowds.

    Time counts up while it is crowded and down while it is not: a brief interruption, either way, costs time
    but does not start it again, and the typical frame decides rather than a noisy one.

    Args:
        settings: the limits; 0 switches one off, and both are off by default.
    """

    def __init__(self, settings: config.CrowdingConfig) -> None:
        self._settings = settings
        self._open = self._over = False
        self._held_s, self._last_s = 0.0, float("inf")
        self._since_s: float | None = None
        self._most = 0
        self._distances: deque[float] = deque(maxlen=_KEPT)

    def update(self, faces: Sequence[Face], size: tuple[int, int], now_s: float) -> list[CrowdingChange]:
        """Take in the people of one frame.

        Args:
            faces: everybody in view, in any order.
            size: the picture's width and height in px.
            now_s: the frame's ``captured_at``, never less than before.

        Returns:
            At most one change.
        """
        limits = self._settings
        if not (limits.max_people or limits.min_distance_m):
            return []
        nearest = nearest_m(faces, size, limits.field_of_view_deg)
        crowded = 0 < limits.max_people < len(faces)
        close = nearest is not None and nearest < limits.min_distance_m
        self._count(now_s, over=crowded or close)
        if self._over:
            self._remember(len(faces), nearest, now_s)
        return self._change(len(faces), now_s)

    def _count(self, now_s: float, *, over: bool) -> None:
        """The time since the last frame belongs to what that one showed."""
        step_s = min(max(now_s - self._last_s, 0.0), _MAX_STEP_S)
        held_s = self._held_s + (step_s if self._over else -step_s)
        self._held_s = min(max(held_s, 0.0), self._settings.persist_s)
        self._over, self._last_s = over, now_s

    def _remember(self, people: int, nearest: float | None, now_s: float) -> None:
        if self._since_s is None:
            self._since_s = now_s
        self._most = max(self._most, people)
        if nearest is not None:
            self._distances.append(nearest)

    def _change(self, people: int, now_s: float) -> list[CrowdingChange]:
        since_s = self._since_s
        if since_s is None:
            return []
        nearest = median(self._distances) if self._distances else None
        if self._over and not self._open and self._held_s >= self._settings.persist_s:
            self._open = True
            return [CrowdingChange(opened=True, people=people, nearest_m=nearest, duration_s=now_s - since_s)]
        if self._over or self._held_s > 0:
            return []
        closed = CrowdingChange(
            opened=False, people=self._most, nearest_m=nearest, duration_s=now_s - since_s
        )
        was_open, self._open = self._open, False
        self._since_s, self._most = None, 0
        self._distances.clear()
        return [closed] if was_open else []


def nearest_m(faces: Sequence[Face], size: tuple[int, int], field_of_view_deg: float) -> float | None:
    """The distance in m between the two nearest heads; None if no pair can be measured."""
    found = [position(face, size, field_of_view_deg) for face in faces]
    known = [p for p in found if p is not None]
    return min((math.dist(a, b) for a, b in combinations(known, 2)), default=None)


def position(face: Face, size: tuple[int, int], field_of_view_deg: float) -> Position | None:
    """Where a head is; None if its size can't be measured.

    Args:
        face: in the picture's pixels.
        size: the picture's width and height in px.
        field_of_view_deg: the camera's, across the picture's width.
    """
    width, height = size
    focal_px = width / 2 / math.tan(math.radians(field_of_view_deg) / 2)

    def ray(x: float, y: float) -> Position:
        """Unit vector from the camera to a point of the picture."""
        x, y = x - width / 2, y - height / 2
        length = math.hypot(x, y, focal_px)
        return x / length, y / length, focal_px / length

    box = face.box
    middle_y = box.center[1]
    away = [FACE_M / chord] if (chord := math.dist(ray(box.x1, middle_y), ray(box.x2, middle_y))) > 0 else []
    if (turn := face.turn) is not None and turn <= MAX_TURN:
        right, left = face.landmarks[:2]
        away.append(EYES_M / math.hypot(1, turn / NOSE) / math.dist(ray(*right), ray(*left)))
    if not away:
        return None
    distance_m = math.prod(away) ** (1 / len(away))
    x, y, z = ray(*box.center)
    return x * distance_m, y * distance_m, z * distance_m
