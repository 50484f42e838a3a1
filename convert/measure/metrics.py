"""Figures of a binary classifier. Pure NumPy."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


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
    """Expected calibration error: mean gap between stated probability and observed share, over bins."""
    place = np.minimum((probabilities * bins).astype(int), bins - 1)
    gaps = [
        weights[place == b].sum()
        * abs(np.average(probabilities[place == b] - positive[place == b], weights=weights[place == b]))
        for b in np.unique(place)
    ]
    return float(np.sum(gaps) / weights.sum())
