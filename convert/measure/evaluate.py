"""``mask-convert evaluate``: the device's own classifier over a dataset. Works without TensorFlow."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from convert.data.inputs import find_records
from convert.data.records import LABELS
from convert.measure.agreement import agreement
from convert.measure.calibrate import logits_of
from convert.measure.contact_sheet import draw_errors, worst_errors
from convert.measure.diagrams import draw_reliability, draw_roc
from convert.measure.intervals import bootstrap_intervals, group_places, point_figures
from convert.measure.metrics import calibration_error
from convert.measure.scoring import Scored, score
from convert.measure.slices import by_slice, by_source
from convert.progress_log import Tell
from edge.model.classifier import MaskClassifier


def evaluate(
    model: Path,
    data: Path,
    *,
    split: str | None = None,
    trained: Path | None = None,
    out: Path | None = None,
    progress: Tell = lambda _: None,
) -> dict[str, Any]:
    """Score a model on ``data``, sum up, and draw.

    Args:
        model: the ``.tflite``, its contract beside it.
        data: a folder of class folders, a prepared dataset, or a manifest; see ``find_records``.
        split: of a prepared dataset; all of it where None.
        trained: the Keras model that it came from, for ``float_int8``; needs TensorFlow.
        out: gets ``report.json`` and, where the classes for it are there, ``roc.png``, ``reliability.png``
            and ``errors.png``: **faces of ``data``**. Nothing is written where None.
        progress: gets a line of text for each step.

    Returns:
        Figures ready for JSON; see ``figures``. With ``trained``, ``float_int8``; see ``agreement``.

    Raises:
        UsageError: nothing to evaluate there.
        ModelError: the model is missing, damaged or not its contract's.
    """
    classifier = MaskClassifier(model)
    scores = score(classifier, find_records(data, split), progress)
    for name in scores.unreadable:
        progress(f"unreadable, left out: {name}")
    report = {
        **figures(scores.faces),
        **({"float_int8": agreement(classifier, trained, scores.faces)} if trained else {}),
        "unreadable": scores.unreadable,
        "model": classifier.contract.model_id,
        "runtime": f"{classifier.model.runtime.name} {classifier.model.runtime.version}",
        "data": data.resolve().name,
        "split": split,
        "threshold": classifier.threshold,
    }
    if out:
        _write(out, report, classifier, scores.faces, progress)
    return report


def figures(faces: list[Scored]) -> dict[str, Any]:
    """Figures of scored faces; None where a class that one needs is missing.

    ``accuracy``, ``roc_auc`` and ``tpr_at_fpr_0.01`` compare masked with not_masked; ``masked_accepted``,
    ``false_masked`` (not masked, called masked) and ``incorrect_refused`` are shares of their class;
    ``intervals`` holds the 95 % ones of these six by photo-wise bootstrap; ``calibration_error`` is that of
    "worn properly" against both other classes; ``latency_ms`` is crop, resize and inference.
    """
    label = np.array([f.record.label for f in faces], dtype=np.str_)
    group = np.array([f.record.group for f in faces], dtype=np.str_)
    accepted = np.array([f.accepted for f in faces], dtype=np.bool_)
    logit = logits_of(faces)
    probability = np.array([f.score.probability for f in faces])
    took_ms = np.array([f.took_s for f in faces]) * 1000
    return {
        **point_figures(logit, accepted, label),
        "intervals": bootstrap_intervals(logit, accepted, label, group),
        "faces": len(faces),
        "groups": group_places(group)[0],
        "confusion": {
            name: {
                "masked": int((accepted & (label == name)).sum()),
                "not_masked": int((~accepted & (label == name)).sum()),
            }
            for name in LABELS
        },
        "calibration_error": (
            calibration_error(probability, label == "masked", np.ones(len(faces))) if faces else None
        ),
        "by_source": by_source(faces),
        "by_slice": by_slice(faces),
        "latency_ms": {
            f"p{q}": round(float(np.percentile(took_ms, q)), 3) if faces else None for q in (50, 95)
        },
    }


def _write(
    out: Path, report: dict[str, Any], classifier: MaskClassifier, faces: list[Scored], progress: Tell
) -> None:
    out.mkdir(parents=True, exist_ok=True)
    errors = worst_errors(faces, classifier.threshold)
    listed = [
        {
            "file": str(f.record.path),
            "label": f.record.label,
            "probability": round(f.score.probability, 4),
            "source": f.record.source,
            "group": f.record.group,
            "width_px": round(f.width_px, 1),
        }
        for f in errors
    ]
    text = json.dumps({**report, "errors": listed}, indent=1)
    (out / "report.json").write_text(text + "\n", encoding="utf-8")
    if report["roc_auc"] is None:
        progress("no roc.png: it needs masked and not_masked faces")
    else:
        draw_roc(faces, report, out / "roc.png")
    if len({f.record.positive for f in faces}) < 2:
        progress("no reliability.png: it needs masked faces and others")
    else:
        draw_reliability(faces, report, out / "reliability.png")
    draw_errors(errors, report, classifier.contract, out / "errors.png")
