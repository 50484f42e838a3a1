"""What training minimises; the terms of YuNet's own training (Wu, Peng, Yu, 2023), landmarks as distilled."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.face.assignment import assign, pair_iou

Tensor = Any

BOX_WEIGHT = 5.0
POINTS_WEIGHT = 0.5
TERMS = ("score", "object", "box", "points")


def decode_boxes(bbox: Tensor, grid: NDArray[np.float32]) -> Tensor:
    """(N, cells, 4) px of the head ``bbox``; sizes are held within e^6 cells, so that nothing overflows."""
    import tensorflow as tf  # noqa: PLC0415

    stride = grid[:, 2:]
    middle = (bbox[..., :2] + grid[:, :2]) * stride
    size = tf.exp(tf.clip_by_value(bbox[..., 2:], -6.0, 6.0)) * stride
    return tf.concat([middle - size / 2, middle + size / 2], axis=-1)


def face_loss(
    outputs: dict[str, Tensor],
    faces: Tensor,
    points: Tensor,
    real: Tensor,
    ignored: Tensor,
    grid: NDArray[np.float32],
) -> dict[str, Tensor]:
    """The terms of the loss of a batch, weighted: their sum is what is minimised.

    Args:
        outputs: of ``FaceNetwork.outputs``.
        faces: (N, F, 4) px.
        points: (N, F, 5, 2) px; NaN where unknown.
        real: (N, F) bool; the others only fill the array.
        ignored: (N, I, 4) px.
        grid: of ``cells``.

    Returns:
        Scalars by the names of ``TERMS``: binary cross-entropy of the score against the overlap, and of the
        objectness; EIoU of the boxes (Zhang and others, 2021); Huber's distance of the landmarks in tenths of
        the face.
    """
    import tensorflow as tf  # noqa: PLC0415

    boxes = decode_boxes(outputs["bbox"], grid)
    scores = tf.sqrt(tf.sigmoid(outputs["cls"]) * tf.sigmoid(outputs["obj"]))
    face, has_face, silent = assign(
        tf.stop_gradient(boxes), tf.stop_gradient(scores), faces, real, ignored, grid
    )
    counted = tf.cast(has_face, tf.float32)
    number = tf.maximum(1.0, tf.reduce_sum(counted))
    some_box = tf.constant([0.0, 0.0, 10.0, 10.0])  # where there is no face: nothing is divided by zero
    wanted = tf.where(has_face[..., None], tf.gather(faces, face, batch_dims=1), some_box)
    distance, overlap = _eiou(boxes, wanted)
    objectness = _cross_entropy(outputs["obj"], counted) * tf.cast(~silent, tf.float32)
    score = _cross_entropy(outputs["cls"], tf.stop_gradient(overlap)) * counted
    return {
        "score": tf.reduce_sum(score) / number,
        "object": tf.reduce_sum(objectness) / number,
        "box": BOX_WEIGHT * tf.reduce_sum(tf.where(has_face, distance, 0.0)) / number,
        "points": POINTS_WEIGHT
        * _points_distance(outputs["kps"], tf.gather(points, face, batch_dims=1), has_face, wanted, grid),
    }


def _cross_entropy(logits: Tensor, wanted: Tensor) -> Tensor:
    import tensorflow as tf  # noqa: PLC0415

    return tf.nn.sigmoid_cross_entropy_with_logits(labels=wanted, logits=logits)


def _eiou(boxes: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """EIoU loss and plain overlap, (N, cells) each."""
    import tensorflow as tf  # noqa: PLC0415

    overlap = pair_iou(boxes, wanted)
    around = tf.maximum(boxes[..., 2:], wanted[..., 2:]) - tf.minimum(boxes[..., :2], wanted[..., :2])
    squared = around**2 + 1e-6
    apart = (boxes[..., :2] + boxes[..., 2:] - wanted[..., :2] - wanted[..., 2:]) / 2
    larger = boxes[..., 2:] - boxes[..., :2] - wanted[..., 2:] + wanted[..., :2]
    middle = tf.reduce_sum(apart**2, axis=-1) / tf.reduce_sum(squared, axis=-1)
    return 1 - overlap + middle + tf.reduce_sum(larger**2 / squared, axis=-1), overlap


def _points_distance(
    kps: Tensor, points: Tensor, has_face: Tensor, boxes: Tensor, grid: NDArray[np.float32]
) -> Tensor:
    import tensorflow as tf  # noqa: PLC0415

    known = tf.reduce_all(tf.math.is_finite(points), axis=(-1, -2)) & has_face
    wanted = tf.where(tf.math.is_finite(points), points, 0.0) / grid[:, 2, None, None] - grid[:, None, :2]
    found = tf.reshape(kps, (kps.shape[0], kps.shape[1], 5, 2))
    width = tf.maximum(4.0, boxes[..., 2] - boxes[..., 0])
    tenths = (found - wanted) * (10 * grid[:, 2] / width)[..., None, None]
    off = tf.abs(tf.where(known[..., None, None], tenths, 0.0))
    huber = tf.where(off < 1, off**2 / 2, off - 0.5)
    return tf.reduce_sum(huber) / 10 / tf.maximum(1.0, tf.reduce_sum(tf.cast(known, tf.float32)))
