"""What the camera and the detector do to a face, done to training pictures. NumPy and OpenCV only."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from convert.training.occlude import occlude
from edge.model.preprocess import face_input
from edge.values import Box, Image

Random = np.random.Generator
Augment = Callable[[Image, NDArray[np.float32], tuple[int, int], Random], Image]
"""(stored picture, face's box in it from 0 to 1, (height, width) wanted, random source) -> model input."""


@dataclass(frozen=True, slots=True)
class AugmentRanges:
    """How far each change goes, and how often it is made; a pair is the lowest and the highest value drawn.

    The box's ranges cover how YuNet's boxes and those of annotators differ, see ``_jitter``. All others are
    those of the first recipe. They were not searched: convert/release/tried.md says what was tried instead.
    """

    box_zoom: tuple[float, float] = (-0.10, 0.06)
    """All sides together, as a share of the face; positive: outwards."""
    box_side: tuple[float, float] = (-0.08, 0.08)
    """Left and right, each on its own."""
    box_end: tuple[float, float] = (-0.10, 0.10)
    """Top and bottom, each on its own."""
    turn_chance: float = 0.5
    turn_deg: float = 15.0
    talk_turn_deg: float = 20.0
    """The published recipe's."""
    loose_scale: tuple[float, float] = (0.72, 1.12)
    """Cut more loosely or tightly, in ``as_people_stand``."""
    covered_chance: float = 0.12
    """Behind a hand, a phone or a microphone, in ``as_people_stand``."""
    far_chance: float = 0.25
    far_px: tuple[float, float] = (18.0, 60.0)
    """Width of a face that was far away, in px."""
    blur_chance: float = 0.20
    blur_sigma_px: tuple[float, float] = (0.5, 2.5)
    motion_px: tuple[float, float] = (1.0, 4.0)
    """Half the way that a face moved while the picture was taken."""
    light_chance: float = 0.50
    gamma_log: tuple[float, float] = (-0.5, 0.6)
    contrast: tuple[float, float] = (0.6, 1.3)
    brightness: tuple[float, float] = (0.55, 1.25)
    white_balance: tuple[float, float] = (0.9, 1.1)
    grey_chance: float = 0.12
    noise_chance: float = 0.25
    noise_sigma: tuple[float, float] = (2.0, 18.0)
    """In levels of 0 to 255."""
    jpeg_chance: float = 0.25
    jpeg_quality: tuple[int, int] = (20, 80)


RANGES = AugmentRanges()
"""In force; a training run writes them into its record."""


def plain(picture: Image, box: NDArray[np.float32], size: tuple[int, int], _rng: Random) -> Image:
    """The face as the device would cut it: nothing is changed."""
    return face_input(picture, _pixels(picture, box), size, 0.0)


def flip_and_rotate(picture: Image, box: NDArray[np.float32], size: tuple[int, int], rng: Random) -> Image:
    """The talk's: mirrored every second time, turned by up to 20 degrees."""
    return _rotate(_flip(plain(picture, box, size, rng), rng), rng, RANGES.talk_turn_deg)


def as_the_device_sees(picture: Image, box: NDArray[np.float32], size: tuple[int, int], rng: Random) -> Image:
    """Boxes as a detector places them, then optics, light, sensor and compression."""
    return _seen(picture, box, size, rng)


def as_people_stand(picture: Image, box: NDArray[np.float32], size: tuple[int, int], rng: Random) -> Image:
    """The same, but cut more loosely or tightly, and now and then behind a hand, a phone or a microphone."""
    return _seen(picture, box, size, rng, scales=RANGES.loose_scale, covered=RANGES.covered_chance)


def _seen(
    picture: Image,
    box: NDArray[np.float32],
    size: tuple[int, int],
    rng: Random,
    *,
    scales: tuple[float, float] = (1.0, 1.0),
    covered: float = 0.0,
) -> Image:
    face = face_input(picture, _pixels(picture, _jitter(box, rng)), size, 0.0)
    face = _flip(face, rng)
    if rng.random() < RANGES.turn_chance:
        face = _rotate(face, rng, RANGES.turn_deg, scales)
    if covered and rng.random() < covered:
        face = occlude(face, rng)
    for chance, change in _CHANGES:
        if rng.random() < chance:
            face = change(face, rng)
    return face


def _pixels(picture: Image, box: NDArray[np.float32]) -> Box:
    h, w = picture.shape[:2]
    return Box(float(box[0]) * w, float(box[1]) * h, float(box[2]) * w, float(box[3]) * h)


def _jitter(box: NDArray[np.float32], rng: Random) -> NDArray[np.float32]:
    """Each side moves on its own: in by up to 18 % of the face, out as far as the stored picture reaches.

    A detector's box starts higher than an annotator's and ends above the chin, so top and bottom move most.
    """
    w, h = box[2] - box[0], box[3] - box[1]
    zoom = rng.uniform(*RANGES.box_zoom)
    left, right = (zoom + rng.uniform(*RANGES.box_side) for _ in range(2))
    top, bottom = (zoom + rng.uniform(*RANGES.box_end) for _ in range(2))
    moved = np.array([box[0] - left * w, box[1] - top * h, box[2] + right * w, box[3] + bottom * h])
    return np.clip(moved, 0.0, 1.0).astype(np.float32)


def _flip(face: Image, rng: Random) -> Image:
    return np.ascontiguousarray(face[:, ::-1]) if rng.random() < 0.5 else face


def _rotate(face: Image, rng: Random, degrees: float, scales: tuple[float, float] = (1.0, 1.0)) -> Image:
    """Turned and scaled about its middle; what comes into view mirrors what was there."""
    h, w = face.shape[:2]
    angle, scale = rng.uniform(-degrees, degrees), 1.0 if scales == (1.0, 1.0) else rng.uniform(*scales)
    turn = cv2.getRotationMatrix2D((w / 2, h / 2), angle, scale)
    border = cv2.BORDER_REPLICATE if scales == (1.0, 1.0) else cv2.BORDER_REFLECT_101
    return np.asarray(cv2.warpAffine(face, turn, (w, h), borderMode=border), dtype=np.uint8)


def _light(face: Image, rng: Random) -> Image:
    """Gamma, contrast, brightness and white balance, down to night."""
    x = (face.astype(np.float32) / 255.0) ** np.exp(rng.uniform(*RANGES.gamma_log))
    x = (x - 0.5) * rng.uniform(*RANGES.contrast) + 0.5
    x = x * rng.uniform(*RANGES.brightness) * rng.uniform(*RANGES.white_balance, size=3)
    lit: Image = np.clip(x * 255.0, 0, 255).astype(np.uint8)
    return lit


def _grey(face: Image, _rng: Random) -> Image:
    """An infrared camera at night."""
    return np.asarray(
        cv2.cvtColor(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), dtype=np.uint8
    )


def _far(face: Image, rng: Random) -> Image:
    """A face that was far away, ``RANGES.far_px`` wide."""
    h, w = face.shape[:2]
    low, high = RANGES.far_px
    small = int(np.exp(rng.uniform(np.log(low), np.log(high))))
    tiny = cv2.resize(face, (small, small), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(tiny, (w, h), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def _blur(face: Image, rng: Random) -> Image:
    """Out of focus, or moving sideways."""
    if rng.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(face, (0, 0), rng.uniform(*RANGES.blur_sigma_px)), dtype=np.uint8)
    kernel = np.zeros((9, 9), dtype=np.float32)
    angle, reach = rng.uniform(0, np.pi), rng.uniform(*RANGES.motion_px)
    dx, dy = round(reach * np.cos(angle)), round(reach * np.sin(angle))
    cv2.line(kernel, (4 - dx, 4 - dy), (4 + dx, 4 + dy), (1.0,))
    return np.asarray(cv2.filter2D(face, -1, kernel / kernel.sum()), dtype=np.uint8)


def _noise(face: Image, rng: Random) -> Image:
    grain = rng.standard_normal(face.shape, dtype=np.float32) * rng.uniform(*RANGES.noise_sigma)
    return np.clip(face + grain, 0, 255).astype(np.uint8)


def _jpeg(face: Image, rng: Random) -> Image:
    _, data = cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(*RANGES.jpeg_quality))])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)


_CHANGES: tuple[tuple[float, Callable[[Image, Random], Image]], ...] = (
    (RANGES.far_chance, _far),
    (RANGES.blur_chance, _blur),
    (RANGES.light_chance, _light),
    (RANGES.grey_chance, _grey),
    (RANGES.noise_chance, _noise),
    (RANGES.jpeg_chance, _jpeg),
)
