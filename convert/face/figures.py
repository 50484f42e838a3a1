"""The figures of a detector on a set of photos, with intervals by photo. Pure."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.face.matching import (
    FALSE_BOXES,
    Matches,
    PhotoFaces,
    average_precision,
    match,
    recall,
    threshold_at,
)

IOUS = (0.3, 0.4, 0.5)
LOOSE_IOU = 0.3
"""Collections draw boxes each in their own way; more overlap than this measures the drawing too."""
LABELS = ("masked", "not_masked", "incorrect")
WIDTHS_PX = ((20, 30), (30, 50), (50, 100), (100, float("inf")))
RESAMPLES = 400
LEVEL = 0.95

Measure = Callable[[NDArray[np.float64]], float]
"""A figure where photo i counts ``counts[i]`` times."""


def detector_figures(photos: Sequence[PhotoFaces], *, seed: int = 2026) -> dict[str, Any]:
    """All figures, ready for JSON.

    Recalls are at ``FALSE_BOXES`` false boxes a photo, each resample with its own threshold: what is compared
    is what a detector sees for the same trouble.

    Args:
        photos: what is there and what was found.
        seed: of the resamples.

    Returns:
        By figure ``value``, ``low`` and ``high`` (95 % of resamples of whole photos; None where nothing can
        be counted); and ``photos``, ``faces``, ``threshold``.
    """
    matches = {iou: match(photos, iou) for iou in IOUS}
    loose = matches[LOOSE_IOU]
    measures: dict[str, Measure] = {f"ap_{iou}": _precision_of(m) for iou, m in matches.items()}
    measures["recall"] = _recall_of(loose)
    measures |= {f"recall_{label}": _recall_of(loose, label=label) for label in LABELS}
    measures |= {f"recall_{_name(w)}": _recall_of(loose, widths_px=w) for w in WIDTHS_PX}
    measures["recall_at_0.03"] = _recall_of(loose, false_boxes=0.03)
    draws = _draws(len(photos), seed)
    return {
        "photos": len(photos),
        "faces": {label: int((loose.face_label == label).sum()) for label in LABELS},
        "threshold": round(threshold_at(loose), 4),
        **{name: _with_interval(measure, len(photos), draws) for name, measure in measures.items()},
    }


def at_threshold(photos: Sequence[PhotoFaces], threshold: float) -> dict[str, float]:
    """What a device that uses this threshold sees: recall and false boxes a photo, at the loose overlap."""
    matches = match(photos, LOOSE_IOU)
    wrong = float(((matches.score > threshold) & ~matches.hit).sum() / matches.photos)
    recalls = {f"recall_{label}": recall(matches, threshold, label=label) for label in LABELS}
    return {k: round(v, 4) for k, v in {"false_boxes": wrong, **recalls}.items() if not np.isnan(v)}


def _precision_of(matches: Matches) -> Measure:
    return lambda counts: average_precision(matches, counts)


def _recall_of(
    matches: Matches,
    *,
    label: str | None = None,
    widths_px: tuple[float, float] = (0.0, float("inf")),
    false_boxes: float = FALSE_BOXES,
) -> Measure:
    def measure(counts: NDArray[np.float64]) -> float:
        threshold = threshold_at(matches, false_boxes, counts)
        return recall(matches, threshold, label=label, widths_px=widths_px, counts=counts)

    return measure


def _name(widths_px: tuple[float, float]) -> str:
    low, high = widths_px
    return f"{low:.0f}px_and_more" if np.isinf(high) else f"{low:.0f}_to_{high:.0f}px"


def _draws(photos: int, seed: int) -> list[NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    return [
        np.bincount(rng.integers(photos, size=photos), minlength=photos).astype(np.float64)
        for _ in range(RESAMPLES)
    ]


def _with_interval(measure: Measure, photos: int, draws: Sequence[NDArray[np.float64]]) -> dict[str, Any]:
    value = measure(np.ones(photos))
    drawn = np.array([measure(d) for d in draws])
    drawn = drawn[~np.isnan(drawn)]
    if np.isnan(value) or not len(drawn):
        return {"value": None, "low": None, "high": None}
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {"value": round(value, 4), "low": round(float(low), 4), "high": round(float(high), 4)}
