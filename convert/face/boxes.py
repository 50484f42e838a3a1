"""From people's boxes to YuNet's own: collections draw a face's box elsewhere than the detector does. Pure.

The mask classifier sees what the detector's box cuts out, so a detector that learned an annotator's boxes
would show it other pictures than it was trained on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.model.detector import DetectorRow

Boxes = NDArray[np.float64]
"""(N, 4) float64: x1, y1, x2, y2 in px."""
Rows = NDArray[np.float64]
"""(N, 15) float64 of a detector: box, five landmarks, score; see ``edge.model.detector.decode``."""

MATCH_IOU = 0.4
SURE_SCORE = 0.6
"""The original's own threshold: boxes and landmarks of faces above it are good enough to learn from."""
FAINT_SCORE = 0.5
IGNORE_SCORE = 0.65
"""A box of the original above it that fits no label is mostly a face that nobody labelled."""


@dataclass(frozen=True, eq=False, slots=True)
class Truth:
    """What a photo shows, in the detector's convention."""

    boxes: Boxes
    """(N, 4) px."""
    points: NDArray[np.float64]
    """(N, 5, 2) px landmarks by the original detector; NaN where it is not sure of the face."""
    labels: tuple[str, ...]
    """N: masked, not_masked, incorrect."""
    ignored: Boxes
    """(M, 4) px: faces that nobody labelled, and what may be one; a box there is not an error."""


def iou_matrix(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    """Intersection over union of (N, 4) with (M, 4) boxes: (N, M), 0 to 1; 0 where a box is empty."""
    a, b = np.asarray(a, np.float64).reshape(-1, 4), np.asarray(b, np.float64).reshape(-1, 4)
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    inter = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(np.clip(x[:, 2:] - x[:, :2], 0, None), axis=1) for x in (a, b)]
    union = areas[0][:, None] + areas[1][None] - inter
    overlap: NDArray[np.float64] = np.where(inter > 0, inter / np.maximum(union, 1e-9), 0.0)
    return overlap


def measure_offsets(
    labelled: Sequence[tuple[Boxes, Sequence[str], Rows]],
) -> dict[str, NDArray[np.float64]]:
    """Label minus detector, the median of each side as a share of the label's height.

    Args:
        labelled: for each photo its boxes, their labels, and what the original detector found.

    Returns:
        (4,) by label; zeros for a label that the detector never found.
    """
    found: dict[str, list[NDArray[np.float64]]] = {}
    for boxes, labels, rows in labelled:
        overlaps = iou_matrix(boxes, rows[:, :4])
        for box, label, overlap in zip(boxes, labels, overlaps, strict=True):
            sides = found.setdefault(label, [])
            best = int(overlap.argmax()) if overlap.size else -1
            if best >= 0 and overlap[best] >= MATCH_IOU and rows[best, DetectorRow.score] >= SURE_SCORE:
                sides.append((box - rows[best, :4]) / (box[3] - box[1]))
    return {k: np.median(v, axis=0) if v else np.zeros(4) for k, v in found.items()}


def to_own_convention(
    boxes: Boxes,
    labels: Sequence[str],
    rows: Rows,
    offsets: Mapping[str, NDArray[np.float64]],
    *,
    faces: Boxes,
    not_faces: Boxes,
) -> Truth:
    """Labels as the detector would draw them: moved by the offsets, and halfway to its own box of the face.

    Args:
        boxes: (N, 4) px as labelled.
        labels: N.
        rows: what the original detector found in the photo.
        offsets: of ``measure_offsets``.
        faces: (M, 4) px of faces without a label: ignored.
        not_faces: (K, 4) px of things that somebody looked at and that are not faces: a detector that finds
            them is wrong.
    """
    moved = boxes.copy()
    points = np.full((len(boxes), 5, 2), np.nan)
    free = np.ones(len(rows), dtype=bool)
    for i, label in enumerate(labels):
        moved[i] -= offsets[label] * (boxes[i, 3] - boxes[i, 1])
        overlap = iou_matrix(moved[i], rows[:, :4])[0] * free
        best = int(overlap.argmax()) if overlap.size else -1
        if best < 0 or overlap[best] < MATCH_IOU or rows[best, DetectorRow.score] < FAINT_SCORE:
            continue
        free[best] = False
        moved[i] = (moved[i] + rows[best, :4]) / 2
        if rows[best, DetectorRow.score] >= SURE_SCORE:
            points[i] = rows[best, DetectorRow.points].reshape(5, 2)
    doubtful = rows[free & (rows[:, DetectorRow.score] >= IGNORE_SCORE), :4]
    for known in (moved, not_faces):
        if len(known) and len(doubtful):
            doubtful = doubtful[iou_matrix(doubtful, known).max(axis=1) < MATCH_IOU - 0.05]
    return Truth(moved, points, tuple(labels), np.concatenate([faces, doubtful]))
