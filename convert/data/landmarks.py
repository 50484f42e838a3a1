"""Eyes, nose and mouth of the stored faces, as the device's own detector places them."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from convert.progress_log import Tell, with_time_left
from edge.model.detector import FaceDetector
from edge.values import Box, Face, Image

UNKNOWN: NDArray[np.float32] = np.full((5, 2), np.nan, dtype=np.float32)
MIN_SCORE = 0.5
_BORDER = 0.5
"""Added around a picture on each side, as a share of it: a face that fills its picture is not found."""


def find_all_points(
    detector: Path | None,
    pictures: Sequence[Image],
    boxes: Sequence[tuple[float, ...]],
    progress: Tell,
) -> NDArray[np.float32]:
    """(N, 5, 2) landmarks of all faces; see ``find_points``. All unknown without a detector."""
    if detector is None:
        return np.stack([UNKNOWN] * len(pictures))
    finder, faces = FaceDetector(detector, score_threshold=MIN_SCORE), list(zip(pictures, boxes, strict=True))
    what = "faces searched for eyes, nose and mouth"
    return np.stack([find_points(finder, *face) for face in with_time_left(faces, what, progress)])


def find_points(detector: FaceDetector, picture: Image, box: tuple[float, ...]) -> NDArray[np.float32]:
    """Landmarks of the face that the box holds.

    Args:
        detector: any threshold.
        picture: (N, N, 3) uint8 RGB, as a dataset stores it.
        box: x1, y1, x2, y2 of the face in it, 0 to 1.

    Returns:
        (5, 2) float32, 0 to 1 of the picture's size: right eye, left eye, nose tip, right and left
        corner of the mouth; NaN where no face was found there.
    """
    px, border = picture.shape[0], int(picture.shape[0] * _BORDER)
    framed = cv2.copyMakeBorder(picture, border, border, border, border, cv2.BORDER_REPLICATE)
    wanted = Box(*(v * px + border for v in box))
    found = [f for f in detector.find(np.asarray(framed, dtype=np.uint8)) if _holds_middle(wanted, f)]
    best = max(found, key=lambda f: f.score, default=None)
    if best is None or best.score < MIN_SCORE:
        return UNKNOWN
    return ((np.array(best.landmarks) - border) / px).astype(np.float32)


def _holds_middle(box: Box, face: Face) -> bool:
    x, y = (face.box.x1 + face.box.x2) / 2, (face.box.y1 + face.box.y2) / 2
    return box.x1 < x < box.x2 and box.y1 < y < box.y2
