"""Pictures of what OpenCV has opened, in our colours."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.camera.state import Pictures
from edge.errors import CameraError
from edge.values import Image


def to_rgb(image: NDArray[Any]) -> Image:
    """OpenCV's BGR or grey uint8 as contiguous (H, W, 3) uint8 RGB."""
    how = cv2.COLOR_GRAY2RGB if image.ndim == 2 else cv2.COLOR_BGR2RGB
    return np.asarray(cv2.cvtColor(image, how), dtype=np.uint8)


def captured(capture: cv2.VideoCapture, broke_off: str) -> Pictures:
    """The pictures of an open live camera, until it gives no more; the capture is then released.

    Args:
        capture: the open camera.
        broke_off: the message for a camera that gives no more pictures.

    Raises:
        CameraError: it gives no more pictures.
    """
    try:
        while capture.grab():
            ok, bgr = capture.retrieve()
            if ok:  # one damaged picture does not end the stream
                yield to_rgb(bgr), 0.0
    except cv2.error as e:
        raise CameraError(f"{broke_off} ({e}).") from e
    finally:
        capture.release()
    raise CameraError(f"{broke_off}.")
