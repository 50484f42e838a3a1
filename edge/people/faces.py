"""Which faces can be judged: wide, sharp and bright enough, whole, and turned to the camera. Pure."""

from dataclasses import dataclass

import numpy as np

from edge.model.preprocess import light
from edge.values import Face, Image, Look


@dataclass(frozen=True, slots=True)
class LookLimits:
    """A look beyond these limits can't be judged; units as in ``edge.config.Faces``."""

    min_width_px: float
    min_sharpness: float
    min_brightness: float
    max_brightness: float
    max_turn: float


def assess(image: Image, face: Face, limits: LookLimits) -> Look:
    """Say whether and how well a face can be judged.

    Args:
        image: (H, W, 3) uint8 RGB.
        face: in the picture's pixels.
        limits: from where a face is too small, blurred, dark, bright or turned.
    """
    flaw = _shape_flaw(face, image, limits)
    if flaw is not None:
        return Look(face, 0.0, flaw)
    brightness, sharpness = light(image, face.box)
    if not limits.min_brightness <= brightness <= limits.max_brightness:
        return Look(face, 0.0, "too dark" if brightness < limits.min_brightness else "overexposed")
    if sharpness < limits.min_sharpness:
        return Look(face, 0.0, "blurred")
    return Look(face, _quality(face, limits, sharpness), None)


def _shape_flaw(face: Face, image: Image, limits: LookLimits) -> str | None:
    height, width = image.shape[:2]
    if face.box.width < limits.min_width_px:
        return f"too small ({face.box.width:.0f} px)"
    if any(not (0 <= x < width and 0 <= y < height) for x, y in face.landmarks):
        return "cut by the edge"
    return "turned away" if (face.turn or 0.0) > limits.max_turn else None


def _quality(face: Face, limits: LookLimits, sharpness: float) -> float:
    """Product of four terms, each 1 for a good look; a look at the limits still says something."""
    terms = (
        min(1.0, face.box.width / (2 * limits.min_width_px)),
        1.0 - 0.5 * min(1.0, (face.turn or 0.0) / limits.max_turn),
        min(1.0, 0.5 + sharpness / (8 * limits.min_sharpness)) if limits.min_sharpness > 0 else 1.0,
        min(1.0, face.score / 0.8),
    )
    return max(0.1, float(np.prod(terms)))
