"""What a detector finds in a scripted scene: frames, misses, jitter and false faces. Pure and seeded.

The rates are those of the released detector, measured on annotated photos and on clips; see each constant.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from edge.bench.motion import HEIGHT_PX, WIDTH_PX, FacePose, Visitor, Wear, hidden_share
from edge.bench.scenes import ScriptedScene
from edge.values import Box, Face

_WIDTHS_PX, _RECALL = (12, 15, 20, 30, 60, 90), (0.0, 0.4, 0.8, 0.89, 0.93, 0.97)
"""The share of faces found at these widths: on photos 0.89 at 20 to 40 px, 0.93 at 40 to 80, 0.97 above."""
_MISS_TIME_S = 0.3
"""Misses come in runs: whether a face is found is correlated over this time."""
_PERSONAL = 0.5
"""Share of the variance of being found that belongs to the person, not to the moment."""
_JITTER, _DRIFT, _DRIFT_TIME_S = 0.03, 0.02, 0.5
"""Standard deviation of a box's centre and size, in face widths: frame by frame (on clips 0.013 to 0.033),
and slowly, over the time."""
_TURNED_RAD, _TURNED_RECALL = 1.05, 1 / 3
"""Beyond this the detector finds few faces."""
_HIDDEN = 0.4
"""A face of which more is hidden is not found."""
_FALSE_PER_S, _FALSE_S = 0.05, 0.4
"""A false face appears this often and stays this long on average; one in twelve stays for a second or more.
Measured: 0.14 a photo of crowds, most of them real faces that nobody annotated; none in 91 frames of two
corridors."""
SCRIPTED_LEAST_SCORE = 0.6
"""The least score of the detector whose scores these are, YuNet's."""
_LANDMARK_NOISE = 0.015
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class SimulatedDetection:
    """A face that the detector found."""

    face: Face
    visitor: Visitor | None
    """None: it is not a face."""


@dataclass(frozen=True, slots=True)
class Presence:
    """A visitor in view, found or not."""

    visitor: Visitor
    pose: FacePose
    wear: Wear
    speed_px_s: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Moment:
    """One frame's truth, and what the detector says of it."""

    at_s: float
    part: int
    """How many cuts there were before."""
    present: tuple[Presence, ...]
    """The farthest first."""
    sightings: tuple[SimulatedDetection, ...]


def watch(scene: ScriptedScene) -> Iterator[Moment]:
    """The frames of a scene, in order of time; the gaps between them differ by up to 15 %."""
    rng = np.random.default_rng((scene.seed, 1))
    finders = {v.id: _Finder(np.random.default_rng((scene.seed, 2, v.id))) for v in scene.visitors}
    false = _false_faces(scene.duration_s, np.random.default_rng((scene.seed, 3)))
    at_s = float(rng.uniform(0, 1 / scene.fps))
    while at_s < scene.duration_s:
        part = sum(cut <= at_s for cut in scene.cuts_s)
        present = _present([v for v in scene.visitors if v.part == part], at_s)
        found = list(_found(present, finders, at_s))
        found += [SimulatedDetection(face, None) for start, end, face in false if start <= at_s < end]
        yield Moment(at_s, part, present, tuple(found[i] for i in rng.permutation(len(found))))
        at_s += float(rng.uniform(0.85, 1.15)) / scene.fps


class _Drift:
    """Values that wander around 0 with standard deviation 1 and forget themselves over a time constant."""

    def __init__(self, rng: np.random.Generator, size: int, time_s: float) -> None:
        self._rng, self._time_s, self._at_s = rng, time_s, -math.inf
        self._values = rng.normal(size=size)

    def to(self, at_s: float) -> NDArray[np.float64]:
        keep = math.exp(-(at_s - self._at_s) / self._time_s)
        fresh = self._rng.normal(size=self._values.size)
        self._values = keep * self._values + math.sqrt(1 - keep * keep) * fresh
        self._at_s = at_s
        return self._values


