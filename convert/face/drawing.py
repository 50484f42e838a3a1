"""What several drawings need: cloth, skin, and a patch laid into a picture."""

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.values import Image

Random = np.random.Generator
Patch = NDArray[np.float64]
"""(h, w, 3) float64 RGB, 0 to 255."""
Alpha = NDArray[np.float32]
"""(h, w) float32: 0 the picture, 1 the patch."""

_CLOTHS = ((235, 240, 245), (120, 180, 220), (20, 20, 25), (150, 200, 235), (250, 250, 250))
"""The colours that most masks have."""
_SKINS = np.array(
    [
        (255, 224, 196),
        (240, 200, 170),
        (224, 172, 136),
        (198, 134, 96),
        (141, 85, 54),
        (92, 58, 40),
        (60, 40, 30),
    ],
    dtype=np.float64,
)


def lay(image: Image, patch: Patch, alpha: Alpha, x: int, y: int) -> None:
    """Lay a patch into a picture, in place, upper left corner at (x, y) px; it may reach over the edge."""
    h, w = alpha.shape
    x1, y1, x2, y2 = max(0, x), max(0, y), min(image.shape[1], x + w), min(image.shape[0], y + h)
    if x2 <= x1 or y2 <= y1:
        return
    a = alpha[y1 - y : y2 - y, x1 - x : x2 - x, None]
    mixed = image[y1:y2, x1:x2] * (1 - a) + patch[y1 - y : y2 - y, x1 - x : x2 - x] * a
    image[y1:y2, x1:x2] = np.clip(mixed, 0, 255).astype(np.uint8)


def any_colour(rng: Random) -> NDArray[np.float64]:
    """(3,) RGB, 0 to 255."""
    return rng.uniform(0, 255, 3)


def skin(rng: Random) -> NDArray[np.float64]:
    """(3,) RGB of somebody's skin in some light."""
    one, other = _SKINS[rng.choice(len(_SKINS), 2)]
    share = rng.random()
    mixed = (one * share + other * (1 - share)) * rng.uniform(0.6, 1.1) + rng.normal(0, 6, 3)
    return np.asarray(np.clip(mixed, 0, 255), dtype=np.float64)


def colour(value: NDArray[np.float64]) -> tuple[float, ...]:
    """What OpenCV's drawing functions take."""
    return tuple(float(v) for v in value)


def cloth(rng: Random, height: int, width: int) -> Patch:
    """Plain, striped, dotted, chequered or flowered, shaded, every second one with pleats."""
    base = np.array(_CLOTHS[rng.integers(len(_CLOTHS))], dtype=np.float64)
    y, x = np.mgrid[:height, :width]
    patch = np.ones((height, width, 3)) * (base if rng.random() < 0.35 else any_colour(rng))
    kind = rng.integers(5)
    if kind == 1:
        angle, pitch = rng.uniform(0, np.pi), max(1, int(rng.uniform(0.04, 0.2) * width))
        patch[((x * np.cos(angle) + y * np.sin(angle)) // pitch) % 2 == 0] = any_colour(rng)
    elif kind == 2:
        pitch = max(2, int(rng.uniform(0.08, 0.25) * width))
        patch[(x % pitch - pitch / 2) ** 2 + (y % pitch - pitch / 2) ** 2 < (pitch * 0.3) ** 2] = any_colour(
            rng
        )
    elif kind == 3:
        few = rng.uniform(0, 255, (rng.integers(3, 8), rng.integers(3, 8), 3)).astype(np.float32)
        how = cv2.INTER_CUBIC if rng.random() < 0.5 else cv2.INTER_NEAREST
        patch = np.asarray(cv2.resize(few, (width, height), interpolation=how), dtype=np.float64)
    shade = 1 + rng.uniform(-0.25, 0.25) * (x / width - 0.5) + rng.uniform(-0.3, 0.1) * (y / height - 0.5)
    if rng.random() < 0.6:
        shade = shade * (1 + 0.06 * np.sin(y / height * rng.uniform(12, 25)))
    return np.asarray(np.clip(patch * shade[..., None], 0, 255), dtype=np.float64)


def shaded(patch: Patch, rng: Random, reach: float) -> Patch:
    """Lit from one side."""
    h, w = patch.shape[:2]
    y, x = np.mgrid[:h, :w]
    shade = 1 + rng.uniform(-reach, reach) * (x / w - 0.5) + rng.uniform(-reach, reach) * (y / h - 0.5)
    return np.asarray(patch * shade[..., None], dtype=np.float64)
