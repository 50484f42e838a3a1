"""From the bytes of a picture to its pixels: bounded, and only if the picture is whole."""

import cv2
import numpy as np

from edge.camera.opencv import to_rgb
from edge.camera.orientation import upright, webp_orientation
from edge.camera.picture_headers import (
    DamagedPictureError,
    JpegHeader,
    jpeg_header,
    picture_size,
    require_size,
)
from edge.values import Image

PHOTO_PIXELS = 100_000_000
"""The largest photo that is read; ``edge`` tells OpenCV the same number."""
_END = b"\xff\xd9"
_FILLED = 128
"""What libjpeg paints where a picture's data has ended too early."""
_MORE_DATA = bytes(range(1, 65)) + _END
_PATIENCE = 3
"""Pictures of a connection that may lack their end marker, and turn out to be cut off, until it is needed."""


def decode_file(data: bytes, max_pixels: int) -> Image:
    """Decode a picture of any kind that OpenCV knows.

    The size of a JPEG, PNG or WebP is read from its header before it takes memory. For the other kinds OpenCV
    is told ``PHOTO_PIXELS``.

    Returns:
        (H, W, 3) uint8 RGB, turned upright by its EXIF.

    Raises:
        DamagedPictureError: it is too large or can't be decoded.
    """
    size = picture_size(data)
    if size is not None:
        require_size(*size, max_pixels)
    if data[8:12] == b"WEBP":
        return upright(
            _decode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION), webp_orientation(data)
        )
    return _decode(data)


def _decode(data: bytes, how: int = cv2.IMREAD_COLOR) -> Image:
    try:
        bgr = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), how) if data else None
    except cv2.error as e:  # its text is an assertion in OpenCV's code, which helps nobody
        raise DamagedPictureError(
            "is refused by OpenCV, as damaged pictures and those of more than 100 megapixels are"
        ) from e
    if bgr is None or bgr.size == 0:
        raise DamagedPictureError("can't be decoded")
    return to_rgb(bgr)


class JpegDecoder:
    """Decodes the pictures of one connection to a camera.

    Some cameras leave out the end marker. Its absence means nothing in their pictures, and in all others that
    the picture was cut off.

    Args:
        max_pixels: larger pictures are not decoded.
    """

    def __init__(self, max_pixels: int) -> None:
        self._max_pixels = max_pixels
        self._patience = _PATIENCE

    def decode(self, data: bytes) -> Image:
        """One picture, (H, W, 3) uint8 RGB.

        Raises:
            DamagedPictureError: it is not a JPEG, is too large, or was damaged or cut off on its way.
        """
        if not data.startswith(b"\xff\xd8"):
            raise DamagedPictureError("is empty" if not data.strip(b"\0") else "is not a JPEG")
        header = jpeg_header(data)
        require_size(header.width, header.height, self._max_pixels)
        if header.end is not None:
            self._patience = 0
            return _whole(data[: header.end], header)
        if not self._patience:
            raise DamagedPictureError("is cut off")
        try:
            return _whole(data, header)
        except DamagedPictureError:
            self._patience -= 1
            raise


def _whole(data: bytes, header: JpegHeader) -> Image:
    """Decode JPEG data whose end marker was taken off; an error if the data ends before the picture does."""
    image = _decode(data + _END)
    if image.shape[0] * image.shape[1] != header.width * header.height:
        raise DamagedPictureError("has two sizes")
    # where data is missing the rest is grey, and then more data changes the picture; this costs a second look
    # at the few pictures whose last pixel has exactly that grey
    if (image[-1, -1] == _FILLED).all() and not np.array_equal(image, _decode(data + _MORE_DATA)):
        raise DamagedPictureError("is cut off")
    return image
