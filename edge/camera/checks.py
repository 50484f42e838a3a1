"""Whether a live picture can be true. Pure: no I/O, no threads, no clock; the caller gives the time."""

import numpy as np

from edge.camera.state import Fault
from edge.values import Image

BLACK_AFTER_S = 2.0
"""Cameras start with a few black pictures while the exposure settles."""
EVEN_BELOW = 6.0
"""Standard deviation of luma (0 to 255): a covered lens shows no more than its sensor's noise."""
_STRIDE_PX = 8
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


class PictureCheck:
    """Notices a picture that no longer changes and one that shows nothing.

    A live sensor is never without noise. Pictures that stay equal in every pixel are one picture that is sent
    again and again.
    """

    def __init__(self, frozen_after_s: float, dark_below: float) -> None:
        self._frozen_after_s, self._dark_below = frozen_after_s, dark_below
        self._last: Image | None = None
        self._changed_s = 0.0
        self._black_since_s: float | None = None

    def look(self, image: Image, now_s: float) -> Fault | None:
        """Judge the next picture, (H, W, 3) uint8 RGB, which the caller must not change afterwards."""
        if self._last is None or not _equal(self._last, image):
            self._last, self._changed_s = image, now_s
        if not is_black(image, self._dark_below):
            self._black_since_s = None
        elif self._black_since_s is None:
            self._black_since_s = now_s
        if self._black_since_s is not None and now_s - self._black_since_s >= BLACK_AFTER_S:
            return Fault.BLACK
        return Fault.FROZEN if now_s - self._changed_s >= self._frozen_after_s else None


def is_black(image: Image, dark_below: float) -> bool:
    """Whether a picture (H, W, 3 uint8 RGB) is dark and almost even; every 8th pixel counts."""
    luma = image[::_STRIDE_PX, ::_STRIDE_PX] @ _LUMA
    return bool(luma.mean() < dark_below and luma.std() < EVEN_BELOW)


def _equal(a: Image, b: Image) -> bool:
    # most pictures differ in these few rows already, and then the rest is not compared
    return a.shape == b.shape and np.array_equal(a[::64], b[::64]) and np.array_equal(a, b)
