"""A mask drawn on a bare face: there are four masked faces for a bare one, but too few kinds of mask."""

import cv2
import numpy as np
from numpy.typing import NDArray

from convert.face.drawing import Patch, Random, cloth, colour, lay
from edge.values import Image

MIN_FACE_PX = 4.0
"""Between eyes and mouth."""
_LARGEST_PX = 700


def wear_drawn_mask(image: Image, box: NDArray[np.float64], points: NDArray[np.float64], rng: Random) -> bool:
    """Draw a mask on a face, in place.

    Args:
        image: (H, W, 3) uint8 RGB.
        box: (4,) px of the face.
        points: (5, 2) px: right eye, left eye, nose tip, right and left end of the mouth.
        rng: random source.

    Returns:
        Whether it was drawn; not on a face that is too small, or whose landmarks are unknown.
    """
    if not np.isfinite(points).all():
        return False
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    length = float(np.linalg.norm(mouth - eyes))
    if length < MIN_FACE_PX:
        return False
    down = (mouth - eyes) / length
    right = np.array([-down[1], down[0]])
    right = -right if right[0] < 0 else right
    half_face = (box[2] - box[0]) / 2
    turn = float(np.dot(points[2] - (eyes + mouth) / 2, right))
    middle = eyes + (mouth - eyes) / 2 + right * turn * 0.4
    half, side = half_face * rng.uniform(0.8, 0.98), rng.uniform(-0.05, 0.2) * length
    outline = _outline(middle, right, down, half, length, turn, side, rng)
    low, high = np.floor(outline.min(axis=0)).astype(int) - 2, np.ceil(outline.max(axis=0)).astype(int) + 2
    width, height = (int(v) for v in high - low)
    if min(width, height) < 5 or max(width, height) > _LARGEST_PX:
        return False
    alpha = np.zeros((height, width), dtype=np.float32)
    cv2.fillPoly(alpha, [((outline - low) * 16).astype(np.int32)], (1.0,), cv2.LINE_AA, 4)
    if rng.random() < 0.5:
        alpha = np.asarray(cv2.GaussianBlur(alpha, (0, 0), max(0.4, length * 0.03)), dtype=np.float32)
    patch = _lit_like(image, cloth(rng, height, width), low, high, rng)
    if length > 10 and rng.random() < 0.7:
        for sign in (-1, 1):
            at_mask = middle + right * half * sign + down * (side - 0.05 * length)
            at_ear = eyes + right * half_face * 1.02 * sign + down * 0.1 * length
            ends = [tuple(int(v) for v in p) for p in (at_mask, at_ear)]
            loop = colour(patch[height // 2, width // 2] * 0.95)
            cv2.line(image, ends[0], ends[1], loop, max(1, int(length * 0.05)), cv2.LINE_AA)
    lay(image, patch, alpha, int(low[0]), int(low[1]))
    return True


def _outline(
    middle: NDArray[np.float64],
    right: NDArray[np.float64],
    down: NDArray[np.float64],
    half: float,
    length: float,
    turn: float,
    side: float,
    rng: Random,
) -> NDArray[np.float64]:
    """(9, 2) px, clockwise from the right cheek: over the nose, down the other cheek, under the chin."""
    top, chin = rng.uniform(-0.28, 0.02) * length, rng.uniform(0.75, 1.15) * length
    across = np.array([-1, -0.45, 0, 0.45, 1, 0.85, 0.4, -0.4, -0.85]) * half
    across[2] = turn * 0.5
    cheek, jaw = side - 0.1 * length, side + 0.5 * length
    along = np.array([cheek, top * 0.9, top - 0.05 * length, top * 0.9, cheek, jaw, chin, chin, jaw])
    return np.asarray(middle + across[:, None] * right + along[:, None] * down, dtype=np.float64)


def _lit_like(
    image: Image, patch: Patch, low: NDArray[np.int_], high: NDArray[np.int_], rng: Random
) -> Patch:
    there = image[max(0, low[1]) : max(0, high[1]), max(0, low[0]) : max(0, high[0])]
    if there.size == 0 or rng.random() > 0.8:
        return patch
    return np.asarray(
        np.clip(patch * np.clip(0.35 + there.mean() / 150, 0.3, 1.15), 0, 255), dtype=np.float64
    )
