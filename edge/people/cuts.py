"""Has the picture been cut, so that nobody in it is who stood there before?

A cut changes everything that the picture shows at once, and the frames before it were alike. A light that is
switched on changes the brightness, not the structure. People who pass close by change both, over many frames.

Measured on 31 clips with 11 cuts: in a cut the structure's correlation falls from 0.75 and more to 0.34 and
less. It stays above 0.8 when the light or the exposure changes. People who pass close by bring it as low, but
from 0.6 or less in the frames before.
"""

from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.people.protocols import Cut
from edge.values import Image

_SIZE = (64, 48)
_AROUND = 9
"""Cells of the thumbnail over which light and contrast are evened out."""
_QUIET = 4.0
"""Levels below which contrast is noise."""
_STRUCTURE = 0.4
"""Correlation of the structure with the last picture's, below which the picture shows something else."""
_STEADY = 0.7
"""Correlation in each of the frames before, above which nothing large moved."""
_BEFORE = 3
"""This many frames before."""
_CELL = 24.0
"""Levels by which a cell must change in red, green or blue, after the mean change of all cells."""
_CHANGE, _SURE_CHANGE = 0.3, 0.6
"""Share of the cells that change in a cut; from the second on nothing but a cut changes so much at once."""

_Plane = NDArray[np.float32]


class CutDetector:
    """Compares each picture's thumbnail with the one before."""

    def __init__(self) -> None:
        self._last: tuple[_Plane, _Plane] | None = None
        self._before: deque[float] = deque(maxlen=_BEFORE)

    def update(self, image: Image) -> Cut:
        """Whether this (H, W, 3) uint8 RGB picture shows another scene than the last one."""
        thumbnail = cv2.resize(image, _SIZE, interpolation=cv2.INTER_AREA).astype(np.float32)
        structure = _structure(thumbnail)
        last, self._last = self._last, (thumbnail, structure)
        if last is None:
            return Cut.NONE
        alike, steady = _correlation(structure, last[1]), all(c > _STEADY for c in self._before)
        self._before.append(alike)
        if alike >= _STRUCTURE or not steady:
            return Cut.NONE
        change = thumbnail - last[0]
        cells = np.abs(change - change.mean(axis=(0, 1))) > _CELL
        changed = float(cells.any(axis=2).mean())
        if changed <= _CHANGE:
            return Cut.NONE
        return Cut.SURE if changed > _SURE_CHANGE else Cut.LIKELY


def _structure(thumbnail: _Plane) -> _Plane:
    """Contrast to the surroundings, in units of the contrast there: the same in any light."""
    size = (_AROUND, _AROUND)
    contrast = thumbnail - cv2.blur(thumbnail, size)
    strength = np.maximum(cv2.blur(contrast * contrast, size), 0)  # a running sum may round to below 0
    return np.asarray(contrast / (np.sqrt(strength) + _QUIET), np.float32)


def _correlation(a: _Plane, b: _Plane) -> float:
    return float((a * b).mean() / np.sqrt((a * a).mean() * (b * b).mean() + 1e-6))
