"""From faces in frames to people: a tracker in seconds rather than frames. Pure: no I/O, no clock.

Each person's box is predicted with a damped constant velocity; predictions and new faces are matched, best
pair first. Own code, because the kept libraries for it (norfair, supervision, trackers) bring SciPy or torch,
more than the rest of the device together.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from edge.values import Box, Face, Track

_DAMPING_S = 0.5
"""Predicted movement fades with this time constant: a person who is hidden does not fly away."""
_SMOOTHING = 0.5
"""Share of the newest measurement in the velocity."""
_REACH, _REACH_PER_S, _MAX_REACH = 1.0, 5.0, 2.5
"""How far (in face widths) a face may lie from its prediction: at once, more per unseen second, at most."""
_MAX_GROWTH = 2.0
"""A face that is more than so many times wider or narrower is somebody else's."""


@dataclass(frozen=True, slots=True)
class Update:
    """What one frame changed."""

    seen: tuple[Track, ...]
    """People whose face is in this frame, by id."""
    gone: tuple[Track, ...]
    """People who were followed until now and have left."""


@dataclass(frozen=True, slots=True)
class _State:
    track: Track
    vx: float
    vy: float

    def predicted(self, now: float) -> Box:
        dt = now - self.track.last_seen
        effective = _DAMPING_S * (1 - math.exp(-dt / _DAMPING_S))
        return self.track.face.box.moved(self.vx * effective, self.vy * effective)


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

    def update(self, faces: Sequence[Face], now: float) -> Update:
        """Take in the faces of one frame.

        Args:
            faces: in any order; the result does not depend on it.
            now: the frame's ``captured_at``, never less than before.
        """
        gone = self._drop([i for i, s in self._states.items() if now - s.track.last_seen > self._forget_s])
        ordered = sorted(faces, key=lambda f: (-f.score, f.box.corners))
        pairs = self._match(ordered, now)
        for track_id, index in pairs.items():
            self._states[track_id] = _advance(self._states[track_id], ordered[index], now)
        known = set(pairs.values())
        fresh = [i for i in range(len(ordered)) if i not in known]
        for index in fresh[: self._max_tracks - len(self._states)]:
            track = Track(self._next_id, ordered[index], now, now, 1)
            self._states[track.id] = _State(track, 0.0, 0.0)
            self._next_id += 1
        seen = tuple(s.track for s in self._states.values() if s.track.last_seen == now)
        return Update(seen, gone)

    def cut(self) -> tuple[Track, ...]:
        """The picture was cut: whoever is seen next is somebody else. Returns those who are gone by it."""
        return self._drop(list(self._states))

    def _drop(self, ids: Sequence[int]) -> tuple[Track, ...]:
        return tuple(self._states.pop(i).track for i in ids)

    def _match(self, faces: Sequence[Face], now: float) -> dict[int, int]:
        costs = []
        for track_id, state in self._states.items():
            expected, unseen_s = state.predicted(now), now - state.track.last_seen
            costs += [
                (cost, track_id, index)
                for index, face in enumerate(faces)
                if (cost := _cost(expected, face.box, unseen_s)) is not None
            ]
        pairs: dict[int, int] = {}
        taken: set[int] = set()
        for _, track_id, index in sorted(costs):
            if track_id not in pairs and index not in taken:
                pairs[track_id] = index
                taken.add(index)
        return pairs


def _cost(expected: Box, found: Box, unseen_s: float) -> float | None:
    """Distance in face widths plus the difference in size; None where it can't be the same face."""
    a, b = max(expected.width, 1e-6), max(found.width, 1e-6)
    if max(a, b) / min(a, b) > _MAX_GROWTH:
        return None
    (ax, ay), (bx, by) = expected.center, found.center
    distance = math.hypot(ax - bx, ay - by) / max(a, b)
    if distance > min(_REACH + _REACH_PER_S * unseen_s, _MAX_REACH):
        return None
    return distance + abs(math.log(a / b))


def _advance(state: _State, face: Face, now: float) -> _State:
    old = state.track
    dt = now - old.last_seen
    vx, vy = state.vx, state.vy
    if dt > 0:
        (x0, y0), (x1, y1) = old.face.box.center, face.box.center
        vx += _SMOOTHING * ((x1 - x0) / dt - vx)
        vy += _SMOOTHING * ((y1 - y0) / dt - vy)
    track = replace(old, face=face, last_seen=now, sightings=old.sightings + 1)
    return _State(track, vx, vy)
