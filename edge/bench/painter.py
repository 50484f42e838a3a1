"""Pictures of a scripted scene: walls, coats and faces, with the light, blur and noise of a camera."""

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.bench.cast import CONTEXT, Roles
from edge.bench.motion import HEIGHT_PX, WIDTH_PX
from edge.bench.sightings import Moment, Presence
from edge.model.preprocess import resize
from edge.values import Image

_EXPOSURE_S = 1 / 60
"""Exposure time: what moves across the picture is blurred by it."""
_NOISE = 3.0
"""Standard deviation of the sensor's noise, in levels."""
_ROLL_DEG, _FLICKER = 4.0, 0.06
"""How far heads tilt to the sides, and the light on them changes."""


class Painter:
    """Draws the frames of one scene.

    Args:
        roles: each visitor's face, and another one after a change of what is worn.
        seed: of walls, coats, light and noise.
    """

    def __init__(self, roles: Roles, seed: int) -> None:
        self._roles = roles
        self._rng = np.random.default_rng((seed, 5))
        self._noise = self._rng.normal(0, _NOISE, (HEIGHT_PX, WIDTH_PX, 3)).astype(np.float32)
        self._walls: dict[int, Image] = {}
        self._looks: dict[int, tuple[float, tuple[int, ...]]] = {}

    def paint(self, moment: Moment) -> Image:
        """The frame: (HEIGHT_PX, WIDTH_PX, 3) uint8 RGB."""
        if moment.part not in self._walls:
            self._walls[moment.part] = self._wall()
        image = self._walls[moment.part].copy()
        for p in moment.present:
            if p.visitor.id not in self._looks:
                coat = tuple(int(v) for v in self._rng.integers(20, 200, 3))
                self._looks[p.visitor.id] = float(self._rng.uniform(0.75, 1.2)), coat
            light, coat = self._looks[p.visitor.id]
            self._body(image, p, coat)
            if not p.visitor.is_covered(moment.at_s):
                self._face(image, p, light, moment.at_s)
        return image

    def _wall(self) -> Image:
        cells = self._rng.integers(30, 220, (6, 8, 3), dtype=np.uint8)
        smooth = cv2.resize(cells, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_CUBIC)
        return _levels(smooth + self._noise)

    def _body(self, image: Image, p: Presence, coat: tuple[int, ...]) -> None:
        (x, _), w, top = p.pose.box.center, p.pose.box.width, p.pose.box.y2 + 0.2 * p.pose.box.height
        corners = (round(x - 1.5 * w), round(top)), (round(x + 1.5 * w), HEIGHT_PX)
        cv2.rectangle(image, *corners, coat, cv2.FILLED)

    def _face(self, image: Image, p: Presence, light: float, at_s: float) -> None:
        box, reach = p.pose.box, 1 + 2 * CONTEXT
        w, h = max(2, round(box.width * reach)), max(2, round(box.height * reach))
        look = resize(self._roles[p.visitor.id, p.wear].image, w, h)
        angle = _ROLL_DEG * np.sin(2 * at_s + 6 * p.visitor.phase)
        turn = cv2.getRotationMatrix2D((w / 2, h / 2), angle, 1.0)
        turned = cv2.warpAffine(look, turn, (w, h), borderMode=cv2.BORDER_REPLICATE)
        blurred = cv2.blur(turned, [1 + round(abs(v) * _EXPOSURE_S) for v in p.speed_px_s])
        gain = light * (1 + _FLICKER * np.sin(1.3 * at_s + 5 * p.visitor.phase))
        dx, dy = int(self._rng.integers(WIDTH_PX - w)), int(self._rng.integers(HEIGHT_PX - h))
        noisy = _levels(gain * blurred.astype(np.float32) + self._noise[dy : dy + h, dx : dx + w])
        _paste(image, noisy, round(box.center[0] - w / 2), round(box.center[1] - h / 2))


def _levels(values: NDArray[np.float32]) -> Image:
    return np.clip(values, 0, 255).astype(np.uint8)


def _paste(image: Image, patch: Image, x: int, y: int) -> None:
    h, w = patch.shape[:2]
    x1, y1, x2, y2 = max(0, x), max(0, y), min(WIDTH_PX, x + w), min(HEIGHT_PX, y + h)
    if x1 < x2 and y1 < y2:
        image[y1:y2, x1:x2] = patch[y1 - y : y2 - y, x1 - x : x2 - x]
