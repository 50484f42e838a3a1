"""From faces in frames to people: a tracker in seconds rather than frames. Pure: no I/O, no clock.

Each person's face is predicted with a Kalman filter of constant, slowly fading velocity, in face widths, so
that it knows how far from its prediction a face may be: little after a frame at 30 fps, much after a second
behind a pillar. Predictions and new faces are matched, likeliest pair first. Own code, because the kept
libraries for it (norfair, supervision, trackers) bring SciPy or torch, more than the rest of the device.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from edge.values import Box, Face, Track

_DAMPING_S = 1.0
"""Predicted movement fades with this time constant: a person who is hidden does not fly away."""
_JITTER = 0.05
"""Standard deviation of a found face's centre, in face widths."""
_ACCELERATION, _SPEED = 4.0, 3.0
"""How people's movement changes (face widths a second, per root of a second), and how fast they are when
first seen (face widths a second); standard deviations."""
_GATE = 4.0
"""A face lies at most so many standard deviations from its prediction,"""
_MAX_REACH = 2.5
"""and at most so many face widths."""
_MAX_GROWTH = 2.5
"""A face that is more than so many times wider or narrower is somebody else's."""
_SIZE, _SIZE_PER_S = 0.25, 0.3
"""Standard deviation of the change of a width's logarithm: at once, more per unseen second."""


@dataclass(frozen=True, slots=True)
class TrackUpdate:
    """What one frame changed."""

    seen: tuple[Track, ...]
    """People whose face is in this frame, by id."""
    gone: tuple[Track, ...]
    """People who were followed until now and have left."""


@dataclass(frozen=True, slots=True)
class _State:
    """A person's movement in px and s; both directions share the variances."""

    track: Track
    x: float
    y: float
    vx: float
    vy: float
    var: float
    """Variance of the place; ``cov`` and ``var_v``: covariance with the speed, variance of the speed."""
    cov: float
    var_v: float


class Tracker:
    """Follows people.

    Args:
        forget_s: unseen for so long, a person has left.
        max_tracks: memory stays bounded whatever the detector says; the weakest are left out.
    """

    def __init__(self, forget_s: float, *, max_tracks: int = 64) -> None:
        self._forget_s, self._max_tracks = forget_s, max_tracks
        self._states: dict[int, _State] = {}
        self._next_id = 1

    def update(self, faces: Sequence[Face], now: float) -> TrackUpdate:
        """Take in the faces of one frame.

        Args:
            faces: in any order; the result does not depend on it.
            now: the frame's ``captured_at``, never less than before.
        """
        gone = self._drop([i for i, s in self._states.items() if now - s.track.last_seen > self._forget_s])
        ordered = sorted(faces, key=lambda f: (-f.score, f.box.corners))
        expected = {i: _predict(s, now) for i, s in self._states.items()}
        pairs = _match(expected, ordered, now)
        for track_id, index in pairs.items():
            self._states[track_id] = _correct(expected[track_id], ordered[index], now)
        known = set(pairs.values())
        fresh = [i for i in range(len(ordered)) if i not in known]
        for index in fresh[: self._max_tracks - len(self._states)]:
            self._states[self._next_id] = _begin(Track(self._next_id, ordered[index], now, now, 1))
            self._next_id += 1
        seen = tuple(s.track for s in self._states.values() if s.track.last_seen == now)
        return TrackUpdate(seen, gone)

    def cut(self) -> tuple[Track, ...]:
        """The picture was cut: whoever is seen next is somebody else. Returns those who are gone by it."""
        return self._drop(list(self._states))

    def _drop(self, ids: Sequence[int]) -> tuple[Track, ...]:
        return tuple(self._states.pop(i).track for i in ids)


def _match(expected: dict[int, _State], faces: Sequence[Face], now: float) -> dict[int, int]:
    costs = sorted(
        (cost, track_id, index)
        for track_id, state in expected.items()
        for index, face in enumerate(faces)
        if (cost := _cost(state, face.box, now - state.track.last_seen)) is not None
    )
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for _, track_id, index in costs:
        if track_id not in pairs and index not in taken:
            pairs[track_id] = index
            taken.add(index)
    return pairs


def _cost(expected: _State, found: Box, unseen_s: float) -> float | None:
    """Minus twice the logarithm of the likelihood, in face widths; None where it can't be the same face."""
    a, b = max(expected.track.face.box.width, 1e-6), max(found.width, 1e-6)
    growth = math.log(b / a)
    if abs(growth) > math.log(_MAX_GROWTH):
        return None
    width, (x, y) = max(a, b), found.center
    distance = math.hypot(x - expected.x, y - expected.y) / width
    variance = expected.var / width**2 + _JITTER**2
    if distance > min(_GATE * math.sqrt(variance), _MAX_REACH):
        return None
    size = _SIZE**2 + (_SIZE_PER_S * unseen_s) ** 2
    return distance**2 / variance + 2 * math.log(variance) + growth**2 / size + math.log(size)


def _begin(track: Track) -> _State:
    (x, y), width = track.face.box.center, max(track.face.box.width, 1e-6)
    return _State(track, x, y, 0.0, 0.0, (_JITTER * width) ** 2, 0.0, (_SPEED * width) ** 2)


def _predict(s: _State, now: float) -> _State:
    dt = now - s.track.last_seen
    keep = math.exp(-dt / _DAMPING_S)
    run = _DAMPING_S * (1 - keep)
    noise = (_ACCELERATION * s.track.face.box.width) ** 2
    return replace(
        s,
        x=s.x + run * s.vx,
        y=s.y + run * s.vy,
        vx=keep * s.vx,
        vy=keep * s.vy,
        var=s.var + 2 * run * s.cov + run**2 * s.var_v + noise * dt**3 / 3,
        cov=keep * (s.cov + run * s.var_v) + noise * dt**2 / 2,
        var_v=keep**2 * s.var_v + noise * dt,
    )


def _correct(s: _State, face: Face, now: float) -> _State:
    x, y = face.box.center
    total = s.var + (_JITTER * max(face.box.width, 1e-6)) ** 2
    gain, gain_v = s.var / total, s.cov / total
    return _State(
        replace(s.track, face=face, last_seen=now, sightings=s.track.sightings + 1),
        s.x + gain * (x - s.x),
        s.y + gain * (y - s.y),
        s.vx + gain_v * (x - s.x),
        s.vy + gain_v * (y - s.y),
        (1 - gain) * s.var,
        (1 - gain) * s.cov,
        s.var_v - gain_v * s.cov,
    )
