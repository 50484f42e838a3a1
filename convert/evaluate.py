"""``mask-convert evaluate``: the device's own classifier over a dataset. Works without TensorFlow."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from convert.metrics import roc_auc, share
from convert.pictures import BrokenPictureError, list_pictures, read_rgb
from convert.records import LABELS, Record, read_manifest, source_of
from edge.errors import UsageError
from edge.model.classifier import MaskClassifier
from edge.values import MaskScore, Verdict

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Scored:
    """One face with the device's opinion."""

    record: Record
    score: MaskScore
    accepted: bool
    """Whether the device says that a mask is worn properly."""
    took_s: float


@dataclass(frozen=True, slots=True)
class Scores:
    """All faces that could be read, and the names of those that could not."""

    faces: list[Scored] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


def evaluate(
    model: Path, data: Path, *, split: str | None = None, progress: Progress = lambda _: None
) -> dict[str, Any]:
    """Score a model on ``data`` and sum up.

    Args:
        model: the ``.tflite``, its contract beside it.
        data: a folder of class folders, or a prepared dataset.
        split: of a prepared dataset; all of it where None.
        progress: told what is going on.

    Returns:
        Figures ready for JSON; see ``figures``.

    Raises:
        UsageError: nothing to evaluate there.
        ModelError: the model is missing, damaged or not its contract's.
    """
    classifier = MaskClassifier(model)
    scores = score(classifier, find_records(data, split), progress)
    for name in scores.unreadable:
        progress(f"unreadable, left out: {name}")
    about = {
        "model": classifier.contract.model_id,
        "runtime": f"{classifier.model.runtime.name} {classifier.model.runtime.version}",
        "data": data.name,
        "split": split,
        "threshold": classifier.threshold,
    }
    return {**figures(scores.faces), "unreadable": scores.unreadable, **about}


def find_records(data: Path, split: str | None) -> list[Record]:
    """The faces of ``DIR/{masked,not_masked,incorrect}`` (what is there), or of a manifest.

    Raises:
        UsageError: neither is there, or the split is empty.
    """
    folders = [data / label for label in LABELS if (data / label).is_dir()]
    if split is None and folders:
        records = [_plain_record(path, folder.name) for folder in folders for path in list_pictures(folder)]
        if not records:
            raise UsageError(f"{data}: its folders {', '.join(f.name for f in folders)} hold no pictures")
        return records
    if not (data / "manifest.csv").is_file():
        raise UsageError(
            f"{data}: holds neither one of the folders {', '.join(LABELS)} nor the manifest.csv of `prepare`"
        )
    records = [r for r in read_manifest(data / "manifest.csv") if split in (None, r.split)]
    if not records:
        raise UsageError(f"{data / 'manifest.csv'}: no face in the split {split!r}")
    return records


def _plain_record(path: Path, label: str) -> Record:
    return Record(path, label, source_of(path), group="", sha256="")


def score(
    classifier: MaskClassifier, records: Iterable[Record], progress: Progress = lambda _: None
) -> Scores:
    """Ask the classifier about every face; unreadable pictures are named, not fatal."""
    scores = Scores()
    for i, record in enumerate(records):
        try:
            image = read_rgb(record.path)
        except BrokenPictureError as e:
            scores.unreadable.append(str(e))
            continue
        began = time.perf_counter()
        result = classifier.score(image, record.box)
        took_s = time.perf_counter() - began
        accepted = classifier.verdict(result) is Verdict.MASKED
        scores.faces.append(Scored(record, result, accepted, took_s))
        if (i + 1) % 1000 == 0:
            progress(f"{i + 1} faces scored")
    return scores


def figures(faces: list[Scored]) -> dict[str, Any]:
    """Figures of scored faces; None where a class that one needs is missing.

    ``accuracy`` and ``roc_auc`` compare masked with not_masked; ``masked_accepted``, ``false_masked`` (not
    masked, called masked) and ``incorrect_refused`` are shares of their class; ``latency_ms`` is crop,
    resize and inference.
    """
    label = np.array([f.record.label for f in faces])
    accepted = np.array([f.accepted for f in faces], dtype=np.bool_)
    logit = np.array([f.score.logit for f in faces], dtype=np.float64)
    masked, plain, wrong = (label == name for name in LABELS)
    two = masked | plain
    both = bool(masked.any() and plain.any())
    source = np.array([f.record.source for f in faces])
    took_ms = np.array([f.took_s for f in faces]) * 1000
    return {
        "accuracy": share(accepted[two] == masked[two]) if both else None,
        "roc_auc": roc_auc(logit[two], masked[two]),
        "masked_accepted": share(accepted[masked]),
        "false_masked": share(accepted[plain]),
        "incorrect_refused": share(~accepted[wrong]),
        "faces": len(faces),
        "confusion": {
            name: {"masked": int((accepted & of).sum()), "not_masked": int((~accepted & of).sum())}
            for name, of in zip(LABELS, (masked, plain, wrong), strict=True)
        },
        "by_source": {
            str(s): {
                "masked_accepted": share(accepted[masked & (source == s)]),
                "false_masked": share(accepted[plain & (source == s)]),
                "incorrect_refused": share(~accepted[wrong & (source == s)]),
                "faces": int((source == s).sum()),
            }
            for s in np.unique(source)
        },
        "latency_ms": {
            f"p{q}": round(float(np.percentile(took_ms, q)), 3) if len(faces) else None for q in (50, 95)
        },
    }