class _Finder:
    """When and how exactly the detector finds one visitor."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng, self._person = rng, float(rng.normal())
        self._moment, self._drift = _Drift(rng, 1, _MISS_TIME_S), _Drift(rng, 3, _DRIFT_TIME_S)

    def find(self, pose: FacePose, at_s: float) -> Face | None:
        luck = math.sqrt(_PERSONAL) * self._person + math.sqrt(1 - _PERSONAL) * float(
            self._moment.to(at_s)[0]
        )
        dx, dy, size = _DRIFT * self._drift.to(at_s) + self._rng.normal(scale=_JITTER, size=3)
        noise = self._rng.normal(scale=_LANDMARK_NOISE, size=(5, 2))
        recall = float(np.interp(pose.box.width, _WIDTHS_PX, _RECALL))
        recall *= 1.0 if abs(pose.yaw_rad) < _TURNED_RAD else _TURNED_RECALL
        margin = recall - _NORMAL.cdf(luck)
        if margin <= 0:
            return None
        (x, y), w, h, scale = pose.box.center, pose.box.width, pose.box.height, math.exp(size)
        box = _box(x + dx * w, y + dy * w, scale * w, scale * h)
        points = _landmarks(box, pose.yaw_rad, noise)
        return Face(box.clipped(WIDTH_PX, HEIGHT_PX), 0.62 + 0.3 * min(1.0, margin), points)


def _present(here: list[Visitor], at_s: float) -> tuple[Presence, ...]:
    out = []
    for v in here:
        pose = v.pose(at_s)
        if pose is not None:
            (x, y), (x0, y0) = pose.box.center, (v.pose(at_s - 0.05) or pose).box.center
            out.append(Presence(v, pose, v.wears(at_s), ((x - x0) / 0.05, (y - y0) / 0.05)))
    return tuple(sorted(out, key=lambda p: -p.pose.z_m))


def _found(
    present: tuple[Presence, ...], finders: dict[int, _Finder], at_s: float
) -> Iterator[SimulatedDetection]:
    for p in present:
        face = finders[p.visitor.id].find(p.pose, at_s)
        hidden = p.visitor.is_covered(at_s) or any(hidden_share(p.pose, o.pose) > _HIDDEN for o in present)
        if face is not None and not hidden:
            yield SimulatedDetection(face, p.visitor)


def _false_faces(duration_s: float, rng: np.random.Generator) -> list[tuple[float, float, Face]]:
    """(start, end, face) of each false face, times in s."""
    out = []
    for _ in range(int(rng.poisson(_FALSE_PER_S * duration_s))):
        start, stay, w = rng.uniform(0, duration_s), rng.exponential(_FALSE_S), rng.uniform(15, 60)
        box = _box(rng.uniform(w, WIDTH_PX - w), rng.uniform(w, HEIGHT_PX - w), w, 1.2 * w)
        points = _landmarks(box, 0.0, rng.normal(scale=4 * _LANDMARK_NOISE, size=(5, 2)))
        out.append((float(start), float(start + stay), Face(box, float(rng.uniform(0.6, 0.72)), points)))
    return out


def _box(x: float, y: float, w: float, h: float) -> Box:
    return Box(float(x - w / 2), float(y - h / 2), float(x + w / 2), float(y + h / 2))


def _landmarks(box: Box, yaw_rad: float, noise: NDArray[np.float64]) -> tuple[tuple[float, float], ...]:
    """Right eye, left eye, nose tip, right and left corner of the mouth of a head turned by ``yaw_rad``."""
    (x, y), w, h, c, s = box.center, box.width, box.height, math.cos(yaw_rad), math.sin(yaw_rad)
    exact = ((-0.21 * c, -0.12), (0.21 * c, -0.12), (0.21 * s, 0.08), (-0.17 * c, 0.25), (0.17 * c, 0.25))
    return tuple(
        (x + (px + float(dx)) * w, y + py * h + float(dy) * w)
        for (px, py), (dx, dy) in zip(exact, noise, strict=True)
    )
