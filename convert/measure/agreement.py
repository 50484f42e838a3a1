"""Does the int8 model say what the float model says that it was made from?"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from convert.measure.calibrate import logits_of
from convert.measure.intervals import point_figures
from convert.measure.scoring import Scored, device_input
from convert.training import network
from edge.model.classifier import MaskClassifier
from edge.model.contract import Contract

_BATCH = 256


def agreement(classifier: MaskClassifier, trained: Path, faces: list[Scored]) -> dict[str, float | None]:
    """The float model on the very inputs that the int8 model got; same calibration, same threshold.

    Args:
        classifier: the int8 model, which scored ``faces``.
        trained: the Keras model that it came from.
        faces: what was scored; their pictures are read again.

    Returns:
        Accuracy and AUC (masked against not masked; None where a class is missing) of both and the
        distance between them, the share of same verdicts, and the mean distance of the logits.

    Raises:
        UsageError: there is no such model, or it can't be read.
    """
    model, contract = network.load(trained), classifier.contract
    raw = np.concatenate(
        [np.empty(0), *(model.predict_on_batch(batch)[:, 0] for batch in _inputs(contract, faces))]
    )
    logits = contract.calibration.slope * raw + contract.calibration.offset
    accepted = 1 / (1 + np.exp(-logits)) >= classifier.threshold
    int8, int8_accepted = logits_of(faces), np.array([f.accepted for f in faces], dtype=np.bool_)
    labels = [f.record.label for f in faces]
    ours, theirs = point_figures(int8, int8_accepted, labels), point_figures(logits, accepted, labels)
    return {
        "accuracy_float": theirs["accuracy"],
        "accuracy_int8": ours["accuracy"],
        "accuracy_difference": _distance(theirs["accuracy"], ours["accuracy"]),
        "roc_auc_float": theirs["roc_auc"],
        "roc_auc_int8": ours["roc_auc"],
        "roc_auc_difference": _distance(theirs["roc_auc"], ours["roc_auc"]),
        "same_verdict": float((accepted == int8_accepted).mean()) if faces else None,
        "mean_logit_difference": float(np.abs(logits - int8).mean()) if faces else None,
    }


def _inputs(contract: Contract, faces: list[Scored]) -> Iterator[NDArray[np.float32]]:
    """(N, H, W, 3) a batch: all of a large set would not fit into memory as float32."""
    for start in range(0, len(faces), _BATCH):
        batch = [device_input(f.record, contract) for f in faces[start : start + _BATCH]]
        yield np.stack(batch).astype(np.float32)


def _distance(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else abs(a - b)
