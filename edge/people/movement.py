"""How a face moves: a Kalman filter of constant, slowly fading velocity, in face widths. Pure: no clock.

It knows how far from its prediction a face may be: little after a frame at 30 fps, much after a second behind
a pillar. Own code, because the kept libraries for it (norfair, supervision, trackers) bring SciPy or torch,
more than the rest of the device.
"""

import math
from dataclasses import dataclass, replace

from edge.values import Box, Face, Track

_DAMPING_S = 1.0
"""Predicted movement fades with this time constant: a person who is hidden does not fly away."""
_JITTER, _JITTER_PX = 0.05, 1.0
"""Standard deviation of a found face's centre: in face widths (on clips 0.013 to 0.033), and at least in px,
because the detector's cells are 8 px wide and faces of 15 px tremble more than their width says."""
_ACCELERATION, _SPEED = 4.0, 4.5
"""How people's movement changes (face widths a second, per root of a second), and how fast they are when
first seen (face widths a second); standard deviations. On clips people seen from the side walk at 8 to 9."""
_TAIL = 4.0
"""Degrees of freedom of the distance's distribution (Student's t). People stop and turn more suddenly than a
Gaussian expects, so a large distance must not be impossible, only unlikely."""
_MAX_REACH = 2.5
"""A face lies at most this many face widths from its prediction."""
_MAX_GROWTH = 2.5
"""A face that is more than this many times wider or narrower is somebody else's."""
_SIZE, _SIZE_PER_S = 0.25, 0.3
"""Standard deviation of the change of a width's logarithm: at once, more per unseen second."""


@dataclass(frozen=True, slots=True)
class Movement:
    """A person's movement in px and s; both directions share the variances."""

    track: Track
    x: float
    y: float
    vx: float
    vy: float
    var: float
    """Variance of the place."""
    cov: float
    """Covariance of place and speed."""
    var_v: float
    """Variance of the speed."""

    @property
    def box(self) -> Box:
        """Where the face is expected."""
        cx, cy = self.track.face.box.center
        return self.track.face.box.moved(self.x - cx, self.y - cy)


def first_movement(track: Track) -> Movement:
    """What is known of a person who was seen once."""
    (x, y), width = track.face.box.center, max(track.face.box.width, 1e-6)
    return Movement(track, x, y, 0.0, 0.0, _jitter(width), 0.0, (_SPEED * width) ** 2)


def predict(m: Movement, now: float) -> Movement:
    """The movement at a moment, if nobody has seen the person since ``track.last_seen``."""
    dt = now - m.track.last_seen
    keep = math.exp(-dt / _DAMPING_S)
    run = _DAMPING_S * (1 - keep)
    noise = (_ACCELERATION * m.track.face.box.width) ** 2
    return replace(
        m,
        x=m.x + run * m.vx,
        y=m.y + run * m.vy,
        vx=keep * m.vx,
        vy=keep * m.vy,
        var=m.var + 2 * run * m.cov + run**2 * m.var_v + noise * dt**3 / 3,
        cov=keep * (m.cov + run * m.var_v) + noise * dt**2 / 2,
        var_v=keep**2 * m.var_v + noise * dt,
    )


def correct(predicted: Movement, track: Track) -> Movement:
    """The movement after the face was found; ``track`` holds it."""
    m, (x, y) = predicted, track.face.box.center
    total = m.var + _jitter(max(track.face.box.width, 1e-6))
    gain, gain_v = m.var / total, m.cov / total
    return Movement(
        track,
        m.x + gain * (x - m.x),
        m.y + gain * (y - m.y),
        m.vx + gain_v * (x - m.x),
        m.vy + gain_v * (y - m.y),
        (1 - gain) * m.var,
        (1 - gain) * m.cov,
        m.var_v - gain_v * m.cov,
    )


def mismatch(predicted: Movement, face: Face, unseen_s: float) -> float | None:
    """Minus twice the logarithm of the likelihood that it is this person's face; None: it can't be.

    Args:
        predicted: for the moment in which the face was found.
        face: the found one.
        unseen_s: since the person was seen last.
    """
    before, box = predicted.track.face.box, face.box
    a, b = max(before.x2 - before.x1, 1e-6), max(box.x2 - box.x1, 1e-6)
    if abs((box.x1 + box.x2) / 2 - predicted.x) > _MAX_REACH * max(a, b):
        return None  # most pairs end here, cheaply
    growth = math.log(b / a)
    if abs(growth) > math.log(_MAX_GROWTH) or offset(predicted, face) > _MAX_REACH:
        return None
    variance = _variance(predicted, face)
    distance = (_TAIL + 2) * math.log(1 + surprise(predicted, face) ** 2 / _TAIL)
    size = _SIZE**2 + (_SIZE_PER_S * unseen_s) ** 2
    return distance + 2 * math.log(variance) + growth**2 / size + math.log(size)


def surprise(predicted: Movement, face: Face) -> float:
    """How far a face lies from where it is expected, in standard deviations."""
    return offset(predicted, face) / math.sqrt(_variance(predicted, face))


def offset(predicted: Movement, face: Face) -> float:
    """How far a face lies from where it is expected, in widths of the larger one."""
    x, y = face.box.center
    width = max(predicted.track.face.box.width, face.box.width, 1e-6)
    return math.hypot(x - predicted.x, y - predicted.y) / width


def growth(predicted: Movement, face: Face) -> float:
    """How many times wider the wider one of the last face and a found one is; at least 1."""
    a, b = max(predicted.track.face.box.width, 1e-6), max(face.box.width, 1e-6)
    return max(a, b) / min(a, b)


def _variance(predicted: Movement, face: Face) -> float:
    """Of a face's distance from its prediction, in squares of the larger width."""
    width = max(predicted.track.face.box.width, face.box.width, 1e-6)
    return (predicted.var + _jitter(width)) / width**2


def _jitter(width: float) -> float:
    """Variance of a found face's centre in square px."""
    return (_JITTER * width) ** 2 + _JITTER_PX**2
