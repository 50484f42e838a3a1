"""Which way up a WebP photo was taken. Pure.

OpenCV turns JPEG and PNG by their EXIF, but WebP not in every version. The layout is that of EXIF 2.3 (4.5)
and of Google's WebP container specification.
"""

import numpy as np

from edge.values import Image

_TAG = 0x0112
"""EXIF's orientation."""


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
    turned = image.transpose(1, 0, 2) if orientation >= 5 else image
    if orientation in {3, 4, 7, 8}:
        turned = turned[::-1]
    if orientation in {2, 3, 6, 7}:
        turned = turned[:, ::-1]
    return np.ascontiguousarray(turned)
