"""Has the picture been cut, so that nobody in it is who stood there before?"""

import cv2
import numpy as np

from edge.values import Image

_SIZE = (32, 24)
_CHANGE = 0.5
"""Share of the thumbnail's cells that must change for a cut; a person walking close by changes fewer."""
_CELL = 24.0
"""Luma levels by which a cell must change."""


class CutDetector:
    """Compares each picture's thumbnail with the one before."""

    def __init__(self) -> None:
        self._last: np.ndarray[tuple[int, ...], np.dtype[np.float32]] | None = None

    def update(self, image: Image) -> bool:
        """Whether this (H, W, 3) uint8 RGB picture shows another scene than the last one."""
        small = cv2.cvtColor(cv2.resize(image, _SIZE, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
        thumbnail = small.astype(np.float32)
        last, self._last = self._last, thumbnail
        if last is None:
            return False
        # the exposure's own drift is no cut: compare after taking the mean change away
        change = thumbnail - last
        return float((np.abs(change - change.mean()) > _CELL).mean()) > _CHANGE
