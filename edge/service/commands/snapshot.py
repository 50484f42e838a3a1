"""What the camera sees, in numbers alone: no pixel of it leaves the device. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from pydantic import JsonValue

from edge.values import Image, Look, MaskScore

_SIZE = (320, 240)
"""Pictures are measured at this size, so that the figures of different cameras can be compared."""
_FACES_MAX = 50
"""Of more faces, the widest ones are listed."""
_BLACK, _WHITE = 5, 250


@dataclass(frozen=True, slots=True)
class SnapshotFace:
    """One face that the detector found."""

    look: Look
    zone: str | None
    """None if it is outside all zones, where nobody is judged."""
    score: MaskScore | None
    """None if it can't be judged."""


def in_numbers(image: Image, sightings: Sequence[SnapshotFace]) -> dict[str, JsonValue]:
    """Describe a picture and its faces.

    Args:
        image: (H, W, 3) uint8 RGB.
        sightings: its faces, in its pixels.

    Returns:
        ``width``, ``height`` in px; ``brightness`` and ``contrast``, luma's mean and standard deviation, 0 to
        255; ``sharpness``, variance of the Laplacian at 320x240; ``black_share`` and ``white_share``;
        ``face_count`` and ``faces``, the widest first: positions are shares of the picture.
    """
    luma = cv2.cvtColor(cv2.resize(image, _SIZE, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    height, width = image.shape[:2]
    widest = sorted(sightings, key=lambda s: -s.look.face.box.width)[:_FACES_MAX]
    faces: list[JsonValue] = [_face(sighting, width, height) for sighting in widest]
    return {
        "width": width,
        "height": height,
        "brightness": round(float(luma.mean()), 1),
        "contrast": round(float(luma.std()), 1),
        "sharpness": round(float(cv2.Laplacian(luma, cv2.CV_32F).var()), 1),
        "black_share": round(float(np.mean(luma < _BLACK)), 3),
        "white_share": round(float(np.mean(luma > _WHITE)), 3),
        "face_count": len(sightings),
        "faces": faces,
    }


def _face(sighting: SnapshotFace, width: int, height: int) -> dict[str, JsonValue]:
    look, (x, y) = sighting.look, sighting.look.face.box.center
    return {
        "x": round(x / width, 3),
        "y": round(y / height, 3),
        "width_px": round(look.face.box.width, 1),
        "detector_score": round(look.face.score, 3),
        "zone": sighting.zone,
        "judgeable": sighting.score is not None,
        "why_not": look.flaw if sighting.zone is not None else "outside all zones",
        "quality": round(look.quality, 3),
        "mask_probability": None if sighting.score is None else round(sighting.score.probability, 3),
    }
