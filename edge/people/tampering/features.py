"""What is measured in a picture: contrast that light does not change, detail, noise, brightness. Pure."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.values import Image

Plane = NDArray[np.float32]
"""(60, 80), or (240, 320) for detail."""
Cells = NDArray[np.float32]
"""(6, 8)."""
Marks = NDArray[np.bool_]

GRID = (6, 8)
"""Rows and columns of the cells in which a picture is judged: people cover some, a hand on the lens all."""
_THUMB = (80, 60)
_DETAIL = (320, 240)
"""Detail is measured at this size, px. It shows what faces are judged by; the smear of a camera's noise
reduction and of compression is finer."""
_MEMORY_S = 1.0
"""Time constant of the running average, s: noise goes away, and people who walk are smeared."""
_BLACK = 1.5
"""Luma levels added to both sides of a contrast, so that a black picture's steps of one level don't count."""
_WHITE = 250
_VISIBLE = 0.03
"""A cell shows something from this contrast on (root mean square); a hand on the lens stays below."""


@dataclass(frozen=True, eq=False, slots=True)
class Features:
    """One moment: planes (60, 80) float32, cells (6, 8), luma in levels 0 to 255."""

    contrast: Plane
    """Luma relative to its surroundings, so that it is the same at noon and at night; mean 0 in each cell."""
    coarse: Plane
    """``contrast`` without small structure: what defocus leaves."""
    energy: Cells
    """Mean square of ``contrast`` less that of its noise; may be a little below 0."""
    coarse_energy: Cells
    """Mean square of ``coarse``."""
    fine: Cells
    """Relative mean square of the detail that stays from picture to picture, so it has no noise."""
    fine_noise: Cells
    """Relative mean square of the detail that does not stay: noise, people who walk, a camera that shakes."""
    level: Cells
    """Mean luma of each cell."""
    brightness: float
    """Mean luma of the whole picture."""
    span: float
    """Luma levels between the darkest and the brightest part; specks do not count."""
    white: float
    """Share of the picture that is saturated."""

    @property
    def visible(self) -> Marks:
        """Which cells show something."""
        return shows(self.energy)


class Eye:
    """Measures pictures that follow each other, on their running average.

    What two pictures share is the scene; what they do not share is noise, or moves.
    """

    def __init__(self) -> None:
        self._thumb = self._mean = np.zeros(_THUMB[::-1], np.float32)
        self._detail = np.zeros(_DETAIL[::-1], np.float32)
        self._noise = self._fine = self._fine_all = np.zeros(GRID, np.float32)
        self._left = 1.0
        """The share of one picture's noise that is left in the average."""
        self._empty = True

    def look(self, image: Image, dt_s: float) -> Features:
        """Measure the next picture, (H, W, 3) uint8 RGB, ``dt_s`` seconds after the one before.

        The noise is known only after some pictures: the features of the first two seconds are of no use.
        """
        luma = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), _DETAIL, interpolation=cv2.INTER_AREA)
        thumb = np.asarray(cv2.resize(luma, _THUMB, interpolation=cv2.INTER_AREA), np.float32)
        detail = np.asarray(cv2.Laplacian(luma, cv2.CV_32F), np.float32)
        if self._empty:
            self._thumb = self._mean = thumb
            self._detail, self._empty = detail, False
        alpha = 1.0 - math.exp(-dt_s / _MEMORY_S)
        change = thumb - self._thumb
        noise = (cells(change * change) - cells(change) ** 2) / 2  # halved, because it is in both pictures
        self._noise = self._noise + alpha * (noise - self._noise)
        self._left = (1 - alpha) ** 2 * self._left + alpha**2
        self._mean = self._mean + alpha * (thumb - self._mean)
        self._fine = self._fine + alpha * (cells(detail * self._detail) - self._fine)
        self._fine_all = self._fine_all + alpha * (cells(detail * detail) - self._fine_all)
        self._thumb, self._detail = thumb, detail
        return self._features()

    def _features(self) -> Features:
        around = _blurred(self._mean, 3) + _BLACK
        contrast: Plane = self._mean / around
        contrast -= _spread(cells(contrast))
        coarse = (_blurred(self._mean, 2) + _BLACK) / (_blurred(self._mean, 8) + _BLACK) - np.float32(1)
        level = cells(around)
        return Features(
            contrast=contrast,
            coarse=coarse,
            energy=cells(contrast * contrast) - self._noise * self._left / level**2,
            coarse_energy=cells(coarse * coarse),
            fine=self._fine / level**2,
            fine_noise=np.maximum(self._fine_all - self._fine, 0) / level**2,
            level=level,
            brightness=float(self._mean.mean()),
            span=float(around.max() - around.min()),
            white=float((self._mean > _WHITE).mean()),
        )


def shows(energy: Cells) -> Marks:
    """Whether cells with this mean square contrast show something."""
    return np.asarray(energy > _VISIBLE**2)


def cells(plane: Plane) -> Cells:
    """The means over the cells of a plane whose sides are multiples of the grid's."""
    return np.asarray(cv2.resize(plane, GRID[::-1], interpolation=cv2.INTER_AREA), np.float32)


def _spread(values: Cells) -> Plane:
    return np.asarray(cv2.resize(values, _THUMB, interpolation=cv2.INTER_NEAREST), np.float32)


def _blurred(plane: Plane, sigma: float) -> Plane:
    return cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REFLECT).astype(
        np.float32, copy=False
    )
