"""Masks put on faces: bent over nine points of the face, shaded, with ear loops and a shadow on the skin."""

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.demo.clip.cloth import SHAPE, STYLES, U, V, creases
from edge.demo.clip.drawing import Floats, Layer, blur, floats, layer, over
from edge.demo.clip.portraits import CANVAS_H, CANVAS_W, Portrait, to_canvas

_HANGS = {
    1.0: ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
    0.5: ((0.24, 0.37, 0.24), (0.16, 0.18, 0.16), (0.06, 0.06, 0.06)),
    0.0: ((0.54, 0.86, 0.54), (0.36, 0.50, 0.36), (0.20, 0.20, 0.20)),
}
"""``worn`` -> how far each grid point hangs below its place, as a share of the way from bridge to chin."""


def wear(head: Layer, portrait: Portrait, style: str, worn: float) -> Layer:
    """A head with a mask on it.

    Args:
        head: on the canvas, not mirrored; not changed.
        portrait: whose head it is.
        style: a key of ``cloth.STYLES``.
        worn: 1 over the nose, 0.5 under the nose, 0 under the chin, or between.
    """
    grid = _grid(portrait, worn)
    cloth = STYLES[style]()
    lit = np.clip(cloth.paint * _shade(worn)[..., None], 0, 1)
    mask = _bend(layer(lit, cloth.outline), grid)
    shadow = blur(np.roll(mask[..., 3], 3, axis=0), 3)[..., None]
    shaded = floats(np.concatenate([head[..., :3] * (1 - 0.38 * shadow), head[..., 3:]], axis=2))
    return over(mask, over(_loops(grid, to_canvas(portrait.ears, portrait), cloth.loops), shaded))


def _grid(portrait: Portrait, worn: float) -> Floats:
    """The nine points on the canvas, (3, 3, 2)."""
    low, high = (0.0, 0.5) if worn < 0.5 else (0.5, 1.0)
    share = (worn - low) / 0.5
    hangs = floats(_HANGS[low]) * (1 - share) + floats(_HANGS[high]) * share
    grid = to_canvas(portrait.grid, portrait).reshape(3, 3, 2)
    grid[..., 1] += hangs * (grid[2, 1, 1] - grid[0, 1, 1])
    return floats(grid)


def _bend(flat: Layer, grid: Floats) -> Layer:
    """A flat mask over the face: the biquadratic map from canvas to (u, v) that meets all nine points."""
    center, size = grid[1, 1], np.ptp(grid, axis=(0, 1))
    uv = np.stack(np.meshgrid([0, 0.5, 1], [0, 0.5, 1]), axis=-1).reshape(9, 2)
    weights = np.linalg.solve(_powers((grid.reshape(9, 2) - center) / size), uv)
    xy = (np.stack(np.meshgrid(np.arange(CANVAS_W), np.arange(CANVAS_H)), axis=-1) - center) / size
    at = floats((_powers(xy.reshape(-1, 2)) @ weights * SHAPE[::-1]).reshape(CANVAS_H, CANVAS_W, 2))
    # Far from the face the map folds back on itself.
    at[np.abs(xy).max(axis=-1) > 0.85] = -SHAPE[1]
    return floats(cv2.remap(blur(flat, 1.4), at[..., 0], at[..., 1], cv2.INTER_LINEAR))


def _powers(xy: NDArray[np.float32]) -> NDArray[np.float64]:
    """(N, 2) to (N, 9): 1, y, y2, x, xy, ..."""
    x, y = xy.astype(np.float64).T
    return np.stack([x**i * y**j for i in range(3) for j in range(3)], axis=1)


def _loops(grid: Floats, ears: Floats, colour: tuple[float, float, float]) -> Layer:
    """Four slightly sagging strings from the mask's corners to the ears, drawn twice as large."""
    fine = np.zeros((CANVAS_H * 2, CANVAS_W * 2), np.uint8)
    t = np.linspace(0, 1, 12)[:, None]
    corners, middles = grid[[0, 2, 0, 2], [0, 0, 2, 2]], grid[[1, 1, 1, 1], [0, 0, 2, 2]]
    for ear, start in zip(ears, corners * 0.85 + middles * 0.15, strict=True):
        sag = (start + ear) / 2 + floats([0, 1.5])
        curve = (1 - t) ** 2 * start + 2 * t * (1 - t) * sag + t**2 * ear
        points = [np.round(curve * 2 * 16).astype(np.int32)]
        cv2.polylines(fine, points, False, (255,), 3, cv2.LINE_AA, 4)
    cover = floats(cv2.resize(fine, (CANVAS_W, CANVAS_H), interpolation=cv2.INTER_AREA)) / np.float32(255)
    return layer(np.ones((CANVAS_H, CANVAS_W, 3)) * colour, cover)


def _shade(worn: float) -> Floats:
    """Light from above and a little from the left on a bent, creased cloth with a nose under it: a factor."""
    nose = 0.3 * np.exp(-(((U - 0.5) / 0.14) ** 2) - ((V - 0.22) / 0.26) ** 2) * min(1.0, worn * 1.2)
    bent = 0.62 * np.sqrt(1 - 0.93 * (2 * U - 1) ** 2) + 0.26 * np.sqrt(1 - 0.9 * (2 * V - 1) ** 2)
    height = blur(bent + nose + 0.012 * creases(3), 4)
    down, right = np.gradient(height, 1 / SHAPE[0], 1 / SHAPE[1])
    light = (0.154 * right + 0.35 * down + 1) / np.sqrt(right**2 + down**2 + 1) / 0.95
    return floats(np.clip(0.34 + 0.66 * light, 0.25, 1.12))
