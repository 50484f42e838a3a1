"""The way of each visitor through the entrance, and the picture at any moment."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.demo.clip import entrance, masks, visitors
from edge.demo.clip.drawing import Layer, Picture, blur, floats
from edge.demo.clip.entrance import DOOR_M, FOCAL_PX, project
from edge.demo.clip.portraits import CHIN, FEET_Y, PORTRAITS, PX_PER_M
from edge.demo.clip.script import HEIGHT_PX, LEAVE_S, OUTSIDE_S, VISITS, WALK_S, WIDTH_PX, ScriptedVisit

OUTSIDE_M, STOP_M = 6.7, 1.62
"""Distances from the camera: the pavement before the door, and the place where visitors stop."""
_STEPS_HZ = 1.1
_Matrix = NDArray[np.float64]
"""(3, 3), maps (x, y, 1) in px."""


@dataclass(frozen=True, slots=True)
class VisitorPose:
    """Where a visitor is: to the right of the camera's axis and away from it; how head and body sway."""

    x_m: float
    z_m: float
    up_m: float
    lean_deg: float
    head_deg: float
    head_px: float


def pose(visit: ScriptedVisit, t_s: float) -> VisitorPose | None:
    """Where the visitor is at a moment; None before and after the visit."""
    if not visit.enters_s - OUTSIDE_S <= t_s <= visit.leaves_s + LEAVE_S:
        return None
    own = sum(map(ord, visit.name))
    outside = max(0.0, (visit.enters_s - t_s) / OUTSIDE_S)
    arrived = _slowing((t_s - visit.enters_s) / WALK_S)
    away = max(0.0, (t_s - visit.leaves_s) / LEAVE_S)
    waited_s = min(max(t_s - visit.stops_s, 0.0), visit.leaves_s - visit.stops_s)
    x = visit.comes_from * (0.35 * (1 - arrived) + 1.9 * outside) + visit.stops_x_m * arrived
    x += visit.leaves_to * 1.05 * away**1.4 + 0.012 * math.sin(1.7 * t_s + own)
    z = OUTSIDE_M + (STOP_M - OUTSIDE_M) * arrived - 0.03 * waited_s + 0.05 * math.sin(0.9 * t_s + own)
    walks = arrived < 1 or away > 0
    stride = (0.022 if walks else 0.002) * math.sin(2 * math.pi * _STEPS_HZ * t_s + own)
    turn = 2.2 * math.sin(1.3 * t_s + own) + 1.2 * math.sin(2.9 * t_s) + 5 * visit.leaves_to * away
    return VisitorPose(x, z * (1 - 0.1 * away), abs(stride), 40 * stride, turn, 2 * math.sin(1.1 * t_s + own))


def _slowing(share: float) -> float:
    """0 to 1: starts at once and slows down at the end."""
    return float(1 - (1 - min(max(share, 0.0), 1.0)) ** 1.8)


class DrawnScene:
    """Draws the entrance at any moment. The same seed draws the same scene."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self._outside = entrance.outside(rng)
        self._inside, self._cover = entrance.inside(rng)
        self._bodies = {v.name: visitors.body_layer(v, rng) for v in VISITS}
        self._heads = {v.name: visitors.head_layer(v) for v in VISITS}
        self._masked: dict[tuple[str, float], Layer] = {}

    def at(self, t_s: float) -> Picture:
        """The scene at a moment, without the camera's own faults: (HEIGHT_PX, WIDTH_PX, 3)."""
        picture = self._outside.copy()
        people = [(visit, where) for visit in VISITS if (where := pose(visit, t_s)) is not None]
        people.sort(key=lambda p: -p[1].z_m)
        for visit, where in people:
            if where.z_m > DOOR_M:
                self._draw(picture, visit, where, t_s)
        picture += (self._inside - picture) * self._cover
        for visit, where in people:
            if where.z_m <= DOOR_M:
                _shadow(picture, where)
                self._draw(picture, visit, where, t_s)
        return picture

    def _draw(self, picture: Picture, visit: ScriptedVisit, where: VisitorPose, t_s: float) -> None:
        scale, (x, y) = FOCAL_PX / where.z_m / PX_PER_M, project(where.x_m, where.up_m, where.z_m)
        across = -scale if visit.mirrored else scale
        place = np.array([[across, 0, x - across * CHIN[0]], [0, scale, y - scale * FEET_Y], [0, 0, 1]])
        body = place @ _turn((CHIN[0], FEET_Y), where.lean_deg)
        head = body @ _turn((CHIN[0], CHIN[1] + 20), where.head_deg, where.head_px)
        # Whoever stands in the door has the daylight behind.
        light = 1 - 0.3 * min(max((where.z_m - 2) / 4, 0.0), 1.0)
        _put(picture, self._bodies[visit.name], body, light)
        _put(picture, self._head(visit, t_s), head, light)

    def _head(self, visit: ScriptedVisit, t_s: float) -> Layer:
        if visit.mask is None:
            return self._heads[visit.name]
        key = (visit.name, visit.worn_at(t_s))
        if key not in self._masked:
            self._masked[key] = masks.wear(
                self._heads[visit.name], PORTRAITS[visit.portrait], visit.mask, visit.worn_at(t_s)
            )
        return self._masked[key]


def _turn(center: tuple[float, float], degrees: float, right_px: float = 0.0) -> _Matrix:
    turn = np.vstack([cv2.getRotationMatrix2D(center, degrees, 1), [0, 0, 1]])
    turn[0, 2] += right_px
    return turn


def _put(picture: Picture, layer: Layer, place: _Matrix, light: float) -> None:
    """Put a layer into the picture, halved first until no detail aliases."""
    while abs(place[1, 1]) < 0.7:
        layer, place = floats(cv2.pyrDown(layer)), place @ np.diag([2.0, 2.0, 1.0])
    flat = floats(cv2.warpAffine(layer, place[:2], (WIDTH_PX, HEIGHT_PX), flags=cv2.INTER_LINEAR))
    picture *= 1 - flat[..., 3:]
    picture += flat[..., :3] * np.float32(light)


def _shadow(picture: Picture, where: VisitorPose) -> None:
    """A soft shadow under the feet, where they are in the picture."""
    (x, y), scale = project(where.x_m, 0.0, where.z_m), FOCAL_PX / where.z_m
    if y > HEIGHT_PX + 40:
        return
    shadow = np.zeros(picture.shape[:2], np.float32)
    cv2.ellipse(shadow, (int(x), int(y)), (int(0.31 * scale), int(0.08 * scale)), 0, 0, 360, (1.0,), -1)
    picture *= 1 - 0.5 * blur(shadow, 0.05 * scale)[..., None]
