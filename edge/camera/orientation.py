"""Which way up pictures are: as a camera was mounted, and as a phone was held. Pure.

OpenCV turns JPEG and PNG by their EXIF, but WebP not in every version. The layout is that of EXIF 2.3 (4.5)
and of Google's WebP container specification.
"""

from typing import NamedTuple

import numpy as np

from edge.values import Image

_TAG = 0x0112
"""EXIF's orientation."""


_OF_ANGLE = {0: 1, 90: 6, 180: 3, 270: 8}
"""What EXIF calls a picture that has to be turned clockwise by this many degrees."""
_MIRRORED = {1: 2, 6: 5, 3: 4, 8: 7}
"""The same for one that has to be mirrored left to right after that."""


class Turn(NamedTuple):
    """How the pictures of a source have to be turned."""

    rotate: int = 0
    """Degrees clockwise: 0, 90, 180 or 270."""
    flip: bool = False
    """Then mirror left to right."""

    def upright(self, image: Image) -> Image:
        """A picture, (H, W, 3) uint8 RGB, turned; the same array where there is nothing to do."""
        orientation = _OF_ANGLE[self.rotate]
        return upright(image, _MIRRORED[orientation] if self.flip else orientation)


def webp_orientation(data: bytes) -> int:
    """1 to 8 as EXIF counts; 1 (upright) where a WebP does not say."""
    at = 12
    while at + 8 <= len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] == b"EXIF":
            return _orientation(data[at + 8 : at + 8 + length].removeprefix(b"Exif\0\0"))
        at += 8 + length + length % 2
    return 1


def _orientation(tiff: bytes) -> int:
    if tiff[:4] not in {b"II*\0", b"MM\0*"}:
        return 1
    little = tiff.startswith(b"II")

    def number(at: int, size: int) -> int:
        return int.from_bytes(tiff[at : at + size], "little" if little else "big")

    first = number(4, 4)
    for entry in range(first + 2, first + 2 + 12 * number(first, 2), 12):
        if entry + 12 > len(tiff):
            return 1
        if number(entry, 2) == _TAG:
            value = number(entry + 8, 2)
            return value if 1 <= value <= 8 else 1
    return 1


def upright(image: Image, orientation: int) -> Image:
    """A picture, (H, W, 3) uint8 RGB, turned and mirrored from an orientation of EXIF (1 to 8)."""
    if orientation == 1:
        return image
    turned = image.transpose(1, 0, 2) if orientation >= 5 else image
    if orientation in {3, 4, 7, 8}:
        turned = turned[::-1]
    if orientation in {2, 3, 6, 7}:
        turned = turned[:, ::-1]
    return np.ascontiguousarray(turned)
