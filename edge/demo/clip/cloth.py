"""What drawn masks are made of: four styles, painted flat, u (0 to 1) to the right and v down."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edge.demo.clip.drawing import Floats, Picture, blur, floats, paint, polygon

SHAPE = (300, 400)
V, U = floats(np.mgrid[0 : SHAPE[0], 0 : SHAPE[1]] + 0.5) / floats(SHAPE)[:, None, None]
"""(300, 400) float32 each."""
_OUT = np.abs(2 * U - 1)
"""0 in the middle, 1 at both sides."""
_BOW = floats(1 - _OUT**2)
_CURVED = (
    (0.0, 0.17),
    (0.3, 0.05),
    (0.5, 0.0),
    (0.7, 0.05),
    (1.0, 0.17),
    (1.0, 0.79),
    (0.63, 1.0),
    (0.37, 1.0),
    (0.0, 0.79),
)


@dataclass(frozen=True, eq=False, slots=True)
class Cloth:
    """A flat mask. ``eq=False``: it holds arrays."""

    paint: Picture
    """(300, 400, 3)."""
    outline: Floats
    """(300, 400), its alpha."""
    loops: tuple[float, float, float]
    """Colour of the ear loops, RGB 0 to 1."""


def creases(seed: int) -> Floats:
    """Soft noise that runs from ear to ear, (300, 400), standard deviation 1."""
    soft = blur(np.random.default_rng(seed).standard_normal(SHAPE), 60, 9)
    return floats(soft / soft.std())


def _weave(seed: int, contrast: float) -> Floats:
    noise = blur(np.random.default_rng(seed).standard_normal(SHAPE), 0.8)
    return floats(1 + contrast * noise)[..., None]


def _outline(points: tuple[tuple[float, float], ...], round_px: float) -> Floats:
    soft = blur(polygon(SHAPE, floats(points) * floats(SHAPE[::-1])), round_px)
    return floats(np.clip((soft - 0.5) * round_px + 0.5, 0, 1))


def _line(distance: Floats, width: float) -> Floats:
    """1 on a line, 0 away from it; (300, 400, 1)."""
    return floats(np.exp(-((distance / width) ** 2)))[..., None]


def _surgical() -> Cloth:
    """Light blue with three pleats and a white hem."""
    cloth = floats([0.56, 0.76, 0.87]) * _weave(1, 0.02)
    for v in (0.27, 0.47, 0.67):
        below = V - v - 0.05 * _BOW
        cloth *= (1 - 0.3 * _line(below, 0.012)) * (1 - 0.12 * _line(below, 0.05) * (below > 0)[..., None])
        cloth += 0.07 * _line(below + 0.03, 0.016)
    hem = np.clip((0.075 - V) * 120, 0, 1)[..., None]
    cloth += (floats([0.86, 0.9, 0.93]) - cloth) * hem
    seams = np.maximum(_line(_OUT - 0.91, 0.016), _line(V - 0.94, 0.012))
    corners = ((0.01, 0.04), (0.5, 0.015), (0.99, 0.04), (0.985, 0.95), (0.5, 0.985), (0.015, 0.95))
    return Cloth(floats(cloth * (1 - 0.18 * seams)), _outline(corners, 7), (0.93, 0.94, 0.95))


def _respirator() -> Cloth:
    """White, folded along the middle, with welded edges and a nose wire, as FFP2 and KN95 masks are."""
    cloth = floats([0.93, 0.93, 0.91]) * _weave(2, 0.012)
    cloth *= (1 - 0.16 * _line(U - 0.5, 0.008)) * np.where(U < 0.5, 1.0, 0.93)[..., None]
    dots = (np.sin(U * 260) > -0.2)[..., None]
    for weld in (V - 0.12 - 0.16 * _OUT, V - 0.88 + 0.14 * _OUT):
        cloth *= 1 - 0.22 * _line(floats(weld), 0.012) * dots
    cloth *= 1 - 0.12 * _line(floats(V - 0.07 - 0.1 * _OUT), 0.02) * (_OUT < 0.44)[..., None]
    return Cloth(floats(cloth), _outline(_CURVED, 12), (0.9, 0.9, 0.88))


def _black() -> Cloth:
    """Black cotton with a seam along the middle."""
    cloth = floats([0.16, 0.16, 0.18]) * _weave(4, 0.1)
    cloth *= (1 + 0.5 * _line(U - 0.506, 0.006)) * (1 - 0.4 * _line(U - 0.5, 0.006))
    hems = np.maximum(_line(floats(V - 0.07 - 0.05 * _OUT), 0.01), _line(V - 0.93, 0.01))
    return Cloth(floats(cloth * (1 + 0.3 * hems)), _outline(_CURVED, 12), (0.14, 0.14, 0.15))


def _flowers() -> Cloth:
    """Sewn of a cream cotton with small blue flowers."""
    cloth = floats(np.full((*SHAPE, 3), [0.87, 0.83, 0.74]))
    rng = np.random.default_rng(5)
    petals = floats([(np.cos(a), np.sin(a)) for a in np.arange(5) * 2 * np.pi / 5])
    disc = floats([(np.cos(a), np.sin(a)) for a in np.arange(16) * np.pi / 8])
    for row, col in np.ndindex(8, 11):
        at = floats((col * 40 + row % 2 * 20, row * 42)) + rng.integers(-4, 5, 2)
        for petal in at + petals * 7:
            paint(cloth, petal + disc * 5, (0.17, 0.27, 0.5))
        paint(cloth, at + disc * 4, (0.85, 0.55, 0.25))
    cloth *= _weave(6, 0.05)
    for v in (0.4, 0.68):
        cloth *= 1 - 0.28 * _line(V - v - 0.04 * _BOW, 0.016)
    corners = ((0.0, 0.08), (0.5, 0.0), (1.0, 0.08), (1.0, 0.88), (0.6, 1.0), (0.4, 1.0), (0.0, 0.88))
    return Cloth(cloth, _outline(corners, 10), (0.85, 0.82, 0.75))


STYLES: dict[str, Callable[[], Cloth]] = {
    "surgical": _surgical,
    "respirator": _respirator,
    "black cloth": _black,
    "flowered cloth": _flowers,
}
