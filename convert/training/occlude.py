"""Draws what hides a mouth and is not a mask: hands, phones, microphones. NumPy and OpenCV only."""

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.values import Image

Random = np.random.Generator


def occlude(face: Image, rng: Random) -> Image:
    """Draw one of them over the lower half of a face. Its label stays true: a hand is not a mask.

    Args:
        face: (H, W, 3) uint8 RGB; it is not changed.
        rng: decides what is drawn, where, and in which colour.

    Returns:
        A new picture of the same shape. Its top fifth, with forehead and hair, is always the face's own.
    """
    draw = (_hand, _phone, _microphone)[int(rng.integers(3))]
    covered = draw(np.ascontiguousarray(face).copy(), rng)
    top = face.shape[0] // 5
    covered[:top] = face[:top]  # a tilted phone can reach that far
    return covered


def _skin(face: Image, rng: Random) -> NDArray[np.float64]:
    """The forehead's and cheeks' own colour, a little off."""
    h, w = face.shape[:2]
    patch = face[h // 6 : h // 3, w // 3 : 2 * w // 3].reshape(-1, 3)
    return np.asarray(np.median(patch, axis=0) * rng.uniform(0.75, 1.15), dtype=np.float64)


def _colour(value: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(float(v) for v in np.clip(value, 0, 255))


def _hand(face: Image, rng: Random) -> Image:
    """Three to five fingers side by side, with dark lines between them."""
    h, w = face.shape[:2]
    skin = _skin(face, rng)
    thick = int(rng.uniform(0.10, 0.16) * w)
    angle = rng.uniform(-0.9, 0.9)
    along = np.array([np.sin(angle), -np.cos(angle)])
    across = np.array([np.cos(angle), np.sin(angle)])
    tip = np.array([rng.uniform(0.3, 0.7) * w, rng.uniform(0.5, 0.8) * h])
    number = int(rng.integers(3, 6))
    for i in range(number):
        offset = across * thick * 0.95 * (i - number / 2)
        end = tip + offset + along * rng.uniform(-0.08, 0.08) * h
        start = end - along * h
        shade = rng.uniform(0.9, 1.05)
        ends = [tuple(int(v) for v in p) for p in (start, end)]
        cv2.line(face, ends[0], ends[1], _colour(skin * 0.55), thick + 2, cv2.LINE_AA)
        cv2.line(face, ends[0], ends[1], _colour(skin * shade), thick - 1, cv2.LINE_AA)
    return face


def _phone(face: Image, rng: Random) -> Image:
    """A plain slab with an edge, held before mouth or cheek."""
    h, w = face.shape[:2]
    centre = (rng.uniform(0.1, 0.9) * w, rng.uniform(0.65, 1.0) * h)
    size = (rng.uniform(0.2, 0.4) * w, rng.uniform(0.4, 0.7) * h)
    corners = cv2.boxPoints((centre, size, rng.uniform(-40, 40))).astype(np.int32)
    body = rng.uniform(10, 90) * np.ones(3) if rng.random() < 0.7 else rng.uniform(30, 240, 3)
    cv2.fillConvexPoly(face, corners, _colour(body), cv2.LINE_AA)
    cv2.polylines(face, [corners], isClosed=True, color=_colour(body * 0.5 + 20), thickness=2)
    return face


def _microphone(face: Image, rng: Random) -> Image:
    """A dark ball on a stick."""
    h, w = face.shape[:2]
    x, y = rng.uniform(0.3, 0.7) * w, rng.uniform(0.65, 0.85) * h
    radius = rng.uniform(0.08, 0.16) * w
    dark = rng.uniform(10, 90) * np.ones(3)
    foot = (int(x + rng.uniform(-0.3, 0.3) * w), h)
    cv2.line(face, (int(x), int(y)), foot, _colour(dark * 0.7), max(2, int(radius)), cv2.LINE_AA)
    cv2.circle(face, (int(x), int(y)), int(radius), _colour(dark), -1, cv2.LINE_AA)
    light = (int(x - radius / 3), int(y - radius / 3))
    cv2.circle(face, light, max(1, int(radius / 3)), _colour(dark * 1.6), -1, cv2.LINE_AA)
    return face
