"""What is taken for a face and is not one: hands, gloves, masks that nobody wears, hair, lamps; drawn."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from convert.face.drawing import Alpha, Patch, Random, any_colour, cloth, colour, lay, shaded, skin
from edge.values import Image

SIZES_PX = (16, 180)
_GLOVES = ((60, 120, 200), (230, 230, 235), (40, 40, 45), (130, 190, 140))
_HAIRS = ((30, 22, 18), (80, 55, 35), (20, 20, 22), (150, 120, 80), (120, 120, 122))
_LONE_MASKS = (
    ((0.05, 0.3), (0.3, 0.2), (0.5, 0.15), (0.7, 0.2), (0.95, 0.3), (0.88, 0.6),
     (0.65, 0.85), (0.35, 0.85), (0.12, 0.6)),
    ((0.05, 0.25), (0.95, 0.25), (0.95, 0.75), (0.05, 0.75)),
)  # fmt: skip


def draw_negative(rng: Random) -> tuple[Patch, Alpha]:
    """Something that is not a face, on a square of 16 to 180 px: its picture and where it covers.

    Returns:
        (n, n, 3) float64 RGB, 0 to 255, and (n, n) float32, 0 to 1.
    """
    low, high = np.log(SIZES_PX)
    size = int(np.exp(rng.uniform(low, high)))
    draw = _DRAWN[int(np.searchsorted(np.cumsum([share for _, share in _DRAWN]), rng.random()))][0]
    patch, alpha = draw(rng, size)
    return patch, np.asarray(cv2.GaussianBlur(alpha, (0, 0), max(0.5, size * 0.012)), dtype=np.float32)


def lay_negative(image: Image, x: int, y: int, drawn: tuple[Patch, Alpha]) -> None:
    """Lay what ``draw_negative`` gave into a picture, in place, upper left corner at (x, y) px."""
    lay(image, *drawn, x, y)


def _hand(rng: Random, size: int) -> tuple[Patch, Alpha]:
    """Up to five fingers on a palm, creases, sometimes an arm; every fourth one gloved."""
    plain = skin(rng) if rng.random() > 0.25 else np.array(_GLOVES[rng.integers(len(_GLOVES))], np.float64)
    patch = shaded(np.ones((size, size, 3)) * plain, rng, 0.4)
    alpha, crease = np.zeros((size, size), dtype=np.float32), colour(plain * 0.55)
    thin = max(1, int(size * 0.012))
    palm = np.array([rng.uniform(0.4, 0.6), rng.uniform(0.55, 0.7)]) * size
    radius = size * rng.uniform(0.16, 0.26)
    axes = (int(radius), int(radius * rng.uniform(0.8, 1.3)))
    cv2.ellipse(alpha, _px(palm), axes, rng.uniform(0, 180), 0, 360, (1.0,), -1, cv2.LINE_AA)
    up = rng.uniform(-np.pi, np.pi) if rng.random() < 0.3 else -np.pi / 2 + rng.normal(0, 0.5)
    fingers, spread = int(rng.integers(0, 6)), rng.uniform(0.08, 0.4)
    thick = radius * rng.uniform(0.3, 0.5)
    for i in range(fingers):
        angle = up + (i - (fingers - 1) / 2) * spread
        along = np.array([np.cos(angle), np.sin(angle)])
        start, end = palm + along * radius * 0.5, palm + along * radius * rng.uniform(1.3, 2.3)
        cv2.line(alpha, _px(start), _px(end), (1.0,), max(2, int(thick)), cv2.LINE_AA)
        edge = np.array([-along[1], along[0]]) * thick / 2
        cv2.line(patch, _px(start + edge), _px(end + edge), crease, thin, cv2.LINE_AA)
    for _ in range(int(rng.integers(0, 4))):
        start = rng.uniform(0.3, 0.8, 2) * size
        cv2.line(patch, _px(start), _px(start + rng.normal(0, size * 0.12, 2)), crease, thin, cv2.LINE_AA)
    if rng.random() < 0.5:
        elbow = palm - np.array([np.cos(up), np.sin(up)]) * size * 0.6
        cv2.line(alpha, _px(palm), _px(elbow), (1.0,), max(2, int(radius * 1.2)), cv2.LINE_AA)
    return np.clip(patch, 0, 255), alpha


def _lone_mask(rng: Random, size: int) -> tuple[Patch, Alpha]:
    outline = np.array(_LONE_MASKS[rng.integers(len(_LONE_MASKS))])
    outline = outline + rng.normal(0, 0.02, outline.shape)
    angle = rng.normal(0, 0.6)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    placed = ((outline - 0.5) * rng.uniform(0.7, 1) @ turn + 0.5) * size
    alpha = np.zeros((size, size), dtype=np.float32)
    cv2.fillPoly(alpha, [placed.astype(np.int32)], (1.0,), cv2.LINE_AA)
    return cloth(rng, size, size), alpha


def _back_of_a_head(rng: Random, size: int) -> tuple[Patch, Alpha]:
    patch = np.ones((size, size, 3)) * np.array(_HAIRS[rng.integers(len(_HAIRS))], dtype=np.float64)
    strands = rng.normal(0, 18, (size, 1) if rng.random() < 0.5 else (1, size))
    patch = patch + np.broadcast_to(strands, (size, size))[..., None]
    patch[int(size * rng.uniform(0.75, 0.9)) :] = skin(rng)
    alpha = _oval(rng, size)
    cv2.rectangle(alpha, (int(size * 0.35), int(size * 0.7)), (int(size * 0.65), size), (1.0,), -1)
    return np.clip(patch, 0, 255), alpha


def _lamp(rng: Random, size: int) -> tuple[Patch, Alpha]:
    y, x = np.mgrid[:size, :size]
    far = np.hypot(x - size / 2, y - size / 2) / (size / 2)
    light = np.array((255, rng.uniform(200, 250), rng.uniform(120, 240)))
    patch = np.ones((size, size, 3)) * light * np.clip(1.2 - far * 0.5, 0, 1)[..., None]
    return patch, np.clip(1.3 - far * 1.3, 0, 1).astype(np.float32)


def _piece_of_cloth(rng: Random, size: int) -> tuple[Patch, Alpha]:
    return cloth(rng, size, size), _oval(rng, size)


def _bare_skin(rng: Random, size: int) -> tuple[Patch, Alpha]:
    """A chin, a cheek, an arm; sometimes with hair above it."""
    patch = shaded(np.ones((size, size, 3)) * skin(rng), rng, 0.5)
    if rng.random() < 0.4:
        patch[: int(size * rng.uniform(0.2, 0.4))] = any_colour(rng) * 0.2
    return np.clip(patch, 0, 255), _oval(rng, size)


def _oval(rng: Random, size: int) -> Alpha:
    alpha = np.zeros((size, size), dtype=np.float32)
    axes = (int(size * rng.uniform(0.25, 0.42)), int(size * rng.uniform(0.3, 0.48)))
    cv2.ellipse(alpha, (size // 2, size // 2), axes, rng.uniform(-20, 20), 0, 360, (1.0,), -1, cv2.LINE_AA)
    return alpha


def _px(point: NDArray[Any]) -> tuple[int, int]:
    return int(point[0]), int(point[1])


_DRAWN: tuple[tuple[Callable[[Random, int], tuple[Patch, Alpha]], float], ...] = (
    (_hand, 0.5),
    (_lone_mask, 0.2),
    (_back_of_a_head, 0.075),
    (_lamp, 0.075),
    (_piece_of_cloth, 0.075),
    (_bare_skin, 0.0751),
)
"""How often each is drawn."""
