"""``mask-convert release``: calibrate, measure, pass the gates, write the model with its papers."""

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from convert.agreement import agreement
from convert.artifact import write_artifact
from convert.calibrate import calibrated, truth_of
from convert.card import write_card
from convert.diagrams import draw_reliability, draw_roc
from convert.evaluate import figures
from convert.gates import read_gates, require
from convert.mask_card import RELIABILITY, REPORT, ROC
from convert.metrics import calibration_error, share
from convert.records import LABELS, SPLITS, Record, read_manifest
from convert.scoring import Scored, score
from convert.split import SYNTHETIC_SOURCES, balance
from edge.errors import UsageError
from edge.model.classifier import MaskClassifier
from edge.model.contract import Contract, load_contract

Progress = Callable[[str], None]


def release(
    measured: Path,
    trained: Path,
    data: Path,
    out: Path,
    *,
    gates: Path,
    shipped: Path | None = None,
    progress: Progress = lambda _: None,
) -> dict[str, Any]:
    """Release a quantised model as ``out/<name>.tflite`` with contract, golden vectors, report, card.

    Args:
        measured: the ``.tflite`` of ``quantize``, its contract beside it.
        trained: the Keras model that it came from, for the agreement of float and int8.
        data: the prepared dataset: calibrated on its val split, measured on its test split.
        out: the folder of released models; untouched when a gate is shut.
        shipped: the ``.tflite`` of a twin that was trained on all the data. It is released with the slope,
            offset, threshold and figures of ``measured``, for nothing is left to measure it with.
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
    classifier = MaskClassifier(measured)
    progress(f"calibrating on {len(val)} faces of the val split")
    contract = calibrated(classifier.contract, score(classifier, val).faces)
    progress(f"measuring on {len(test)} faces of the test split")
    with tempfile.TemporaryDirectory() as staged:
        classifier = MaskClassifier(write_artifact(measured.read_bytes(), contract, Path(staged)))
        faces = score(classifier, test).faces
    report = _report(classifier, faces, trained, records)
    require(wanted, report)
    candidate = shipped or measured
    _require_twins(load_contract(candidate), contract)
    final = load_contract(candidate).model_copy(
        update={
            "calibration": contract.calibration,
            "threshold": contract.threshold,
            "figures": _headline(report),
        }
    )
    path = write_artifact(candidate.read_bytes(), final, out)
    report["model"] = {
        "id": MaskClassifier(path).contract.model_id,
        "threshold": final.threshold,
        "trained_on": "all of the data" if shipped else "the split `train`",
        "measured": {"sha256": contract.sha256, "training": contract.made_by.get("training", {})},
    }
    (out / REPORT).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    about = {**report["test"], "model": contract.model_id, "data": data.resolve().name, "split": "test"}
    draw_roc(faces, about, out / ROC)
    draw_reliability(faces, about, out / RELIABILITY)
    listed = candidate.parent / "calibration.csv"
    if listed.is_file():
        shutil.copyfile(listed, path.with_suffix(".calibration.csv"))
    write_card(out)
    return report


def _headline(report: dict[str, Any]) -> dict[str, Any]:
    """What the device carries with it; the rest stays in the report."""
    test = {k: v for k, v in report["test"].items() if v is None or isinstance(v, int | float)}
    return {"test": test, "float_int8": report["float_int8"]}


def _require_twins(shipped: Contract, measured: Contract) -> None:
    recipes = [c.made_by.get("training", {}).get("recipe") for c in (shipped, measured)]
    if recipes[0] != recipes[1]:
        raise UsageError(
            f"{shipped.file}: trained with {recipes[0]}, but the model that is measured with {recipes[1]}; "
            "train both with the same recipe"
        )


def _report(
    classifier: MaskClassifier, faces: list[Scored], trained: Path, records: list[Record]
) -> dict[str, Any]:
    positive, weights = truth_of(faces)
    probabilities = np.array([f.score.probability for f in faces])
    shown = balance(records)
    wrong = [f for f in faces if f.record.label == "incorrect"]
    real = [f for f in wrong if f.record.source not in SYNTHETIC_SOURCES]
    return {
        "test": {
            **figures(faces),
            "incorrect_refused_real": share(np.array([not f.accepted for f in real], dtype=np.bool_)),
            "incorrect_real": len(real),
            "calibration_error": calibration_error(probabilities, positive, weights),
        },
        "float_int8": agreement(classifier, trained, faces),
        "balance": {**shown, "difference": 1 - min(shown.values()) / max(shown.values())},
        "data": _data(records),
        "gates": "all open",
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
