"""Training crops: 320x320 px cut from whole photos at many scales, with drawn masks and drawn non-faces.

The numbers of ``Mix`` were chosen on validation photos; see the model card for what was tried.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from convert.face.boxes import Boxes
from convert.face.negatives import draw_negative, lay_negative
from convert.face.optics import as_a_camera_sees
from convert.face.scenes import TrainingScene
from convert.face.wear import wear_drawn_mask
from edge.values import Image

SIDE_PX = 320
LARGEST_SCALE = 4.0
BARE = "not_masked"
MIRRORED = (1, 0, 2, 4, 3)
"""Where each landmark goes in a mirror."""

Random = np.random.Generator


@dataclass(frozen=True, slots=True)
class Mix:
    """What a crop shows, how often; shares from 0 to 1."""

    long_side_px: tuple[float, float] = (300, 1000)
    """The photo's, drawn evenly on a logarithmic scale."""
    bare: float = 0.3
    """Crops around a bare face: the photos show four masked faces for one."""
    near: float = 0.15
    """Crops in which one face is ``near_px`` wide."""
    near_px: tuple[float, float] = (70, 260)
    wrong: float = 0.08
    """Crops around something that was taken for a face and is not one."""
    empty: float = 0.06
    """Crops of pictures without a face."""
    negatives: float = 0.4
    """Crops into which one to four things that are not faces are drawn."""
    masks: float = 0.35
    """Bare faces that get a drawn mask."""
    turned: float = 0.3
    """Crops that are turned by up to 12 degrees."""


@dataclass(frozen=True, eq=False, slots=True)
class TrainingCrop:
    """One training picture."""

    image: Image
    """(320, 320, 3) uint8 RGB."""
    boxes: Boxes
    """(N, 4) px; may reach over the edge."""
    points: NDArray[np.float64]
    """(N, 5, 2) px; NaN where unknown."""
    ignored: Boxes
    """(M, 4) px."""


