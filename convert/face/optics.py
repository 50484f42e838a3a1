"""What light, lens, sensor and compression do to a whole picture, done to training crops."""

import cv2
import numpy as np

from edge.values import Image

Random = np.random.Generator

_LIGHT, _DARK, _GREY, _BLUR, _NOISE, _JPEG = 0.6, 0.12, 0.15, 0.25, 0.25, 0.3
"""How often each happens; ``_DARK`` only where the light changes."""


def as_a_camera_sees(image: Image, rng: Random) -> Image:
    """The picture in another light, grey, out of focus, moved, noisy, compressed; often several of these.

    Args:
        image: (H, W, 3) uint8 RGB.
        rng: random source.
    """
    for chance, change in (
        (_LIGHT, _light),
        (_GREY, _grey),
        (_BLUR, _blur),
        (_NOISE, _noise),
        (_JPEG, _jpeg),
    ):
        if rng.random() < chance:
            image = change(image, rng)
    return image


def _light(image: Image, rng: Random) -> Image:
    x = (image.astype(np.float32) / 255) ** np.exp(rng.uniform(-0.5, 0.6))
    x = (x - 0.5) * rng.uniform(0.6, 1.3) + 0.5
    x = x * rng.uniform(0.55, 1.25) * rng.uniform(0.9, 1.1, size=3).astype(np.float32)
    if rng.random() < _DARK:
        x = x * rng.uniform(0.15, 0.6)
    lit: Image = np.clip(x * 255, 0, 255).astype(np.uint8)
    return lit


def _grey(image: Image, _rng: Random) -> Image:
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), dtype=np.uint8)


def _blur(image: Image, rng: Random) -> Image:
    if rng.random() < 0.6:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 2.2)), dtype=np.uint8)
    kernel = np.zeros((9, 9), dtype=np.float32)
    angle, reach = rng.uniform(0, np.pi), rng.uniform(1, 4)
    dx, dy = round(reach * np.cos(angle)), round(reach * np.sin(angle))
    cv2.line(kernel, (4 - dx, 4 - dy), (4 + dx, 4 + dy), (1.0,))
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), dtype=np.uint8)


def _noise(image: Image, rng: Random) -> Image:
    grain = rng.standard_normal(image.shape, dtype=np.float32) * rng.uniform(2, 18)
    return np.clip(image + grain, 0, 255).astype(np.uint8)


def _jpeg(image: Image, rng: Random) -> Image:
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 85))])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)
