"""The face detector: YuNet on the same TFLite runtime as the classifier.

Decoding follows YuNet's published heads (Wu, Peng, Yu: "YuNet: A Tiny Millisecond-level Face Detector",
2023): for each stride 8, 16, 32 a class score, an objectness, a box and five landmarks a cell.
"""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.model.contract import Contract
from edge.model.preprocess import letterbox
from edge.model.runtime import Model, Runtime, find_runtime
from edge.values import Box, Face, Image

STRIDES = (8, 16, 32)
DEFAULT_SCORE = 0.6
"""YuNet's own threshold: that of a model whose contract has none."""


class DetectorRow:
    """What a candidate of ``decode`` holds, and where."""

    box = slice(0, 4)
    """x1, y1, x2, y2."""
    points = slice(4, 14)
    """x, y of right eye, left eye, nose tip, right and left corner of the mouth."""
    score = 14


class FaceDetector:
    """A released face model. Not thread-safe.

    Args:
        path: the ``.tflite``, its contract beside it.
        score_threshold: faces below it are dropped (0 to 1); None: the contract's threshold.
        nms_iou: of two boxes that overlap more than this, the better one stays.
    """

    def __init__(
        self,
        path: Path,
        runtime: Runtime | None = None,
        *,
        threads: int = 1,
        score_threshold: float | None = None,
        nms_iou: float = 0.3,
    ) -> None:
        self.model = Model(path, runtime or find_runtime(), threads=threads)
        if self.contract.kind != "face-detector":
            raise ModelError(f"{path}: its contract describes a {self.contract.kind}, not a face-detector")
        self._size = (self.contract.input.shape[0], self.contract.input.shape[1])
        self.score_threshold = score_threshold or self.contract.threshold or DEFAULT_SCORE
        self._nms_iou = nms_iou

    @property
    def contract(self) -> Contract:
        """The model's contract."""
        return self.model.contract

    def find(self, image: Image) -> list[Face]:
        """All faces in a picture, best first.

        Args:
            image: (H, W, 3) uint8 RGB of any size; it is scaled to the model's input and the boxes back.

        Returns:
            Faces in the picture's pixels, boxes cut at its edges.
        """
        x, scale = letterbox(image, self._size)
        if self.contract.channel_order == "BGR":
            x = np.ascontiguousarray(x[..., ::-1])
        rows = decode(self.model.run_float(x), self._size, self.score_threshold)
        kept = _suppress(rows, self._nms_iou)
        h, w = image.shape[:2]
        faces = [_face(r, scale, w, h) for r in kept]
        return [f for f in faces if f.box.area > 0]


def decode(outputs: list[NDArray[Any]], size: tuple[int, int], score_threshold: float) -> NDArray[np.float32]:
    """Candidate faces of the raw heads.

    Args:
        outputs: twelve float arrays (cells, 1 | 1 | 4 | 10), three strides, in any order: the number of cells
            tells the stride, the width the head, and the two scores enter as a product.
        size: (height, width) of the input in px.
        score_threshold: keep candidates at or above it.

    Returns:
        (N, 15) float32: x1, y1, x2, y2, ten landmark coordinates, score; input px.
    """
    found = []
    for stride in STRIDES:
        rows, cols = size[0] // stride, size[1] // stride
        heads = [o.reshape(rows * cols, -1) for o in outputs if o.shape[0] == rows * cols]
        scores = [o[:, 0] for o in heads if o.shape[1] == 1]
        box = next(o for o in heads if o.shape[1] == 4)
        points = next(o for o in heads if o.shape[1] == 10)
        score = np.sqrt(np.clip(scores[0], 0, 1) * np.clip(scores[1], 0, 1))
        (keep,) = np.nonzero(score >= score_threshold)
        cell = np.stack([keep % cols, keep // cols], axis=1).astype(np.float32)
        center = (cell + box[keep, :2]) * stride
        half = np.exp(box[keep, 2:]) * stride / 2
        landmarks = (points[keep].reshape(-1, 5, 2) + cell[:, None]) * stride
        found.append(
            np.concatenate(
                [center - half, center + half, landmarks.reshape(-1, 10), score[keep, None]], axis=1
            )
        )
    candidates: NDArray[np.float32] = np.concatenate(found).astype(np.float32)
    return candidates


def _suppress(rows: NDArray[np.float32], iou: float) -> NDArray[np.float32]:
    boxes = np.concatenate([rows[:, :2], rows[:, 2:4] - rows[:, :2]], axis=1)
    kept = cv2.dnn.NMSBoxes(boxes.tolist(), rows[:, 14].tolist(), 0.0, iou) if len(rows) else []
    best = [rows[k] for k in np.asarray(kept, dtype=np.intp).reshape(-1)]
    return np.array(best, dtype=np.float32)


def _face(row: NDArray[np.float32], scale: float, width: int, height: int) -> Face:
    xy = [float(v) / scale for v in row[:14]]
    points = tuple(zip(xy[4::2], xy[5::2], strict=True))
    return Face(Box(*xy[:4]).clipped(width, height), float(row[14]), points)
