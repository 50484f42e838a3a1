"""Figures of a binary classifier. Pure: arrays in, numbers out."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def share(flags: Bools) -> float | None:
    """Mean of flags; None of nothing."""
    return float(flags.mean()) if len(flags) else None


def platt(logits: Floats, positive: Bools, weights: Floats) -> tuple[float, float]:
    """Slope and offset that make sigmoid(slope * logit + offset) a probability: Platt's method.

    Args:
        logits: (N,) raw scores.
        positive: (N,) bool, whether a mask is worn properly.
        weights: (N,) float, how much each face counts.

    Returns:
        Slope (kept above 0.01) and offset.
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  only a release needs it

    # Targets a little inside 0 and 1, as Platt proposed (1999), keep the slope finite for separable classes.
    # A soft target is one face counted twice: as positive by its target, as negative by the rest.
    n_positive, n_negative = float(weights[positive].sum()), float(weights[~positive].sum())
    target = np.where(positive, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))
    fit = LogisticRegression(C=1e6, solver="newton-cholesky", tol=1e-10, max_iter=200)
    fit.fit(
        np.concatenate([logits, logits])[:, None],
        np.repeat([1, 0], len(logits)),
        sample_weight=np.concatenate([weights * target, weights * (1 - target)]),
    )
    return max(0.01, float(fit.coef_[0, 0])), float(fit.intercept_[0])


def calibration_error(probabilities: Floats, positive: Bools, weights: Floats, bins: int = 10) -> float:
    """Expected calibration error: mean gap between stated probability and observed share, over bins."""
    place = np.minimum((probabilities * bins).astype(int), bins - 1)
    gaps = [
        weights[place == b].sum()
        * abs(np.average(probabilities[place == b] - positive[place == b], weights=weights[place == b]))
        for b in np.unique(place)
    ]
    return float(np.sum(gaps) / weights.sum())
