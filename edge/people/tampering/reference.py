"""What the camera's view looks like, learned slowly, and how a picture compares to it. Pure."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from edge.people.tampering.features import Cells, Features, Marks, Plane, cells, shows

_ADAPT_S = 900.0
"""The reference follows the daylight with this time constant, s; a young one follows faster, like a mean."""
_YOUNG_S = 3.0
_STEP_S = 5.0
"""A longer gap between two pictures, s, changes the reference no more than this one."""
_FITS, _COARSE_FITS = 0.6, 0.7
"""A cell fits from this correlation on; other scenes reach it in 4 % (fine) and 20 % (coarse) of them."""
_CLEAR = 2.5
"""Detail is judged where it would be this many times the noise and movement."""
_LIGHT = 40.0
"""Mean luma of a cell or picture below which it says little about the scene."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How much of the reference is in a picture."""

    cells: int
    """How many cells of the reference show something and are free of people."""
    hidden: bool
    """People hide part of the view."""
    known: float
    """Share of the reference's cells that are seen again."""
    coarse: float
    """Share of the reference's cells whose coarse structure is seen again."""
    seen: float
    """Visible cells, as a multiple of the reference's."""
    sharpness: float
    """Fine detail in the cells whose coarse structure is there, relative to the reference's; 1 if too little
    can be seen to tell."""
    texture: float
    """Fine detail in all that is visible, in proportion to its coarse structure, relative to the
    reference's."""
    dim: bool
    """The picture is dark, and much darker than the reference: the light is out."""
    lit: bool
    """The reference is dark, and much darker than the picture: the light is on at last."""


class Reference:
    """The view as it was lately.

    Args:
        first: the features it starts with.
        free: the cells of them to start with; the others are learned when they are free.
    """

    def __init__(self, first: Features, free: Marks) -> None:
        plane = _plane(free.astype(np.float32), first.contrast)
        self._contrast, self._coarse = plane * first.contrast, plane * first.coarse
        self._detail = _detail(first) * _clear(first, first.fine)
        self._brightness = first.brightness
        self._age_s = 0.0

    @property
    def cells(self) -> int:
        """How many of the 48 cells show something."""
        return int(shows(cells(self._contrast * self._contrast)).sum())

    def learn(self, now: Features, dt_s: float, free: Marks) -> None:
        """Follow a picture of the same view, ``dt_s`` seconds after the last, in its ``free`` cells.

        Nothing is learned when the light is out: else the reference would become the night, and the morning
        would not fit it.
        """
        if self._is_dim(now):
            return
        dt_s = min(dt_s, _STEP_S)
        self._age_s += dt_s
        alpha = 1.0 - math.exp(-dt_s / min(max(self._age_s, _YOUNG_S), _ADAPT_S))
        light = now.level >= _LIGHT
        weight = (alpha * ((now.visible | light) & free)).astype(np.float32)
        plane = _plane(weight, self._contrast)
        self._contrast = self._contrast + plane * (now.contrast - self._contrast)
        self._coarse = self._coarse + plane * (now.coarse - self._coarse)
        clear = _clear(now, np.maximum(self._detail * now.coarse_energy, now.fine))
        self._detail = self._detail + weight * clear * (_detail(now) - self._detail)
        self._brightness += alpha * (now.brightness - self._brightness)

    def compare(self, now: Features, free: Marks) -> Comparison:
        """How much of the view a picture shows in its ``free`` cells."""
        energy = cells(self._contrast * self._contrast)
        own = shows(energy) & free
        fits = own & now.visible & (_correlation(self._contrast, energy, now.contrast, now.energy) > _FITS)
        coarse_energy = cells(self._coarse * self._coarse)
        alike = _correlation(self._coarse, coarse_energy, now.coarse, now.coarse_energy) > _COARSE_FITS
        count = max(int(own.sum()), 1)
        usual = float((self._detail * coarse_energy)[own].sum() / max(coarse_energy[own].sum(), 1e-6))
        seen = now.visible & free
        texture = float(now.fine[seen].sum() / max(now.coarse_energy[seen].sum(), 1e-6))
        return Comparison(
            cells=int(own.sum()),
            hidden=not free.all(),
            known=float(fits.sum()) / count,
            coarse=float((own & alike).sum()) / count,
            seen=float(seen.sum()) / count,
            sharpness=self._sharpness(now, own & alike, coarse_energy),
            texture=texture / max(usual, 1e-6),
            dim=self._is_dim(now),
            lit=self._brightness < min(_LIGHT, now.brightness / 2),
        )

    def _is_dim(self, now: Features) -> bool:
        return now.brightness < min(_LIGHT, self._brightness / 2)

    def _sharpness(self, now: Features, same: Marks, coarse_energy: Cells) -> float:
        # what stands beside a cell may give it more coarse structure, but no more detail
        expected = self._detail * np.minimum(now.coarse_energy, coarse_energy)
        judged = same & _clear(now, expected)
        if judged.sum() < 3:
            return 1.0
        found, expected = now.fine[judged], expected[judged]
        # the sum speaks for the cells rich in detail; the median, for all, is halved for what coding leaves
        return max(float(found.sum() / expected.sum()), float(np.median(found / expected)) / 2)


def _plane(values: Cells, like: Plane) -> Plane:
    return np.asarray(cv2.resize(values, like.shape[::-1], interpolation=cv2.INTER_NEAREST), np.float32)


def _clear(now: Features, fine: Cells) -> Marks:
    """Where fine detail of this strength would be seen: neither in the dark nor in noise."""
    return (now.level >= _LIGHT) & (fine > _CLEAR * now.fine_noise)


def _detail(features: Features) -> Cells:
    """Fine detail in proportion to the coarse structure, because light and haze change both alike."""
    return np.asarray(features.fine / np.maximum(features.coarse_energy, 1e-5))


def _correlation(a: Plane, a_energy: Cells, b: Plane, b_energy: Cells) -> Cells:
    scale = np.sqrt(np.maximum(a_energy, 1e-6) * np.maximum(b_energy, 1e-6))
    return np.asarray(cells(a * b) / scale)
