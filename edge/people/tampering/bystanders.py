"""The parts of a picture that people cover: nothing about the camera is learned or judged there. Pure."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.people.tampering.features import GRID, Marks
from edge.values import Box

_SHOULDERS, _HAIR = 1.5, 0.5
"""A body reaches this many face widths to each side of the face's centre, this many face heights above the
face, and down to the picture's edge: shoulders are three face widths apart."""
_STAYS_S = 3.0
"""Pictures are averaged over a second, so what people leave behind is smeared for about three."""


class Bystanders:
    """Remembers which cells people covered lately."""

    def __init__(self) -> None:
        self._until_s: NDArray[np.float64] = np.full(GRID, -np.inf)

    def update(self, people: Sequence[Box], size: tuple[int, int], now_s: float) -> Marks:
        """The cells (6, 8) that are free of people.

        Args:
            people: their faces in the picture's pixels.
            size: the picture's width and height in px.
            now_s: when it was taken.
        """
        for face in people:
            self._until_s[covered(face, size)] = now_s + _STAYS_S
        return np.asarray(self._until_s <= now_s)


def covered(face: Box, size: tuple[int, int]) -> Marks:
    """The cells (6, 8) that the person with this face covers, if only in part."""
    (rows, columns), (width, height) = GRID, size
    x, left = face.center[0], np.arange(columns) * width / columns
    right = left + width / columns
    reach = _SHOULDERS * face.width
    beside = (right > x - reach) & (left < x + reach)
    below = (np.arange(rows) + 1) * height / rows > face.y1 - _HAIR * face.height
    return np.asarray(below[:, None] & beside[None, :])
