"""OpenCV's ``VideoCapture`` on a script: a driver that gives good and damaged pictures, and breaks off."""

from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Retrieved = NDArray[Any] | None | cv2.error
"""A picture, what OpenCV 4.11 gives in place of a damaged one, or the error that it raises."""


class ScriptedCapture:
    """Behaves like an open capture: ``grab`` takes the next picture, ``retrieve`` gives it.

    Args:
        pictures: what is retrieved, one after the other; then nothing can be grabbed any more.
        properties: what ``get`` answers, by OpenCV's numbers.
    """

    def __init__(self, pictures: Iterable[Retrieved], properties: dict[int, float] | None = None) -> None:
        self._pictures = iter(pictures)
        self._now: Retrieved = None
        self.properties = properties or {}
        self.released = False

    def grab(self) -> bool:
        """Take the next picture; False at the end of the script."""
        try:
            self._now = next(self._pictures)
        except StopIteration:
            return False
        return True

    def retrieve(self) -> tuple[bool, Any]:
        """Give the picture that was taken; a damaged one as OpenCV does: True and nothing."""
        if isinstance(self._now, cv2.error):
            raise self._now
        return True, self._now

    def get(self, number: int, /) -> float:
        """A property's value, or 0."""
        return self.properties.get(number, 0.0)

    def set(self, number: int, value: float, /) -> bool:
        """Set a property."""
        self.properties[number] = value
        return True

    def release(self) -> None:
        """Close it."""
        self.released = True


def jpeg_bytes(image: NDArray[np.uint8], quality: int = 90) -> bytes:
    """A picture, (H, W, 3) uint8 RGB, as a JPEG."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
