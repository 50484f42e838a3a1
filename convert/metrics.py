"""Figures of a binary classifier. Pure NumPy."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def roc_auc(scores: Floats, positive: Bools) -> float | None:
    """Area under the ROC curve, ties counted half; None where a class is missing.

    Args:
        scores: (N,) higher means more positive.
        positive: (N,).
    """
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if not n_positive or not n_negative:
        return None
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]
    above = float(rank[positive].sum()) - n_positive * (n_positive + 1) / 2
    return above / (n_positive * n_negative)


def share(flags: Bools) -> float | None:
    """Mean of flags; None of nothing."""
    return float(flags.mean()) if len(flags) else None


def platt(logits: Floats, positive: Bools, weights: Floats) -> tuple[float, float]:
    """Slope and offset that make sigmoid(slope * logit + offset) a probability; Newton's method.

    Args:
        logits: (N,) raw scores.
        positive: (N,).
        weights: (N,) how much each counts.

    Returns:
        Slope (kept above 0.01) and offset.
    """
    # Targets a little inside 0 and 1, as Platt proposed, keep the slope finite for separable classes
    n_positive, n_negative = float(weights[positive].sum()), float(weights[~positive].sum())
    target = np.where(positive, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))
    x = np.stack([logits, np.ones_like(logits)], axis=1)
    theta = np.zeros(2)

    def loss(t: Floats) -> float:
        return float((weights * (np.logaddexp(0, x @ t) - target * (x @ t))).sum())

    for _ in range(100):
        p = 1 / (1 + np.exp(-np.clip(x @ theta, -60, 60)))
        gradient = x.T @ (weights * (p - target))
        hessian = (x * (weights * p * (1 - p))[:, None]).T @ x + 1e-6 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        while loss(theta - step) > loss(theta) and float(np.abs(step).max()) > 1e-9:
            step = step / 2  # Newton's step overshoots far from the minimum
        theta = theta - step
        if float(np.abs(step).max()) < 1e-8:
            break
    return max(0.01, float(theta[0])), float(theta[1])


def calibration_error(probabilities: Floats, positive: Bools, weights: Floats, bins: int = 10) -> float:
    """Expected calibration error: mean gap between what is said and what is so, over bins of probability."""
    place = np.minimum((probabilities * bins).astype(int), bins - 1)
    gaps = [
        weights[place == b].sum()
        * abs(np.average(probabilities[place == b] - positive[place == b], weights=weights[place == b]))
        for b in np.unique(place)
    ]
    return float(np.sum(gaps) / weights.sum())


def lenient_threshold(probabilities: Floats, accept: Bools, share_wanted: float) -> float:
    """The highest threshold, from 0.05 to 0.5, at which so many of the faces to be accepted are.

    Who wears a mask must not be told to put one on: that bounds the errors on one side; what is left of the
    scale serves the other. Fewest errors in all would follow the classes' shares in the data instead.

    Args:
        probabilities: (N,).
        accept: (N,) which faces should be accepted; at least one.
        share_wanted: of those, 0 to 1.
    """
    wanted = np.sort(probabilities[accept])
    worst = wanted[int(np.floor(len(wanted) * (1 - share_wanted)))]
    return float(np.clip(np.floor(worst * 100) / 100, 0.05, 0.5))
