"""One face a head: what is found in a better face's hair, ear, chin or collar is not another face. Pure."""

from collections.abc import Sequence

from edge.values import Box, Face

_SIDES, _HAIR, _CHIN = 0.25, 0.35, 0.35
"""How far a head reaches beyond the box of its face, in widths to each side and in heights up and down. A
chin under a lifted mask, a bow tie and hair were found up to there on clips. Another person's face has its
centre farther away, because a head is 1.4 times as wide and 1.5 times as high as its face."""


def one_a_head(faces: Sequence[Face]) -> list[Face]:
    """The faces whose centre does not lie in a better one's head, best first."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda f: (-f.score, f.box.corners)):
        if not any(_holds(head_of(better.box), face.box.center) for better in kept):
            kept.append(face)
    return kept


def head_of(face: Box) -> Box:
    """The head around a face, in the same pixels; may reach over the picture's edge."""
    return Box(
        face.x1 - _SIDES * face.width,
        face.y1 - _HAIR * face.height,
        face.x2 + _SIDES * face.width,
        face.y2 + _CHIN * face.height,
    )


def _holds(box: Box, point: tuple[float, float]) -> bool:
    return box.x1 <= point[0] < box.x2 and box.y1 <= point[1] < box.y2
