"""The drawn entrance: a street behind glass doors, a wall, a tiled floor, in one perspective."""

import cv2
import numpy as np

from edge.demo.clip.drawing import Floats, Picture, blur, floats, paint
from edge.demo.clip.script import HEIGHT_PX, WIDTH_PX

FOCAL_PX, CAMERA_M, HORIZON_PX = 900.0, 1.75, 108.0
DOOR_M = 6.0
"""Distance of the door from the camera."""
_FRAME, _MULLION, _GLASS, _BAR = (0.24, 0.25, 0.27), (0.3, 0.31, 0.33), (0.55, 0.62, 0.64), (0.9, 0.9, 0.9)


def project(x_m: float, up_m: float, z_m: float) -> tuple[float, float]:
    """A point of the room in px; ``up_m`` above the floor."""
    scale = FOCAL_PX / z_m
    return WIDTH_PX / 2 + x_m * scale, HORIZON_PX + (CAMERA_M - up_m) * scale


def outside(rng: np.random.Generator) -> Picture:
    """A bright street, out of focus."""
    sky = floats([0.86, 0.93, 1.0]) * np.linspace(1, 0.9, HEIGHT_PX)[:, None, None]
    out = floats(np.repeat(sky, WIDTH_PX, axis=1))
    for x in range(-40, WIDTH_PX, 74):
        tone, top = rng.uniform(0.55, 0.75), rng.uniform(20, 120)
        paint(out, _box(x, top, x + 66, 300), (tone, tone * 0.96, tone * 0.9))
        for row in range(int(top) + 14, 230, 26):
            paint(out, _box(x + 14, row, x + 50, row + 12), (0.5, 0.58, 0.66))
    for _ in range(160):
        x, y = rng.choice([170, 330, 520]) + rng.normal(0, 26), rng.normal(165, 30)
        tone = rng.uniform(0.3, 0.6)
        green = (tone * 0.75, tone, tone * 0.5)
        cv2.circle(out, (int(x), int(y)), int(rng.integers(8, 20)), green, -1, cv2.LINE_AA)
    paint(out, _box(0, 268, WIDTH_PX, 300), (0.5, 0.5, 0.52))
    paint(out, _box(0, 300, WIDTH_PX, HEIGHT_PX), (0.78, 0.77, 0.75))
    return np.clip(blur(out, 5.5) * np.float32(1.06), 0, 1)


def inside(rng: np.random.Generator) -> tuple[Picture, Floats]:
    """Wall, glass, frames and floor; and how much of the street they cover, (H, W, 3) float32, 0 to 1."""
    x = np.linspace(-1, 1, WIDTH_PX)[None, :, None]
    out = floats(np.repeat(floats([0.74, 0.72, 0.68]) * (1 - 0.24 * x**2), HEIGHT_PX, axis=0))
    cover = np.ones_like(out)
    _floor(out, rng)
    for side in (-1, 1):
        paint(out, _wall(side * 2.05 - 0.01, 0, side * 2.05 + 0.01, 3), (0.45, 0.43, 0.4))
        paint(out, _wall(side * 1.78, 0, side * 9, 0.09), (0.36, 0.35, 0.33))
    paint(out, _wall(-1.78, 0, 1.78, 2.28), _FRAME)
    paint(cover, _wall(-0.84, 0, 0.84, 2.2), (0, 0, 0))
    for left in (-1.7, 0.92):
        for part, colour, covers in (
            (_wall(left, 0.06, left + 0.78, 2.2), _GLASS, 0.3),
            (_wall(left + 0.36, 0.06, left + 0.42, 2.2), _MULLION, 1.0),
            (_wall(left, 1.0, left + 0.78, 1.06), _BAR, 0.5),
        ):
            paint(out, part, colour)
            paint(cover, part, (covers,) * 3)
    paint(out, _wall(-0.34, 2.31, 0.34, 2.43), (0.10, 0.45, 0.28))
    cv2.putText(out, "EXIT", (304, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.42, _BAR, 1, cv2.LINE_AA)
    _plant(out, rng)
    return blur(out, 0.8), blur(cover, 0.8)


def _box(x1: float, y1: float, x2: float, y2: float) -> Floats:
    return floats([(x1, y1), (x2, y1), (x2, y2), (x1, y2)])


def _wall(x1_m: float, up1_m: float, x2_m: float, up2_m: float) -> Floats:
    """A rectangle in the plane of the door."""
    return _box(*project(x1_m, up1_m, DOOR_M), *project(x2_m, up2_m, DOOR_M))


def _floor(out: Picture, rng: np.random.Generator) -> None:
    """Tiles in perspective with the door's light lying on them, and a mat."""
    top = round(project(0, 0, DOOR_M)[1])
    x, y = np.meshgrid(np.arange(WIDTH_PX) + 0.5, np.arange(top, HEIGHT_PX) + 0.5)
    z_m = CAMERA_M * FOCAL_PX / (y - HORIZON_PX)
    x_m = (x - WIDTH_PX / 2) * z_m / FOCAL_PX
    tile = np.stack([x_m, z_m]) / 0.45
    column, row = np.floor(tile).astype(int)
    tone = 0.53 + rng.uniform(-0.02, 0.02, (40, 40))[row % 40, column % 40]
    to_joint = np.minimum(tile % 1, 1 - tile % 1).min(axis=0)
    shine = 0.42 * np.exp(-(x_m**2)) * np.exp(-(DOOR_M - z_m) / 1.6)
    floor = tone * (1 - 0.18 * np.exp(-((to_joint / 0.02) ** 2))) + shine
    mat = 0.2 + 0.6 * shine + 0.02 * np.sin(z_m * 160)
    on_mat = (np.abs(x_m) < 0.95) & (z_m < 5.75) & (z_m > 4.75)
    out[top:] = np.where(on_mat, mat, floor)[..., None] * floats([1.0, 0.99, 0.96])


def _plant(out: Picture, rng: np.random.Generator) -> None:
    """Something green in the corner, as every lobby has."""
    paint(out, [(582, 338), (628, 338), (622, 398), (588, 398)], (0.35, 0.3, 0.27))
    for _ in range(70):
        angle, length = rng.normal(-np.pi / 2, 0.55), rng.uniform(40, 130)
        x, y = 605 + length * np.cos(angle), 338 + length * np.sin(angle)
        bend_x, bend_y = (605 + x) / 2 + rng.normal(0, 6), (338 + y) / 2 - 6
        tone = rng.uniform(0.2, 0.48)
        leaf = [(603, 338), (bend_x, bend_y), (x, y), (bend_x + 7, bend_y + 5), (608, 338)]
        paint(out, leaf, (tone * 0.6, tone, tone * 0.45))
