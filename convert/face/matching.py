"""What a detector found of what is there, and the figures that follow. Pure.

As COCO does it: best score first; a wanted face is preferred over an ignored one; a box that only fits an
ignored face is neither hit nor error, and so is one that fits nothing and is narrower than what is asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convert.face.boxes import Boxes, iou_matrix

MIN_WIDTH_PX = 20.0
"""Of the photo; narrower faces are neither asked for nor an error when found."""
FALSE_BOXES = 0.1
"""A photo, at which recalls are compared."""
NEVER = -1.0
"""The score of a face that was not found."""


@dataclass(frozen=True, eq=False, slots=True)
class PhotoFaces:
    """What is there and what was found, in one photo."""

    boxes: Boxes
    """(N, 4) px labelled."""
    labels: tuple[str, ...]
    """N: masked, not_masked, incorrect."""
    ignored: Boxes
    """(M, 4) px: faces whose wear nobody wrote down."""
    found: Boxes
    """(D, 4) px."""
    scores: NDArray[np.float64]
    """(D,), 0 to 1."""


@dataclass(frozen=True, eq=False, slots=True)
class Matches:
    """Boxes (D) and wanted faces (F) of all photos."""

    photos: int
    score: NDArray[np.float64]
    """(D,) best first; boxes that are neither hit nor error are left out."""
    hit: NDArray[np.bool_]
    """(D,)"""
    photo: NDArray[np.intp]
    """(D,) from 0."""
    face_score: NDArray[np.float64]
    """(F,) of the box that found the face; ``NEVER`` where nothing did."""
    face_label: NDArray[np.str_]
    """(F,)"""
    face_width: NDArray[np.float64]
    """(F,) px."""
    face_photo: NDArray[np.intp]
    """(F,) from 0."""


def match(photos: Sequence[PhotoFaces], iou: float, min_width_px: float = MIN_WIDTH_PX) -> Matches:
    """Match the boxes of all photos with their faces.

    Args:
        photos: at least one.
        iou: a box finds a face from this overlap on.
        min_width_px: see ``MIN_WIDTH_PX``.
    """
    boxes: list[tuple[float, bool, int]] = []
    faces: list[tuple[float, str, float, int]] = []
    for number, photo in enumerate(photos):
        widths = photo.boxes[:, 2] - photo.boxes[:, 0]
        wanted = widths >= min_width_px
        ignored = np.concatenate([photo.boxes[~wanted], photo.ignored])
        best, kinds = _match_one(photo, photo.boxes[wanted], ignored, iou, min_width_px)
        boxes += [(float(s), k, number) for s, k in kinds]
        kept = [label for label, w in zip(photo.labels, wanted, strict=True) if w]
        faces += [(float(s), k, float(w), number) for s, k, w in zip(best, kept, widths[wanted], strict=True)]
    boxes.sort(key=lambda b: -b[0])
    return Matches(
        photos=len(photos),
        score=np.array([b[0] for b in boxes], dtype=np.float64),
        hit=np.array([b[1] for b in boxes], dtype=bool),
        photo=np.array([b[2] for b in boxes], dtype=np.intp),
        face_score=np.array([f[0] for f in faces], dtype=np.float64),
        face_label=np.array([f[1] for f in faces], dtype=np.str_),
        face_width=np.array([f[2] for f in faces], dtype=np.float64),
        face_photo=np.array([f[3] for f in faces], dtype=np.intp),
    )


def _match_one(
    photo: PhotoFaces, wanted: Boxes, ignored: Boxes, iou: float, min_width_px: float
) -> tuple[NDArray[np.float64], list[tuple[float, bool]]]:
    best = np.full(len(wanted), NEVER)
    kinds: list[tuple[float, bool]] = []
    overlaps, aside = iou_matrix(photo.found, wanted), iou_matrix(photo.found, ignored)
    for k in np.argsort(-photo.scores, kind="stable"):
        free = np.where(best == NEVER, overlaps[k], -1.0)
        if free.size and free.max() >= iou:
            best[int(free.argmax())] = photo.scores[k]
            kinds.append((float(photo.scores[k]), True))
            continue
        on_ignored = aside.shape[1] > 0 and aside[k].max() >= iou
        if not on_ignored and photo.found[k, 2] - photo.found[k, 0] >= min_width_px:
            kinds.append((float(photo.scores[k]), False))
    return best, kinds


def average_precision(matches: Matches, counts: NDArray[np.float64] | None = None) -> float:
    """Area under the precision envelope, over all points (VOC 2010 and later); NaN without faces.

    Args:
        matches: of ``match``.
        counts: (photos,) how often each photo counts; each once by default.
    """
    counts = np.ones(matches.photos) if counts is None else counts
    faces = counts[matches.face_photo].sum()
    if faces == 0:
        return float("nan")
    weight = counts[matches.photo]
    right, total = np.cumsum(weight * matches.hit), np.cumsum(weight)
    precision = np.maximum.accumulate((right / np.maximum(total, 1e-12))[::-1])[::-1]
    return float((weight * matches.hit * precision).sum() / faces)


def threshold_at(
    matches: Matches, false_boxes: float = FALSE_BOXES, counts: NDArray[np.float64] | None = None
) -> float:
    """The score above which there are no more false boxes a photo than that; 0 if there are never more."""
    counts = np.ones(matches.photos) if counts is None else counts
    wrong = np.cumsum(counts[matches.photo] * ~matches.hit)
    over = np.nonzero(wrong > false_boxes * counts.sum() * (1 + 1e-9))[0]
    return float(matches.score[over[0]]) if len(over) else 0.0


def recall(
    matches: Matches,
    threshold: float,
    *,
    label: str | None = None,
    widths_px: tuple[float, float] = (0.0, float("inf")),
    counts: NDArray[np.float64] | None = None,
) -> float:
    """The share of faces that a box above the threshold found; NaN where there is no such face.

    Args:
        matches: of ``match``.
        threshold: scores must be above it.
        label: count only these faces.
        widths_px: count only faces at least and less than that wide, in px of the photo.
        counts: (photos,) how often each photo counts; each once by default.
    """
    counts = np.ones(matches.photos) if counts is None else counts
    asked = (matches.face_width >= widths_px[0]) & (matches.face_width < widths_px[1])
    if label is not None:
        asked &= matches.face_label == label
    weight = counts[matches.face_photo] * asked
    total = weight.sum()
    return float((weight * (matches.face_score > threshold)).sum() / total) if total else float("nan")
