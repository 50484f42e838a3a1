"""Which face is whose, over all people and faces of a frame at once, and how sure that is. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edge.people.assignment import assign
from edge.people.movement import Movement, mismatch
from edge.values import Face

_ALONE = 12.0
"""The mismatch (see ``movement.mismatch``) from which a face is more likely a newcomer's: minus twice the
logarithm of one place among the 400 face widths squared of an entrance's picture."""
_SURE = 6.0
"""A match is sure if any other explanation is this much less likely: odds of 20 to 1."""


@dataclass(frozen=True, slots=True)
class Match:
    """A person and the face that was found of it."""

    track: int
    face: int
    """Its place among the faces."""
    rivals: tuple[int, ...]
    """Ids of people whose face it may be as well; empty: it is sure."""


def match(expected: Mapping[int, Movement], faces: Sequence[Face], now: float) -> list[Match]:
    """Give the faces to the people, so that all of it together is as likely as can be.

    Args:
        expected: by the people's ids, predicted for ``now``.
        faces: of one frame.
        now: its ``captured_at``.
    """
    costs: dict[int, dict[int, float]] = {}
    for track_id, movement in expected.items():
        unseen_s = now - movement.track.last_seen
        found = {i: mismatch(movement, face, unseen_s) for i, face in enumerate(faces)}
        possible = {i: cost for i, cost in found.items() if cost is not None and cost < _ALONE}
        if possible:
            costs[track_id] = possible
    pairs: dict[int, int] = {}
    for group in _groups(costs):
        pairs |= _best(group, costs)
    return [Match(t, i, _rivals(t, i, pairs, costs)) for t, i in pairs.items()]


def _groups(costs: Mapping[int, Mapping[int, float]]) -> list[list[int]]:
    """People who have no possible face in common with those of other groups."""
    groups: list[tuple[list[int], set[int]]] = []
    for track_id, possible in costs.items():
        members, faces = [track_id], set(possible)
        apart = []
        for other in groups:
            if other[1] & faces:
                members, faces = other[0] + members, other[1] | faces
            else:
                apart.append(other)
        groups = [*apart, (members, faces)]
    return [members for members, _ in groups]


def _best(group: Sequence[int], costs: Mapping[int, Mapping[int, float]]) -> dict[int, int]:
    faces = sorted({i for track_id in group for i in costs[track_id]})
    never = _ALONE * (len(group) + 1)
    rows = [
        [costs[t].get(i, never) for i in faces] + [_ALONE if t == other else never for other in group]
        for t in group
    ]
    return {t: faces[column] for t, column in zip(group, assign(rows), strict=True) if column < len(faces)}


def _rivals(
    track_id: int, face: int, pairs: Mapping[int, int], costs: Mapping[int, Mapping[int, float]]
) -> tuple[int, ...]:
    """The people with whom an exchange of faces would be nearly as likely."""
    own = costs[track_id]
    out = []
    for other, possible in costs.items():
        if other == track_id or face not in possible:
            continue
        theirs = pairs.get(other)
        now = own[face] + (_ALONE if theirs is None else possible[theirs])
        exchanged = possible[face] + (_ALONE if theirs is None else own.get(theirs, _ALONE))
        if exchanged - now < _SURE:
            out.append(other)
    return tuple(out)
