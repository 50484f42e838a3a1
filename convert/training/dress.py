"""A mask cut from one face and put on another, rightly or wrongly: there are too few wrongly worn ones.

Rightly dressed faces are made the same way, so that the seam tells nothing: only where the mask ends does.
NumPy and OpenCV only.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.values import Image

Random = np.random.Generator
Points = NDArray[np.float32]
"""(5, 2) px, as the detector gives them: right eye, left eye, nose tip, right and left end of the mouth."""

MAX_TURN = 0.5
"""Of the head; see ``edge.values.Face.turn``. A mask can't be put on a profile from the front."""
MIN_EYES = 0.22
"""Distance of the eyes, as a share of the picture."""
_CLOTH = 0.5
"""Between the eyes (0) and the mouth (1), where a worn mask is cloth for sure."""


@dataclass(frozen=True, slots=True)
class MaskPosition:
    """Where a mask's upper edge runs, from the eyes (0) to the mouth (1) and beyond."""

    low: float
    high: float
    properly: bool
    length: float = 9.0
    """Down to its lower edge."""


PROPER = MaskPosition(0.12, 0.42, properly=True)
UNDER_NOSE = MaskPosition(0.68, 0.95, properly=False)
UNDER_MOUTH = MaskPosition(1.20, 1.45, properly=False)
OVER_MOUTH = MaskPosition(0.05, 0.30, properly=False, length=0.5)
WEARS = (PROPER, UNDER_NOSE, UNDER_MOUTH, OVER_MOUTH)
CHANCES = (0.35, 0.45, 0.13, 0.07)


def frontal(points: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which faces can be dressed, or lend their mask.

    Args:
        points: (N, 5, 2) from 0 to 1 of the pictures; NaN where they are unknown.
    """
    right, left, nose = (points[:, i].astype(np.float64) for i in range(3))
    across, eyes, mouth = left - right, (left + right) / 2, points[:, 3:].mean(axis=1)
    squared = np.maximum((across**2).sum(axis=1), 1e-9)
    turn = np.abs(((nose - eyes) * across).sum(axis=1)) / squared * 2
    drop = (mouth[:, 1] - eyes[:, 1]) * across[:, 0] - (mouth[:, 0] - eyes[:, 0]) * across[:, 1]
    # eyes too near each other are not the face's own
    return np.asarray((turn < MAX_TURN) & (drop > 0.4 * squared) & (squared > MIN_EYES**2))


def dress(
    bare: Image, points: Points, worn: Image, worn_points: Points, wear: MaskPosition, rng: Random
) -> tuple[Image, bool]:
    """The bare face with the other's mask on.

    Args:
        bare: (H, W, 3) uint8, a frontal face without a mask.
        points: its.
        worn: (h, w, 3) uint8, a frontal face with a mask, of any size.
        worn_points: its.
        wear: where the mask is put.
        rng: random source.

    Returns:
        The (H, W, 3) uint8 picture, and whether the mask is worn properly: a small one may not reach so far.
    """
    edge = rng.uniform(wear.low, wear.high)
    frame, worn_frame = _frame(points), _frame(worn_points)
    # Low on the one must be cloth of the other, not its bare cheeks: what is worn low hangs low as a whole
    drop = edge - _CLOTH if wear is OVER_MOUTH else max(0.0, edge - _CLOTH)
    lift = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, drop], [0.0, 0.0, 1.0]])
    warp = (frame @ lift @ np.linalg.inv(worn_frame))[:2]
    h, w = bare.shape[:2]
    cloth = cv2.warpAffine(worn, warp, (w, h), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    there = cv2.warpAffine(np.ones(worn.shape[:2], dtype=np.float32), warp, (w, h))
    x, y = _own_coordinates(frame, h, w)
    bow, tilt = rng.uniform(-0.25, 0.18), rng.uniform(-0.08, 0.08)
    below = y - (edge + bow * (x * x - 0.3) + tilt * x)
    below = np.minimum(below, wear.length - below)
    # a face is about as wide as two distances of the eyes, and narrower at the chin
    side = rng.uniform(0.95, 1.2) - np.abs(x) - 0.9 * np.clip(y - drop - 0.9, 0, 2) ** 2
    alpha = np.clip(np.minimum(below, side) * np.linalg.norm(frame[:2, 1]) / 1.5 + 0.5, 0, there)[..., None]
    shade = np.clip(_light(bare, frame) / max(_light(worn, worn_frame), 1.0), 0.6, 1.35)
    mixed = bare * (1 - alpha) + np.clip(cloth * shade, 0, 255) * alpha
    dressed: Image = np.clip(mixed, 0, 255).astype(np.uint8)
    return dressed, wear.properly and _covers(alpha[..., 0], points)


def _covers(alpha: NDArray[np.float64], points: Points) -> bool:
    """Whether nose and mouth are under the cloth."""
    h, w = alpha.shape
    x, y = np.clip(points[2:].round().astype(int), 0, (w - 1, h - 1)).T
    return bool((alpha[y, x] > 0.5).all())


def _frame(points: Points) -> NDArray[np.float64]:
    """(3, 3) from a face's own coordinates to pixels: eyes at x -0.5 and 0.5, y 0; mouth at y 1."""
    right, left = points[0].astype(np.float64), points[1].astype(np.float64)
    eyes, mouth = (right + left) / 2, points[3:].mean(axis=0)
    return np.array(
        [
            [left[0] - right[0], mouth[0] - eyes[0], eyes[0]],
            [left[1] - right[1], mouth[1] - eyes[1], eyes[1]],
            [0, 0, 1],
        ]
    )


def _own_coordinates(
    frame: NDArray[np.float64], height: int, width: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(H, W) each: x and y of every pixel in the face's own coordinates."""
    back = np.linalg.inv(frame)
    px, py = np.meshgrid(np.arange(width), np.arange(height))
    return (
        back[0, 0] * px + back[0, 1] * py + back[0, 2],
        back[1, 0] * px + back[1, 1] * py + back[1, 2],
    )


def _light(face: Image, frame: NDArray[np.float64]) -> float:
    """Brightness around the eyes."""
    h, w = face.shape[:2]
    x, y = _own_coordinates(frame, h, w)
    there = face[(np.abs(x) < 0.7) & (np.abs(y) < 0.3)]
    return float(there.mean()) if len(there) else float(face.mean())
