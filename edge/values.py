"""The values that flow through the device: pure data, no I/O, no clock."""

import math
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""(H, W, 3) uint8 RGB."""


class Verdict(str, Enum):
    """What is decided about a face or a person."""

    MASKED = "masked"
    NOT_MASKED = "not_masked"
    CANNOT_JUDGE = "cannot_judge"


@dataclass(frozen=True, slots=True)
class Box:
    """A half-open rectangle in frame pixels: x1 <= x < x2, y1 <= y < y2."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def corners(self) -> tuple[float, float, float, float]:
        """(x1, y1, x2, y2) in px."""
        return self.x1, self.y1, self.x2, self.y2

    @property
    def width(self) -> float:
        """Width in px, never negative."""
        return max(0.0, self.x2 - self.x1)

    @property
    def height(self) -> float:
        """Height in px, never negative."""
        return max(0.0, self.y2 - self.y1)

    @property
    def area(self) -> float:
        """Area in square px."""
        return self.width * self.height

    @property
    def center(self) -> tuple[float, float]:
        """(x, y) in px."""
        return (self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2

    def iou(self, other: "Box") -> float:
        """Intersection over union with another box, 0 to 1."""
        inter = self.intersection(other)
        union = self.area + other.area - inter
        return inter / union if union > 0 else 0.0

    def intersection(self, other: "Box") -> float:
        """Shared area in square px."""
        w = min(self.x2, other.x2) - max(self.x1, other.x1)
        h = min(self.y2, other.y2) - max(self.y1, other.y1)
        return max(0.0, w) * max(0.0, h)

    def clipped(self, width: int, height: int) -> "Box":
        """The part of the box inside a picture of that size (px)."""
        return Box(
            min(max(self.x1, 0.0), width),
            min(max(self.y1, 0.0), height),
            min(max(self.x2, 0.0), width),
            min(max(self.y2, 0.0), height),
        )

    def moved(self, dx: float, dy: float) -> "Box":
        """The same box, dx to the right and dy down (px)."""
        return Box(self.x1 + dx, self.y1 + dy, self.x2 + dx, self.y2 + dy)


@dataclass(frozen=True, slots=True)
class Face:
    """A face that the detector found.

    ``landmarks`` are five (x, y) points in frame pixels: right eye, left eye, nose tip, right and left corner
    of the mouth ("right" is the person's own right, so it lies left in the picture).
    """

    box: Box
    score: float
    landmarks: tuple[tuple[float, float], ...] = ()

    @property
    def turn(self) -> float | None:
        """How far the head is turned: 0 frontal, about 1 in profile; None without landmarks.

        The nose tip's distance from the middle of the eyes, along the line between them, in half of it.
        """
        if len(self.landmarks) < 3:
            return None
        (rx, ry), (lx, ly), (nx, ny) = self.landmarks[:3]
        ex, ey = lx - rx, ly - ry
        squared = ex * ex + ey * ey
        if squared < 1e-6:
            return math.inf
        return abs((nx - (rx + lx) / 2) * ex + (ny - (ry + ly) / 2) * ey) / squared * 2


@dataclass(frozen=True, slots=True)
class MaskScore:
    """The classifier's score of one look at one face."""

    probability: float
    """Calibrated probability (0 to 1) that a mask is worn properly."""
    logit: float
    """Calibrated log-odds of the same; finite."""


@dataclass(frozen=True, eq=False, slots=True)
class Frame:
    """One picture from a source. ``eq=False``: it holds an array."""

    image: Image
    seq: int
    captured_at: float
    """Seconds on the monotonic clock (media time for a replayed clip)."""
    taken: datetime
    """The same moment as UTC."""


@dataclass(frozen=True, slots=True)
class Look:
    """One view of one face, and how well it can be judged."""

    face: Face
    quality: float
    """0 (worthless) to 1 (as good as possible): the weight of the classifier's score for this look."""
    flaw: str | None
    """Why this look can't be judged, in words; None if it can."""


@dataclass(frozen=True, slots=True)
class Track:
    """A person followed through the frames."""

    id: int
    """Counts up from 1 since the start; a number is never used twice."""
    face: Face
    """The latest view of the person."""
    first_seen: float
    last_seen: float
    """Both in seconds, from the frames' ``captured_at``."""
    sightings: int
    """Frames in which the face was found."""
    steadiness: float = 1.0
    """Share of the recent frames in which the face was found, 0 to 1; see ``edge.people.tracks``."""
    recent_frames: float = 1.0
    """How many frames ``steadiness`` speaks of; older ones count for less."""
    resumes: int | None = None
    """The id under which the same visit was followed before the person was lost; None: a visit of its own."""


def sigmoid(logit: float) -> float:
    """Log-odds to probability, without overflow."""
    if logit >= 0:
        return 1.0 / (1.0 + math.exp(-logit))
    e = math.exp(logit)
    return e / (1.0 + e)


def log_odds(probability: float) -> float:
    """The inverse of ``sigmoid``; 0 < probability < 1."""
    return math.log(probability / (1.0 - probability))


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun: ``1 event``, ``2 events``. ``many`` is the plural, if it is not ``one`` + s."""
    return f"{number} {one if number == 1 else many or one + 's'}"
