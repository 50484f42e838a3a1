"""People in front of a camera: where each one's face is at any moment, and what is worn. Pure.

The camera looks at a corridor: ``x_m`` to the right, ``z_m`` away from it. Faces grow as people come nearer,
and whoever stands nearer hides those behind.
"""

import math
from dataclasses import dataclass
from enum import Enum

from edge.values import Box

WIDTH_PX, HEIGHT_PX = 640, 480
FOCAL_PX = 550.0
"""60 degrees across 640 px."""
_FACE_M = 0.15
_ASPECT = 1.25
"""A face box's height over its width."""
_HORIZON_PX = 110.0
"""Where in the picture the camera's own height lies: it looks down a little."""
_SWAY_M, _SWAY_HZ = 0.02, 0.9
_BOB_M, _BOB_HZ = 0.015, 1.8
_HEAD_WIDE, _HEAD_HIGH = 1.4, 1.5
"""A head hides more than its face box."""


class Wear(str, Enum):
    """What a visitor has on."""

    MASKED = "masked"
    BARE = "bare"
    WRONG = "worn wrongly"

    @property
    def proper(self) -> bool:
        """Whether the mask is worn properly, so that there is no violation."""
        return self is Wear.MASKED


@dataclass(frozen=True, slots=True)
class Stop:
    """Where somebody is at a moment; between two stops people ease from one to the other."""

    at_s: float
    x_m: float
    z_m: float


@dataclass(frozen=True, slots=True)
class HeadTurn:
    """The head is turned for a while."""

    begin_s: float
    end_s: float
    yaw_rad: float


@dataclass(frozen=True, slots=True)
class FacePose:
    """Where a face is in the picture."""

    box: Box
    z_m: float
    yaw_rad: float


@dataclass(frozen=True, slots=True)
class Visitor:
    """One person's visit, from coming into view to leaving it.

    Attributes:
        id: unique in its scene.
        path: at least two stops, in order of time.
        wear: what is worn from which moment on; the first one from the start.
        below_camera_m: how far the face lies below the camera.
        turns: of the head.
        hidden_s: (start, end) of the times in which something that is not a visitor hides the face.
        phase: of swaying and bobbing, 0 to 1.
        part: of a scene with cuts, 0 before the first one; visitors are there in one part only.
    """

    id: int
    path: tuple[Stop, ...]
    wear: tuple[tuple[float, Wear], ...]
    below_camera_m: float = 0.5
    turns: tuple[HeadTurn, ...] = ()
    hidden_s: tuple[tuple[float, float], ...] = ()
    phase: float = 0.0
    part: int = 0

    def wears(self, at_s: float) -> Wear:
        """What is worn at a moment."""
        return next((wear for start, wear in reversed(self.wear) if start <= at_s), self.wear[0][1])

    def pose(self, at_s: float) -> FacePose | None:
        """Where the face is; None while it is not in the picture."""
        if not self.path[0].at_s <= at_s <= self.path[-1].at_s:
            return None
        x, z = self._place(at_s)
        x += _SWAY_M * math.sin(2 * math.pi * (_SWAY_HZ * at_s + self.phase))
        y = self.below_camera_m + _BOB_M * math.sin(2 * math.pi * (_BOB_HZ * at_s + self.phase))
        scale = FOCAL_PX / z
        u, v, half = WIDTH_PX / 2 + scale * x, _HORIZON_PX + scale * y, scale * _FACE_M / 2
        if not (0 <= u < WIDTH_PX and 0 <= v < HEIGHT_PX):
            return None
        box = Box(u - half, v - half * _ASPECT, u + half, v + half * _ASPECT)
        return FacePose(box, z, self._yaw(at_s))

    def is_covered(self, at_s: float) -> bool:
        """Whether something that is not a visitor hides the face."""
        return any(start <= at_s < end for start, end in self.hidden_s)

    def _place(self, at_s: float) -> tuple[float, float]:
        for a, b in zip(self.path, self.path[1:], strict=False):
            if at_s <= b.at_s:
                share = (at_s - a.at_s) / max(b.at_s - a.at_s, 1e-9)
                ease = share * share * (3 - 2 * share)
                return a.x_m + ease * (b.x_m - a.x_m), a.z_m + ease * (b.z_m - a.z_m)
        return self.path[-1].x_m, self.path[-1].z_m

    def _yaw(self, at_s: float) -> float:
        idle = 0.12 * math.sin(2 * math.pi * (0.3 * at_s + self.phase))
        for turn in self.turns:
            if turn.begin_s <= at_s < turn.end_s:
                share = (at_s - turn.begin_s) / (turn.end_s - turn.begin_s)
                return idle + turn.yaw_rad * math.sin(math.pi * share)
        return idle


def hidden_share(pose: FacePose, nearer: FacePose) -> float:
    """The share of a face that a nearer person's head hides."""
    (x, y), box = nearer.box.center, nearer.box
    half_w, half_h = box.width * _HEAD_WIDE / 2, box.height * _HEAD_HIGH / 2
    head = Box(x - half_w, y - half_h, x + half_w, y + half_h)
    return pose.box.intersection(head) / pose.box.area if nearer.z_m < pose.z_m else 0.0
