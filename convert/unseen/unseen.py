"""How models scored faces whose source they never saw: figures, differences, doubtful labels."""

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convert.data.records import Record, read_manifest
from convert.measure.intervals import bootstrap_intervals, paired_bootstrap, point_figures
from convert.training.folds import Fold, name_of
from convert.training.run_record import RUN_RECORD
from edge.errors import UsageError

SCORES = "scores.csv"


@dataclass(frozen=True, slots=True)
class Opinion:
    """A model's score for a face whose source it never saw."""

    logit: float
    accepted: bool


def read_opinions(out: Path, folds: Sequence[Fold]) -> dict[str, Opinion]:
    """What ``cross_validate`` left in ``out``, by the face's sha256.

    Raises:
        UsageError: a fold is missing.
    """
    found = {}
    for fold in folds:
        path = out / name_of(fold) / SCORES
        if not path.is_file():
            raise UsageError(f"{path}: no such scores; run `mask-convert cross-validate --out {out}`")
        with path.open(newline="", encoding="utf-8") as f:
            for row in csv.DictReader(f):
                found[row["sha256"]] = Opinion(float(row["logit"]), row["accepted"] == "1")
    return found


def report(data: Path, out: Path, folds: Sequence[Fold], against: Path | None = None) -> dict[str, Any]:
    """Figures with 95 % intervals by source and over all; with ``against``, the differences too.

    Labels are those of ``data`` as it is now, so that two models are asked the same.

    Args:
        data: the prepared dataset.
        out: of the model.
        folds: the same as there.
        against: ``out`` of another model, on the same folds.

    Raises:
        UsageError: a fold is missing.
    """
    records = read_manifest(data / "manifest.csv")
    new = read_opinions(out, folds)
    old = read_opinions(against, folds) if against else None
    sources = sorted({s for fold in folds for s in fold})
    chosen = {"all": sources, **{s: [s] for s in sources}}
    table = {}
    for name, members in chosen.items():
        faces = [
            r for r in records if r.source in members and r.sha256 in new and (old is None or r.sha256 in old)
        ]
        table[name] = _figures(faces, new, old)
    record = json.loads((out / name_of(folds[0]) / "run" / RUN_RECORD).read_text(encoding="utf-8"))
    return {"folds": [list(f) for f in folds], "recipe": record["recipe"], "sources": table}


def _figures(faces: list[Record], new: dict[str, Opinion], old: dict[str, Opinion] | None) -> dict[str, Any]:
    labels, groups = [r.label for r in faces], [r.group for r in faces]

    def scores(by: dict[str, Opinion]) -> tuple[list[float], list[bool]]:
        return [by[r.sha256].logit for r in faces], [by[r.sha256].accepted for r in faces]

    logits, accepted = scores(new)
    values = point_figures(logits, accepted, labels)
    bounds = bootstrap_intervals(logits, accepted, labels, groups)
    result: dict[str, Any] = {
        "faces": len(faces),
        "figures": {k: {"value": v, "interval": bounds[k]} for k, v in values.items()},
    }
    if old is not None:
        before, before_accepted = scores(old)
        result["before"] = point_figures(before, before_accepted, labels)
        result["difference"] = paired_bootstrap((before, logits), (before_accepted, accepted), labels, groups)
    return result


def suspects(data: Path, out: Path, folds: Sequence[Fold], least: float) -> list[tuple[Record, float]]:
    """Faces whose label a model that never saw their source doubts, the worst first.

    Args:
        data: the prepared dataset.
        out: of ``cross_validate``.
        folds: the same as there.
        least: log-odds against the label from which on a face is listed.

    Returns:
        Each with the log-odds against its label.
    """
    opinions = read_opinions(out, folds)
    records = [r for r in read_manifest(data / "manifest.csv") if r.sha256 in opinions]
    doubts = [(r, opinions[r.sha256].logit * (-1 if r.positive else 1)) for r in records]
    return sorted(((r, d) for r, d in doubts if d > least), key=lambda x: -x[1])


def write_suspects(data: Path, out: Path, folds: Sequence[Fold], path: Path) -> None:
    """The suspects as CSV, for a person to look at and correct in the file that ``prepare`` reads."""
    with path.open("w", newline="", encoding="utf-8") as f:
        rows = csv.writer(f, lineterminator="\n")
        rows.writerow(("sha256", "label", "doubt", "file"))
        for record, doubt in suspects(data, out, folds, least=0.0):
            rows.writerow((record.sha256, record.label, f"{doubt:.2f}", record.path))


def unseen_text(found: dict[str, Any]) -> str:
    """The report as aligned text."""
    lines = []
    for source, part in found["sources"].items():
        lines.append(f"{source}: {part['faces']} faces")
        for name, figure in part["figures"].items():
            if figure["value"] is None:
                continue
            low, high = figure["interval"]
            line = f"  {name:18} {figure['value']:.4f} [{low:.4f}, {high:.4f}]"
            if part.get("difference", {}).get(name):
                low, high = part["difference"][name]
                line += f"  before {part['before'][name]:.4f}, difference [{low:+.4f}, {high:+.4f}]"
            lines.append(line)
    return "\n".join(lines)
