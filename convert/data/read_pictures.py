"""Reading pictures from disk as the device sees them: (H, W, 3) uint8 RGB."""

from pathlib import Path

import cv2
import numpy as np

from edge.errors import UsageError
from edge.values import Image

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}


class BrokenPictureError(UsageError):
    """A file that no decoder understands."""


def list_pictures(folder: Path) -> list[Path]:
    """Picture files of a folder (not of its sub-folders), sorted by name.

    Raises:
        UsageError: there is no such folder.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder")
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES)


def read_rgb(path: Path) -> Image:
    """One picture, (H, W, 3) uint8 RGB; grey and transparent ones are brought to RGB.

    Raises:
        BrokenPictureError: it can't be read or decoded.
    """
    try:
        data = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    except OSError as e:
        raise BrokenPictureError(f"{path}: can't be read: {e.strerror}") from e
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if image is None:
        raise BrokenPictureError(f"{path}: not a picture that OpenCV can decode ({data.size} bytes)")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)
