"""``mask-convert release``: calibrate, measure, pass the gates, write the model with its papers."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from convert.atomic import whole
from convert.data.dataset import MANIFEST
from convert.data.records import LABELS, SPLITS, Record, fingerprint, read_manifest
from convert.data.split import SYNTHETIC_SOURCES, balance
from convert.export.artifact import write_artifact
from convert.export.quantize import CALIBRATION
from convert.measure.agreement import agreement
from convert.measure.calibrate import calibrated
from convert.measure.diagrams import draw_reliability, draw_roc
from convert.measure.evaluate import figures
from convert.measure.metrics import share
from convert.measure.scoring import Scored, score
from convert.progress_log import Tell
from convert.release.gates import read_gates, require
from convert.release.mask_card import RELIABILITY, REPORT, ROC
from convert.release.model_card import write_card
from convert.training.folds import all_in
from edge.errors import UsageError
from edge.model.classifier import MaskClassifier
from edge.model.contract import Contract, load_contract


def release(
    measured: Path,
    trained: Path,
    data: Path,
    out: Path,
    *,
    gates: Path,
    shipped: Path | None = None,
    progress: Tell = lambda _: None,
) -> dict[str, Any]:
    """Release a quantised model as ``out/<name>.tflite`` with contract, golden vectors, report, card.

    Args:
        measured: the ``.tflite`` of ``quantize``, its contract beside it; that gets slope, offset, threshold.
        trained: the Keras model that it came from, for the agreement of float and int8.
        data: the prepared dataset: calibrated on its val split, measured on its test split.
        out: the folder of released models; untouched when a gate is shut.
        shipped: the ``.tflite`` of a twin that was trained on all the data. It is released with the slope,
            offset, threshold and figures of ``measured``, for nothing is left to measure it with.
        gates: the file of gates.
        progress: gets a line of text for each step.

    Returns:
        The report.

    Raises:
        GateError: a gate is shut; names it and the figure.
        UsageError: a file, a picture, or a class in val or test is missing; the twins' recipes differ.
    """
    wanted = read_gates(gates)
    records = read_manifest(data / MANIFEST)
    val, test = (_both_sides(records, split, data) for split in ("val", "test"))
    classifier, candidate = MaskClassifier(measured), shipped or measured
    _require_trained_on(classifier.contract, records, data)
    if shipped:
        _require_trained_on(load_contract(shipped), all_in(records), data)
        _require_twins(load_contract(shipped), classifier.contract)
    progress(f"calibrating on {len(val)} faces of the val split")
    contract = calibrated(classifier.contract, score(classifier, val).all_faces())
    progress(f"measuring on {len(test)} faces of the test split")
    # In place: whoever measures more, measures this one, as a twin trained on everything has seen all faces
    classifier = MaskClassifier(write_artifact(measured.read_bytes(), contract, measured.parent))
    faces = score(classifier, test).all_faces()
    report = {
        **_report(faces, records),
        # Of two formats of one model val favours neither, and more faces say it more exactly
        "float_int8": agreement(classifier, trained, [*faces, *score(classifier, val).all_faces()]),
    }
    require(wanted, report)
    about = {
        **report["test"],
        "model": contract.model_id,
        "data": data.resolve().name,
        "split": "test",
        "threshold": contract.threshold,
    }
    with tempfile.TemporaryDirectory() as scratch:  # whatever fails until here leaves the last release alone
        staged = Path(scratch)
        _stage(candidate, contract, report, staged)
        draw_roc(faces, about, staged / ROC)
        draw_reliability(faces, about, staged / RELIABILITY)
        out.mkdir(parents=True, exist_ok=True)
        for path in staged.iterdir():
            with whole(out / path.name) as part:
                shutil.copyfile(path, part)
    write_card(out)
    return report


def _both_sides(records: list[Record], split: str, data: Path) -> list[Record]:
    found = [r for r in records if r.split == split]
    missing = {"masked", "not_masked"} - {r.label for r in found}
    if missing:
        raise UsageError(
            f"{data}: the split {split!r} holds no face that is {' or '.join(sorted(missing))}; run "
            "`mask-convert prepare` with more faces"
        )
    return found


def _stage(candidate: Path, measured: Contract, report: dict[str, Any], staged: Path) -> None:
    """The candidate with what was measured; completes the report."""
    final = load_contract(candidate).model_copy(
        update={
            "calibration": measured.calibration,
            "threshold": measured.threshold,
            "figures": _headline(report),
        }
    )
    path = write_artifact(candidate.read_bytes(), final, staged)
    report["model"] = {
        "id": load_contract(path).model_id,
        "threshold": measured.threshold,
        "trained_on": "the split `train`" if final.sha256 == measured.sha256 else "all of the data",
        "measured": {"sha256": measured.sha256, "training": measured.made_by.get("training", {})},
    }
    (staged / REPORT).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    listed = candidate.with_name(CALIBRATION)
    if not listed.is_file():
        raise UsageError(f"{listed}: the list of faces that set the ranges is missing; quantize again")
    shutil.copyfile(listed, path.with_suffix(f".{CALIBRATION}"))


def _headline(report: dict[str, Any]) -> dict[str, Any]:
    """What the device carries with it; the rest stays in the report."""
    test = {k: v for k, v in report["test"].items() if v is None or isinstance(v, int | float)}
    return {"test": test, "float_int8": report["float_int8"]}


def _require_trained_on(model: Contract, records: list[Record], data: Path) -> None:
    """A split that was made again since may hold faces in val and test that the model was trained on."""
    wanted, found = fingerprint(records), model.made_by.get("training", {}).get("dataset_sha256")
    if found != wanted:
        raise UsageError(
            f"{model.file} ({model.sha256[:12]}...): was trained on the dataset {found}, but {data} is now "
            f"{wanted}; train and quantize again, or give the --data that it was trained on"
        )


def _require_twins(shipped: Contract, measured: Contract) -> None:
    recipes = [c.made_by.get("training", {}).get("recipe") for c in (shipped, measured)]
    if recipes[0] != recipes[1]:
        raise UsageError(
            f"{shipped.file}: trained with {recipes[0]}, but the model that is measured with {recipes[1]}; "
            "train both with the same recipe"
        )


def _report(faces: list[Scored], records: list[Record]) -> dict[str, Any]:
    shown = balance(records)
    wrong = [f for f in faces if f.record.label == "incorrect"]
    real = [f for f in wrong if f.record.source not in SYNTHETIC_SOURCES]
    return {
        "test": {
            **figures(faces),
            "incorrect_refused_real": share(np.array([not f.accepted for f in real], dtype=np.bool_)),
            "incorrect_real": len(real),
        },
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
