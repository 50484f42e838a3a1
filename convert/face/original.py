"""What the published YuNet finds in a photo: teacher of boxes and landmarks."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from convert.face.boxes import Rows
from edge.errors import UsageError
from edge.model.detector import DetectorRow
from edge.values import Image

LONG_SIDES_PX = (640, 1000)
"""The photo is searched at these sizes: small faces are found in the larger one."""
MIN_SCORE = 0.3
_OVERLAP = 0.4


class Original:
    """YuNet in float, by OpenCV. Not thread-safe.

    Args:
        onnx: face_detection_yunet_2023mar.onnx.

    Raises:
        UsageError: there is no such file.
    """

    def __init__(self, onnx: Path) -> None:
        if not onnx.is_file():
            raise UsageError(f"{onnx}: no such file; give face_detection_yunet_2023mar.onnx of opencv_zoo")
        self._net = cv2.FaceDetectorYN.create(str(onnx), "", (640, 640), MIN_SCORE, 0.3, 5000)

    def find(self, image: Image, long_sides_px: Sequence[int] = LONG_SIDES_PX) -> Rows:
        """All faces, best first.

        Args:
            image: (H, W, 3) uint8 RGB.
            long_sides_px: sizes at which to look.

        Returns:
            (N, 15) px of the picture; scores from ``MIN_SCORE``.
        """
        found = [self._find_at(image, side) for side in long_sides_px]
        rows = np.concatenate(found)
        boxes = np.concatenate([rows[:, :2], rows[:, 2:4] - rows[:, :2]], axis=1)
        scores = rows[:, DetectorRow.score].tolist()
        kept = cv2.dnn.NMSBoxes(boxes.tolist(), scores, 0.0, _OVERLAP) if len(rows) else []
        return np.asarray(rows[np.asarray(kept, dtype=np.intp).reshape(-1)], dtype=np.float64)

    def _find_at(self, image: Image, long_side_px: int) -> Rows:
        scale = long_side_px / max(image.shape[:2])
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        sized = cv2.resize(image[..., ::-1], None, fx=scale, fy=scale, interpolation=how)
        self._net.setInputSize((sized.shape[1], sized.shape[0]))
        _, rows = self._net.detect(sized)
        if rows is None:
            return np.zeros((0, 15))
        found = np.asarray(rows, dtype=np.float64)
        found[:, 2:4] += found[:, :2]
        found[:, : DetectorRow.score] /= scale
        return found
