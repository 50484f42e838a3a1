"""The report of ``mask-convert prepare``: what is in the dataset, what is not, and what training will see."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from convert.data.candidates import Notes
from convert.data.records import LABELS, SPLITS, Record
from convert.data.split import MAX_REPEAT, balance

TOLERANCE = 0.2
"""Classes are balanced where one side is shown at most this much more often than the other."""


def report(records: Sequence[Record], notes: Notes, seed: int, *, as_given: bool) -> dict[str, Any]:
    """Counts, ready for JSON; ``balance`` says what an epoch of a recipe that weighs shows."""
    train = {r.group for r in records if r.split == "train"}
    return {
        "seed": seed,
        "split": "as given" if as_given else "by photo and person",
        "faces": len(records),
        "groups": len({r.group for r in records}),
        "by_split": {
            split: {label: sum(r.split == split and r.label == label for r in records) for label in LABELS}
            for split in SPLITS
        },
        "photo_or_person_also_in_training": {
            split: sum(r.split == split and r.group in train for r in records) for split in ("val", "test")
        },
        "by_source": {
            source: dict(Counter(r.label for r in records if r.source == source))
            for source in sorted({r.source for r in records})
        },
        "balance": _balance([r for r in records if r.split == "train"]),
        "changed": notes.changed,
        "changed_by_name": notes.changed_by_name,
        "left_out": notes.left_out,
        "left_out_by_name": notes.left_out_by_name,
    }


def _balance(train: list[Record]) -> dict[str, Any]:
    """By weights: a face of weight 1.3 is shown once an epoch, and once more in three epochs of ten."""
    shown = balance(train)
    total = sum(shown.values())
    rows = {}
    for label in LABELS:
        weights = [r.weight for r in train if r.label == label]
        rows[label] = {
            "faces": len(weights),
            "shown": round(sum(weights)),
            "added": round(sum(max(0.0, w - 1) for w in weights)),
            "left_out": round(sum(max(0.0, 1 - w) for w in weights)),
            "share": round(sum(weights) / total, 3) if total else None,
        }
    limited = {f"{r.label} of {r.source}" for r in train if r.weight >= MAX_REPEAT}
    return {
        "an_epoch": rows,
        "masked_to_others": round(shown["masked"] / shown["not_masked"], 3) if shown["not_masked"] else None,
        "most_often": MAX_REPEAT,
        "shown_most_often": sorted(limited),
    }


def warnings(report: dict[str, Any]) -> list[str]:
    """What a person should know before training."""
    lines = []
    shown = report["balance"]["masked_to_others"]
    if not shown or not 1 / (1 + TOLERANCE) <= shown <= 1 + TOLERANCE:
        lines.append(f"warning: training would see masked faces {shown or 0} times as often as the others")
    limited = report["balance"]["shown_most_often"]
    if limited:
        lines.append(
            f"warning: {', '.join(limited)}: so few that each is shown {MAX_REPEAT:.0f} times an epoch, the "
            "most allowed, and all others are shown less often to match; more of these faces would help"
        )
    for split, faces in report["photo_or_person_also_in_training"].items():
        if faces:
            lines.append(
                f"warning: {faces} faces of {split} share their photo or person with training: figures on "
                "them are optimistic"
            )
    return lines


def some_by_name(lines: Sequence[str], most: int = 20) -> list[str]:
    """For a terminal: the first few of each reason (the text before the colon), and how many more."""
    reasons = Counter(line.partition(": ")[0] for line in lines)
    shown: Counter[str] = Counter()
    some = []
    for line in lines:
        reason = line.partition(": ")[0]
        shown[reason] += 1
        if shown[reason] <= most:
            some.append(line)
    more = [f"{r}: {n - most} more, named in report.json" for r, n in reasons.items() if n > most]
    return some + more
