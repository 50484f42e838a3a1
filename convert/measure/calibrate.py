"""From raw logits to probabilities: slope and offset, measured on the val split, and the threshold."""

import numpy as np
from numpy.typing import NDArray

from convert.measure.metrics import platt
from convert.measure.scoring import Scored
from edge.model.contract import Calibration, Contract

THRESHOLD = 0.3
"""A properly masked face refused weighs as much as two or three unmasked ones let through.

On sources left out of training fewer masked faces are accepted than on those seen, and hardly more unmasked
ones: there the sum of both error rates was least for 0.26 to 0.28, on the val split for 0.20 to 0.35. Of
0.20, 0.25 and 0.30, people were judged best with this one (``tried.md``)."""

Floats = NDArray[np.float64]


def calibrated(contract: Contract, faces: list[Scored]) -> Contract:
    """The contract with slope, offset and threshold of these faces, whatever they were scored with."""
    before = contract.calibration
    raw = (logits_of(faces) - before.offset) / before.slope
    positive, weights = truth_of(faces)
    slope, offset = platt(raw, positive, weights)
    return contract.model_copy(
        update={
            "calibration": Calibration(slope=round(slope, 5), offset=round(offset, 5)),
            "threshold": THRESHOLD,
        }
    )


def logits_of(faces: list[Scored]) -> Floats:
    """(N,) calibrated log-odds that a mask is worn properly."""
    return np.array([f.score.logit for f in faces], dtype=np.float64)


def truth_of(faces: list[Scored]) -> tuple[NDArray[np.bool_], Floats]:
    """(N,) whether a mask is worn properly, and (N,) how much each face counts."""
    positive = np.array([f.record.positive for f in faces], dtype=np.bool_)
    return positive, np.array([f.record.weight for f in faces], dtype=np.float64)
