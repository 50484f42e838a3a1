"""``mask-convert cross-validate``: train without some sources, test on them; for each group of sources.

Figures on held-back photos of a collection that was trained on say little about a new camera; these say more.
"""

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from convert.atomic import whole
from convert.data.dataset import load
from convert.data.records import read_manifest
from convert.export.artifact import write_artifact
from convert.export.quantize import quantize
from convert.measure.calibrate import calibrated
from convert.measure.scoring import score
from convert.progress_log import Tell
from convert.training.folds import Fold, lay_out, leave_out, name_of, require_trainable
from convert.training.recipes import Recipe
from convert.training.run_record import RUN_RECORD, require_same, run_record
from convert.training.train import train
from convert.unseen.unseen import SCORES
from edge.model.classifier import MaskClassifier


def cross_validate(
    data: Path,
    weights: str,
    out: Path,
    recipe: Recipe,
    folds: Sequence[Fold],
    *,
    epochs: int | None = None,
    seed: int = 2026,
    progress: Tell = lambda _: None,
) -> None:
    """Train, quantise, calibrate and score once for each fold; what is done already is not done again.

    ``out/<fold>/`` gets the model as ``train`` and ``quantize`` leave it, and ``scores.csv``, of which
    ``unseen.report`` makes figures.

    Args:
        data: the prepared dataset.
        weights: as for ``train``.
        out: goes on there where it was ended.
        recipe: of every fold.
        folds: sources that are left out together.
        epochs: instead of the recipe's.
        seed: of every training.
        progress: gets a line of text for each step.

    Raises:
        UsageError: a fold can't be left out, or ``out`` holds what was made otherwise.
    """
    dataset = load(data)
    require_trainable(dataset.records, folds, data)
    if epochs is not None:
        recipe = replace(recipe, epochs=epochs)
    for fold in folds:
        folder = out / name_of(fold)
        if (folder / SCORES).is_file():
            rest = replace(dataset, records=leave_out(dataset.records, fold))
            require_same(folder / "run" / RUN_RECORD, run_record(rest, weights, recipe, seed))
            progress(f"{folder}: done before")
            continue
        progress(f"{folder}: training without {', '.join(fold)}")
        lay_out(data, fold, folder / "data")
        resume = (folder / "run" / "checkpoints").exists()
        trained = train(folder / "data", weights, folder / "run", recipe, seed=seed, resume=resume)
        _score_left_out(trained, folder)


def _score_left_out(trained: Path, folder: Path) -> None:
    """By the device's own classifier, calibrated on the faces of the other sources."""
    records = read_manifest(folder / "data" / "manifest.csv")
    draft = MaskClassifier(quantize(trained, folder / "data", folder / "draft"))
    val = score(draft, [r for r in records if r.split == "val"]).all_faces()
    flat = (folder / "draft" / "mask.tflite").read_bytes()
    model = write_artifact(flat, calibrated(draft.contract, val), folder)
    faces = score(MaskClassifier(model), [r for r in records if r.split == "test"]).all_faces()
    with whole(folder / SCORES) as part, part.open("w", newline="", encoding="utf-8") as f:
        rows = csv.writer(f, lineterminator="\n")
        rows.writerow(("sha256", "logit", "accepted"))
        rows.writerows((s.record.sha256, f"{s.score.logit:.4f}", int(s.accepted)) for s in faces)
