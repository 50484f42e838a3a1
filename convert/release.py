"""``mask-convert release``: calibrate, measure, pass the gates, write the model with its papers."""

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert import network
from convert.artifact import write_artifact
from convert.card import write_card
from convert.evaluate import Scored, figures, score
from convert.gates import read_gates, require
from convert.metrics import best_threshold, calibration_error, platt, roc_auc, share
from convert.quantize import device_inputs
from convert.records import LABELS, SPLITS, Record, read_manifest
from convert.split import SYNTHETIC_SOURCES, balance
from edge.errors import UsageError
from edge.model.classifier import MaskClassifier
from edge.model.contract import Calibration, Contract

Progress = Callable[[str], None]
Floats = NDArray[np.float64]


def release(
    candidate: Path, trained: Path, data: Path, out: Path, *, gates: Path, progress: Progress = lambda _: None
) -> dict[str, Any]:
    """Release a quantised model as ``out/<name>.tflite`` with contract, golden vectors, report, card.

    Args:
        candidate: the ``.tflite`` of ``quantize``, its contract beside it.
        trained: the Keras model that it came from, for the agreement of float and int8.
        data: the prepared dataset: calibrated on its val split, measured on its test split.
        out: the folder of released models; untouched when a gate is shut.
        gates: the file of gates.
        progress: told what is going on.

    Returns:
        The report.

    Raises:
        GateError: a gate is shut; names it and the figure.
        UsageError: a file or a split is missing.
    """
    wanted = read_gates(gates)
    records = read_manifest(data / "manifest.csv")
    val, test = ([r for r in records if r.split == s] for s in ("val", "test"))
    if not val or not test:
        raise UsageError(f"{data}: needs a val and a test split; run `mask-convert prepare` with more faces")
    classifier = MaskClassifier(candidate)
    progress(f"calibrating on {len(val)} faces of the val split")
    contract = _calibrated(classifier.contract, score(classifier, val).faces)
    progress(f"measuring on {len(test)} faces of the test split")
    with tempfile.TemporaryDirectory() as staged:
        report = _report(
            write_artifact(candidate.read_bytes(), contract, Path(staged)), trained, records, test
        )
    require(wanted, report)
    final = contract.model_copy(update={"figures": {k: report[k] for k in ("test", "float_int8")}})
    path = write_artifact(candidate.read_bytes(), final, out)
    report["model"] = {"id": MaskClassifier(path).contract.model_id, "threshold": final.threshold}
    path.with_suffix(".report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    listed = candidate.parent / "calibration.csv"
    if listed.is_file():
        shutil.copyfile(listed, path.with_suffix(".calibration.csv"))
    write_card(out)
    return report


def _calibrated(contract: Contract, faces: list[Scored]) -> Contract:
    """The contract with slope, offset and threshold of these faces, whatever they were scored with."""
    before = contract.calibration
    raw = (_logits(faces) - before.offset) / before.slope
    positive, weights = _truth(faces)
    slope, offset = platt(raw, positive, weights)
    probabilities = 1 / (1 + np.exp(-(slope * raw + offset)))
    return contract.model_copy(
        update={
            "calibration": Calibration(slope=round(slope, 5), offset=round(offset, 5)),
            "threshold": best_threshold(probabilities, positive, weights),
        }
    )


def _logits(faces: list[Scored]) -> Floats:
    return np.array([f.score.logit for f in faces], dtype=np.float64)


def _truth(faces: list[Scored]) -> tuple[NDArray[np.bool_], Floats]:
    positive = np.array([f.record.positive for f in faces], dtype=np.bool_)
    return positive, np.array([f.record.weight for f in faces], dtype=np.float64)


def _report(model: Path, trained: Path, records: list[Record], test: list[Record]) -> dict[str, Any]:
    classifier = MaskClassifier(model)
    scores = score(classifier, test)
    positive, weights = _truth(scores.faces)
    probabilities = np.array([f.score.probability for f in scores.faces])
    shown = balance(records)
    wrong = [f for f in scores.faces if f.record.label == "incorrect"]
    real = [f for f in wrong if f.record.source not in SYNTHETIC_SOURCES]
    return {
        "test": {
            **figures(scores.faces),
            "incorrect_refused_real": share(np.array([not f.accepted for f in real], dtype=np.bool_)),
            "incorrect_real": len(real),
            "calibration_error": calibration_error(probabilities, positive, weights),
        },
        "float_int8": _agreement(classifier, trained, scores.faces),
        "balance": {**shown, "difference": 1 - min(shown.values()) / max(shown.values())},
        "data": _data(records),
        "gates": "all open",
    }


def _agreement(classifier: MaskClassifier, trained: Path, faces: list[Scored]) -> dict[str, float]:
    """The float model on the very inputs that the int8 model got; same calibration, same threshold."""
    contract = classifier.contract
    inputs = device_inputs([f.record for f in faces], contract.crop.margin if contract.crop else 0.0)
    raw = network.load(trained).predict(np.stack(inputs).astype(np.float32), batch_size=256, verbose=0)[:, 0]
    logits = contract.calibration.slope * raw.astype(np.float64) + contract.calibration.offset
    accepted = 1 / (1 + np.exp(-logits)) >= classifier.threshold
    int8, int8_accepted = _logits(faces), np.array([f.accepted for f in faces])
    positive, _ = _truth(faces)
    two = np.array([f.record.label != "incorrect" for f in faces])
    right, int8_right = (float((a == positive)[two].mean()) for a in (accepted, int8_accepted))
    auc, int8_auc = roc_auc(logits[two], positive[two]), roc_auc(int8[two], positive[two])
    return {
        "accuracy_float": right,
        "accuracy_int8": int8_right,
        "accuracy_difference": abs(right - int8_right),
        "roc_auc_difference": abs((auc or 0.0) - (int8_auc or 0.0)),
        "same_verdict": float((accepted == int8_accepted).mean()),
        "mean_logit_difference": float(np.abs(logits - int8).mean()),
    }


def _data(records: list[Record]) -> dict[str, Any]:
    """Counts by source and split, and the licences that the sources state; no file names."""
    sources = sorted({r.source for r in records})
    return {
        source: {
            "licence": "; ".join(sorted({r.licence for r in records if r.source == source and r.licence})),
            **{
                split: {
                    label: sum((r.source, r.split, r.label) == (source, split, label) for r in records)
                    for label in LABELS
                }
                for split in SPLITS
            },
        }
        for source in sources
    }
