"""Pictures of what OpenCV has opened, in our colours."""

from collections.abc import Callable
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.camera.picture_headers import DamagedPictureError, require_size
from edge.camera.shown import shown_source
from edge.camera.state import CameraSettings, DamagedPicture, Pictures
from edge.errors import CameraError
from edge.values import Image


class Capture(Protocol):
    """What is used of an open ``cv2.VideoCapture``."""

    def grab(self) -> bool:
        """Take the next picture; False if there is none."""
        ...

    def retrieve(self) -> tuple[bool, Any]:
        """Decode the picture that was taken."""
        ...

    def get(self, number: int, /) -> float:
        """A property's value."""
        ...

    def set(self, number: int, value: float, /) -> bool:
        """Set a property; False if that is refused."""
        ...

    def release(self) -> None:
        """Close it."""
        ...


def to_rgb(image: NDArray[Any]) -> Image:
    """OpenCV's BGR or grey uint8 as contiguous (H, W, 3) uint8 RGB."""
    how = cv2.COLOR_GRAY2RGB if image.ndim == 2 else cv2.COLOR_BGR2RGB
    return np.asarray(cv2.cvtColor(image, how), dtype=np.uint8)


def captured(
    capture: Capture,
    settings: CameraSettings,
    broke_off: str,
    decode: Callable[[NDArray[Any]], Image] = to_rgb,
) -> Pictures:
    """The pictures of an open live camera, until it gives no more; the capture is then released.

    OpenCV may answer that a picture is there and give none. Such a picture does not end the stream.

    Args:
        capture: the open camera.
        settings: its source and the largest picture that is allowed.
        broke_off: what a camera did that gives no more pictures, and what to do, after the source's name.
        decode: makes RGB of what OpenCV gives; raises ValueError for a damaged picture.

    Raises:
        CameraError: it gives no more pictures, or pictures that are too large.
    """
    shown = shown_source(settings.source)
    try:
        require_size(*_size(capture), settings.max_pixels)
        while capture.grab():
            yield _next(capture, decode), 0.0
    except DamagedPictureError as e:
        raise CameraError(f"{shown}: a picture {e}: set a smaller one in the camera.") from e
    except cv2.error as e:
        raise CameraError(f"{shown}: {broke_off} ({e}).") from e
    finally:
        capture.release()
    raise CameraError(f"{shown}: {broke_off}.")


def _size(capture: Capture) -> tuple[int, int]:
    return int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))


def _next(capture: Capture, decode: Callable[[NDArray[Any]], Image]) -> Image | DamagedPicture:
    try:
        ok, picture = capture.retrieve()
        if not ok or picture is None or picture.size == 0 or picture.dtype != np.uint8:
            return DamagedPicture("can't be decoded")
        return decode(picture)
    except cv2.error:
        return DamagedPicture("can't be decoded")
    except ValueError as e:
        return DamagedPicture(str(e))
