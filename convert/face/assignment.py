"""Which cells learn which face: SimOTA, of Ge and others, "YOLOX: Exceeding YOLO Series in 2021", 2021.

A face goes to the cells near its middle whose box fits it best already; the better they fit, the more cells.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.model.detector import STRIDES

Tensor = Any

CENTRE_RADIUS = 2.5
"""In cells: how far from a face's middle one may learn it."""
CANDIDATES = 10
IOU_WEIGHT = 3.0
_FAR, _NEVER = 1e5, 1e9


def cells(side_px: int) -> NDArray[np.float32]:
    """(cells, 3) float32: column, row, stride of every cell of a square input, in the outputs' order."""
    grids = []
    for stride in STRIDES:
        row, column = np.mgrid[: side_px // stride, : side_px // stride]
        grids.append(np.stack([column.ravel(), row.ravel(), np.full(row.size, stride)], axis=1))
    joined: NDArray[np.float32] = np.concatenate(grids).astype(np.float32)
    return joined


def pair_iou(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union of boxes (..., 4) that broadcast against each other."""
    import tensorflow as tf  # noqa: PLC0415

    size = tf.maximum(0.0, tf.minimum(a[..., 2:], b[..., 2:]) - tf.maximum(a[..., :2], b[..., :2]))
    inter = size[..., 0] * size[..., 1]
    areas = [(x[..., 2] - x[..., 0]) * (x[..., 3] - x[..., 1]) for x in (a, b)]
    return inter / (areas[0] + areas[1] - inter + 1e-6)


def assign(
    boxes: Tensor, scores: Tensor, faces: Tensor, real: Tensor, ignored: Tensor, grid: NDArray[np.float32]
) -> tuple[Tensor, Tensor, Tensor]:
    """Deal faces to cells.

    Args:
        boxes: (N, cells, 4) px that the network gives now.
        scores: (N, cells) its scores, 0 to 1.
        faces: (N, F, 4) px to be found.
        real: (N, F) bool; the others only fill the array.
        ignored: (N, I, 4) px of regions whose cells learn nothing; zeros fill the array.
        grid: of ``cells``.

    Returns:
        (N, cells): the index of the cell's face; whether it has one; whether its objectness learns nothing.
    """
    import tensorflow as tf  # noqa: PLC0415

    x, y = ((grid[:, i] + 0.5) * grid[:, 2] for i in (0, 1))
    x, y, reach = (v[None, :, None] for v in (x, y, CENTRE_RADIUS * grid[:, 2]))
    wanted, there = faces[:, None], real[:, None]
    inside = (x > wanted[..., 0]) & (x < wanted[..., 2]) & (y > wanted[..., 1]) & (y < wanted[..., 3])
    middle_x, middle_y = ((wanted[..., i] + wanted[..., i + 2]) / 2 for i in (0, 1))
    near = (tf.abs(x - middle_x) < reach) & (tf.abs(y - middle_y) < reach)
    candidate = (inside | near) & there
    iou = pair_iou(boxes[:, :, None], wanted) * tf.cast(there, tf.float32)
    cost = (
        -tf.math.log(tf.clip_by_value(scores, 1e-6, 1.0))[:, :, None]
        - IOU_WEIGHT * tf.math.log(iou + 1e-7)
        + _FAR * tf.cast(~(inside & near), tf.float32)
        + _NEVER * tf.cast(~candidate, tf.float32)
    )
    fits = tf.transpose(iou * tf.cast(candidate, tf.float32), (0, 2, 1))
    number = tf.cast(tf.reduce_sum(tf.math.top_k(fits, CANDIDATES)[0], axis=-1), tf.int32)
    number = tf.clip_by_value(number, 1, CANDIDATES)
    cheapest = tf.math.top_k(-tf.transpose(cost, (0, 2, 1)), CANDIDATES)[0]
    dearest_taken = -tf.gather(cheapest, number - 1, batch_dims=2)
    taken = (cost <= dearest_taken[:, None]) & candidate
    face = tf.argmin(tf.where(taken, cost, 10 * _NEVER), axis=-1)
    has_face = tf.reduce_any(taken, axis=-1)
    region = ignored[:, None]
    in_region = (x > region[..., 0]) & (x < region[..., 2]) & (y > region[..., 1]) & (y < region[..., 3])
    over_region = pair_iou(boxes[:, :, None], region) > 0.4
    silent = tf.reduce_any(in_region | over_region, axis=-1) & ~has_face
    return face, has_face, silent
