"""The few drawing operations that the clip's maker is built from: float pictures, soft shapes, layers."""

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float32]
Picture = Floats
"""(H, W, 3) float32 RGB, 0 to 1."""
Layer = Floats
"""(H, W, 4) float32, RGB premultiplied by alpha, 0 to 1."""
Points = tuple[tuple[float, float], ...]
"""(x, y) in px."""


def floats(values: ArrayLike) -> Floats:
    """An array of float32."""
    return np.asarray(values, dtype=np.float32)


def rgb(colour: tuple[float, float, float]) -> Floats:
    """A colour of 0 to 255 as (3,) float32, 0 to 1."""
    return floats(colour) / np.float32(255)


def blur(image: ArrayLike, sigma_px: float, sigma_y_px: float = 0.0) -> Floats:
    """Gaussian blur of (H, W) or (H, W, C); the same in both directions unless ``sigma_y_px`` is given."""
    return floats(cv2.GaussianBlur(floats(image), (0, 0), sigma_px, sigmaY=sigma_y_px))


def polygon(shape: tuple[int, ...], points: ArrayLike) -> Floats:
    """A filled polygon of (x, y) px on zeros: (shape[0], shape[1]) float32, 0 to 1, with smooth edges."""
    out = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(out, [np.round(floats(points) * 16).astype(np.int32)], (255,), cv2.LINE_AA, shift=4)
    return floats(out) / np.float32(255)


def inner_distance(shape: Floats) -> Floats:
    """How far each px lies inside a shape from ``polygon``, px."""
    return floats(cv2.distanceTransform((shape > 0.5).astype(np.uint8), cv2.DIST_L2, 5))


def paint(picture: Picture, points: ArrayLike, colour: ArrayLike) -> None:
    """Fill a polygon of a picture, in place."""
    picture += (floats(colour) - picture) * polygon(picture.shape, points)[..., None]


def layer(picture: ArrayLike, cover: Floats) -> Layer:
    """A picture and its (H, W) alpha as a layer."""
    return floats(np.dstack([floats(picture) * cover[..., None], cover]))


def over(front: Layer, back: Layer) -> Layer:
    """One layer on another."""
    return floats(front + back * (1 - front[..., 3:]))
