"""From raw logits to probabilities: slope, offset and threshold of a contract, measured on the val split."""

import numpy as np
from numpy.typing import NDArray

from convert.metrics import lenient_threshold, platt
from convert.scoring import Scored
from edge.model.contract import Calibration, Contract

ACCEPTED = 0.99
"""Of the properly masked faces of the val split."""

Floats = NDArray[np.float64]


def calibrated(contract: Contract, faces: list[Scored]) -> Contract:
    """The contract with slope, offset and threshold of these faces, whatever they were scored with."""
    before = contract.calibration
    raw = (logits_of(faces) - before.offset) / before.slope
    positive, weights = truth_of(faces)
    slope, offset = platt(raw, positive, weights)
    probabilities = 1 / (1 + np.exp(-(slope * raw + offset)))
    return contract.model_copy(
        update={
            "calibration": Calibration(slope=round(slope, 5), offset=round(offset, 5)),
            "threshold": lenient_threshold(probabilities, positive, ACCEPTED),
        }
    )


def logits_of(faces: list[Scored]) -> Floats:
    """(N,) calibrated log-odds that a mask is worn properly."""
    return np.array([f.score.logit for f in faces], dtype=np.float64)


def truth_of(faces: list[Scored]) -> tuple[NDArray[np.bool_], Floats]:
    """(N,) whether a mask is worn properly, and (N,) how much each face counts."""
    positive = np.array([f.record.positive for f in faces], dtype=np.bool_)
    return positive, np.array([f.record.weight for f in faces], dtype=np.float64)
