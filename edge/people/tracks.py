"""From faces in frames to people: a tracker in seconds rather than frames. Pure: no I/O, no clock.

Each person's face is predicted (``movement``), and predictions and new faces are matched over all pairs at
once (``matching``). The tracker also says where it is not sure that the next face is still the same person's:
after a gap in which the face jumped, and where two people could have exchanged their faces.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from edge.people.matching import match
from edge.people.movement import Movement, correct, first_movement, growth, offset, predict, surprise
from edge.values import Face, Track

_RECENT_S = 1.0
"""Time constant of ``Track.steadiness``: what happened longer ago says little about the face found now."""
_GAP_S = 0.3
"""A person unseen for longer may have been exchanged for another; a frame or two of misses is no such gap."""
_SAME_OFFSET, _SAME_GROWTH = 0.6, 1.35
"""After a gap a face is surely the same person's up to this distance from the prediction (face widths) and up
to this change of size: then it covers most of the place where it is expected."""
_SURPRISE = 4.0
"""Farther from the prediction than this many standard deviations, a face has jumped, gap or not."""
_SAME_PLACE = 0.3
"""Intersection over union from which a face is where it is expected."""
_VISIT_S = 4.0
"""A face that appears where somebody was lost at most this long ago goes on with the visit: heads turned away
and passers-by hide faces for 1 to 3 s on clips, and the next visitor needs longer to take the same place."""
_RETURN_OFFSET, _RETURN_GROWTH = 1.0, 1.5
"""How near (face widths) and how alike in size a face must be to go on with a visit."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """From this frame on a track may be somebody else's."""

    track: int
    rivals: tuple[int, ...]
    """The tracks whose person it may be; empty: anybody's, because the face jumped after a gap."""


@dataclass(frozen=True, slots=True)
class TrackUpdate:
    """What one frame changed."""

    seen: tuple[Track, ...]
    """People whose face is in this frame, by id."""
    gone: tuple[Track, ...]
    """People who were followed until now and have left."""
    doubts: tuple[Doubt, ...] = ()


class Tracker:
    """Follows people.

    Args:
        forget_s: a person unseen for this time has left.
        max_tracks: memory stays bounded whatever the detector finds; the weakest faces are left out.
    """

    def __init__(self, forget_s: float, *, max_tracks: int = 64) -> None:
        self._forget_s, self._max_tracks = forget_s, max_tracks
        self._people: dict[int, Movement] = {}
        self._lost: dict[int, Movement] = {}
        """Those who left lately, in case they have not."""
        self._next_id = 1
        self._last_s: float | None = None

    def update(self, faces: Sequence[Face], now: float) -> TrackUpdate:
        """Take in the faces of one frame.

        Args:
            faces: in any order; the result does not depend on it.
            now: the frame's ``captured_at``, never less than before.
        """
        gone = self._leave(now)
        keep = 1.0 if self._last_s is None else math.exp(-(now - self._last_s) / _RECENT_S)
        self._last_s = now
        ordered = sorted(faces, key=lambda f: (-f.score, f.box.corners))
        expected = {i: predict(m, now) for i, m in self._people.items()}
        matches = match(expected, ordered, now)
        doubts = []
        for m in matches:
            before, face = expected[m.track], ordered[m.face]
            track = _seen(self._people[m.track].track, face, now, keep)
            jumped = _jumped(before, face, now)
            if m.rivals or jumped:
                doubts.append(Doubt(m.track, m.rivals))
            self._people[m.track] = first_movement(track) if jumped else correct(before, track)
        matched, known = {m.track for m in matches}, {m.face for m in matches}
        for track_id in expected.keys() - matched:
            unseen = self._people[track_id]
            self._people[track_id] = replace(unseen, track=_missed(unseen.track, keep))
        fresh = [i for i in range(len(ordered)) if i not in known]
        for index in fresh[: self._max_tracks - len(self._people)]:
            self._welcome(ordered[index], now)
        seen = tuple(m.track for m in self._people.values() if m.track.last_seen == now)
        return TrackUpdate(seen, gone, tuple(doubts))

    def finds(self, faces: Sequence[Face], now: float) -> bool:
        """Whether at least half of those seen lately have a face where it is expected; changes nothing."""
        lately = [predict(m, now) for m in self._people.values() if now - m.track.last_seen <= _GAP_S]
        there = [m for m in lately if any(m.box.iou(face.box) >= _SAME_PLACE for face in faces)]
        return bool(lately) and 2 * len(there) >= len(lately)

    def cut(self) -> tuple[Track, ...]:
        """The picture was cut: whoever is seen next is somebody else. Returns those who are gone by it."""
        self._lost.clear()
        gone = tuple(m.track for m in self._people.values())
        self._people.clear()
        return gone

    def split(self, track_id: int) -> Track:
        """Somebody else is followed under this id now: give that person a track of its own, returned here."""
        movement = self._people.pop(track_id)
        track = replace(movement.track, id=self._next_id, resumes=None)
        self._people[track.id] = replace(movement, track=track)
        self._next_id += 1
        return track

    def _leave(self, now: float) -> tuple[Track, ...]:
        left = [i for i, m in self._people.items() if now - m.track.last_seen > self._forget_s]
        gone = {i: self._people.pop(i) for i in left}
        lost = (self._lost | gone).items()
        recent = [(i, m) for i, m in lost if now - m.track.last_seen <= _VISIT_S]
        self._lost = dict(recent[-self._max_tracks :])
        return tuple(m.track for m in gone.values())

    def _welcome(self, face: Face, now: float) -> None:
        """A newcomer, or somebody who was lost and goes on with the visit."""
        near = []
        for track_id, movement in self._lost.items():
            place = predict(movement, now)
            if offset(place, face) <= _RETURN_OFFSET and growth(place, face) <= _RETURN_GROWTH:
                near.append((offset(place, face), track_id))
        resumes = min(near)[1] if near else None
        if resumes is not None:
            del self._lost[resumes]
        track = Track(self._next_id, face, now, now, 1, resumes=resumes)
        self._people[track.id] = first_movement(track)
        self._next_id += 1


def _seen(track: Track, face: Face, now: float, keep: float) -> Track:
    frames = keep * track.recent_frames + 1
    share = (keep * track.recent_frames * track.steadiness + 1) / frames
    return replace(
        track, face=face, last_seen=now, sightings=track.sightings + 1, steadiness=share, recent_frames=frames
    )


def _missed(track: Track, keep: float) -> Track:
    frames = keep * track.recent_frames + 1
    return replace(
        track, steadiness=keep * track.recent_frames * track.steadiness / frames, recent_frames=frames
    )


def _jumped(expected: Movement, face: Face, now: float) -> bool:
    """Whether a face lies elsewhere than it should, or after a gap has another size."""
    gap = now - expected.track.last_seen > _GAP_S
    if offset(expected, face) > _SAME_OFFSET:
        return gap or surprise(expected, face) > _SURPRISE
    return gap and growth(expected, face) > _SAME_GROWTH