@dataclass(frozen=True, eq=False, slots=True)
class _View:
    """A photo's pixels in the crop: x -> matrix x + shift, sizes times scale."""

    matrix: NDArray[np.float64]
    """(2, 3)."""
    scale: float
    mirrored: bool

    def points(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        moved = points @ self.matrix[:, :2].T + self.matrix[:, 2]
        return np.asarray(moved[list(MIRRORED)] if self.mirrored else moved, dtype=np.float64)

    def box(self, box: NDArray[np.float64]) -> NDArray[np.float64]:
        middle = (box[:2] + box[2:]) / 2 @ self.matrix[:, :2].T + self.matrix[:, 2]
        half = (box[2:] - box[:2]) * self.scale / 2
        return np.concatenate([middle - half, middle + half])


@dataclass(slots=True)
class _Found:
    """What lies in the crop so far."""

    boxes: list[NDArray[np.float64]] = field(default_factory=list)
    points: list[NDArray[np.float64]] = field(default_factory=list)
    ignored: list[NDArray[np.float64]] = field(default_factory=list)


class CropSource:
    """Crops of training photos, each a function of the random source alone.

    Args:
        scenes: at least one.
        empty: (H, W, 3) uint8 RGB pictures without a face; if there are none, ``mix.empty`` does not count.
        mix: what to show.
    """

    def __init__(self, scenes: Sequence[TrainingScene], empty: Sequence[Image], mix: Mix) -> None:
        self._scenes, self._empty, self._mix = scenes, empty, mix
        self._wrong = [s for s in scenes if len(s.not_faces)]
        self._with_bare = [s for s in scenes if BARE in s.truth.labels]

    def draw(self, rng: Random) -> TrainingCrop:
        """The next crop."""
        mix = self._mix
        if self._empty and rng.random() < mix.empty:
            image = self._empty[rng.integers(len(self._empty))]
            view = _view(image, _any_scale(image, mix, rng), None, rng, turned=mix.turned)
            return self._finish(_cut(image, view), _Found(), rng, negatives=1.0)
        if self._wrong and rng.random() < mix.wrong:
            scene = self._wrong[rng.integers(len(self._wrong))]
            target = scene.not_faces[rng.integers(len(scene.not_faces))]
            scale = np.exp(rng.uniform(np.log(18), np.log(150))) / (target[2] - target[0])
        elif self._with_bare and rng.random() < mix.bare:
            scene = self._with_bare[rng.integers(len(self._with_bare))]
            bare = np.array([label == BARE for label in scene.truth.labels])
            target, scale = _target(scene, scene.truth.boxes[bare], mix, rng)
        else:
            scene = self._scenes[rng.integers(len(self._scenes))]
            target, scale = _target(scene, scene.truth.boxes, mix, rng)
        view = _view(scene.image, min(LARGEST_SCALE, float(scale)), target, rng, turned=mix.turned)
        image, found = _cut(scene.image, view), _Found()
        for box, points, label in zip(scene.truth.boxes, scene.truth.points, scene.truth.labels, strict=True):
            placed, at = view.box(box), view.points(points)
            if _take(placed, at, found) and label == BARE and rng.random() < mix.masks:
                wear_drawn_mask(image, placed, at, rng)
        found.ignored += [b for b in map(view.box, scene.truth.ignored) if _visible(b) > 0.1]
        return self._finish(image, found, rng, negatives=mix.negatives)

    def _finish(self, image: Image, found: _Found, rng: Random, *, negatives: float) -> TrainingCrop:
        if rng.random() < negatives:
            taken = [*found.boxes, *found.ignored]
            for _ in range(int(rng.integers(1, 5))):
                drawn = draw_negative(rng)
                at = _free_place(taken, drawn[1].shape[0], rng)
                if at is not None:
                    lay_negative(image, *at, drawn)
                    taken.append(np.array([*at, *(v + drawn[1].shape[0] for v in at)], dtype=np.float64))
        return TrainingCrop(
            as_a_camera_sees(image, rng),
            np.array(found.boxes).reshape(-1, 4),
            np.array(found.points).reshape(-1, 5, 2),
            np.array(found.ignored).reshape(-1, 4),
        )


def _any_scale(image: Image, mix: Mix, rng: Random) -> float:
    return float(np.exp(rng.uniform(*np.log(mix.long_side_px))) / max(image.shape[:2]))


def _target(
    scene: TrainingScene, boxes: Boxes, mix: Mix, rng: Random
) -> tuple[NDArray[np.float64] | None, float]:
    """The face that the crop is about, if any, and the photo's scale."""
    scale = _any_scale(scene.image, mix, rng)
    if not len(boxes):
        return None, scale
    large = boxes[boxes[:, 2] - boxes[:, 0] >= 28]
    if len(large) and rng.random() < mix.near:
        box = large[rng.integers(len(large))]
        return box, float(rng.uniform(*mix.near_px) / (box[2] - box[0]))
    return (boxes[rng.integers(len(boxes))] if rng.random() < 0.75 else None), scale


def _view(
    image: Image, scale: float, target: NDArray[np.float64] | None, rng: Random, *, turned: float
) -> _View:
    size = np.array([image.shape[1], image.shape[0]], dtype=np.float64) * scale
    if target is None:
        middle = rng.uniform(0, 1, 2) * size
    else:
        middle = (target[:2] + target[2:]) / 2 * scale + rng.uniform(-115, 115, 2)
    inside = np.clip(middle, np.minimum(SIDE_PX / 2, size / 2), np.maximum(size - SIDE_PX / 2, size / 2))
    middle = np.where(rng.random(2) < 0.8, inside, middle)
    angle = rng.uniform(-12, 12) if rng.random() < turned else 0.0
    pivot = (float(middle[0] / scale), float(middle[1] / scale))
    matrix = np.asarray(cv2.getRotationMatrix2D(pivot, angle, scale), dtype=np.float64)
    matrix[:, 2] += SIDE_PX / 2 - middle / scale
    mirrored = bool(rng.random() < 0.5)
    if mirrored:
        matrix[0] = -matrix[0]
        matrix[0, 2] += SIDE_PX
    return _View(matrix, scale, mirrored)


def _cut(image: Image, view: _View) -> Image:
    """Black where the photo ends, as in the device's letter box."""
    if view.scale < 0.6:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), 0.4 / view.scale), dtype=np.uint8)
    return np.ascontiguousarray(cv2.warpAffine(image, view.matrix, (SIDE_PX, SIDE_PX)), dtype=np.uint8)


def _visible(box: NDArray[np.float64]) -> float:
    """The share of a box that lies in the crop."""
    inside = np.clip(np.minimum(box[2:], SIDE_PX) - np.maximum(box[:2], 0), 0, None)
    return float(inside.prod() / max(1e-6, float((box[2:] - box[:2]).prod())))


def _take(box: NDArray[np.float64], points: NDArray[np.float64], found: _Found) -> bool:
    """A whole face is to be found, a cut or tiny one is ignored, a chin or an ear alone is not a face."""
    seen = _visible(box)
    if seen >= 0.65 and box[2] - box[0] >= 6:
        found.boxes.append(box)
        found.points.append(points)
        return True
    if seen >= 0.25:
        found.ignored.append(box)
    return False


def _free_place(taken: Sequence[NDArray[np.float64]], size: int, rng: Random) -> tuple[int, int] | None:
    """Where a square of that size hides no face; None if a few tries don't find a place."""
    others = np.array(taken).reshape(-1, 4)
    areas = np.prod(others[:, 2:] - others[:, :2], axis=1)
    for _ in range(12):
        x, y = (int(v) for v in rng.uniform(-0.1 * size, SIDE_PX - 0.9 * size, 2))
        span = np.minimum(others[:, 2:], (x + size, y + size)) - np.maximum(others[:, :2], (x, y))
        shared = np.prod(np.clip(span, 0, None), axis=1)
        if not len(others) or (shared.max() <= 0.02 * size**2 and (shared / (areas + 1)).max() < 0.05):
            return x, y
    return None
