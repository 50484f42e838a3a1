"""Datasets that leave some sources out: what a model is worth on a collection that it never saw."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from convert.data.dataset import BOXES, FACES, MANIFEST, POINTS
from convert.data.records import Record, read_manifest, write_manifest
from convert.data.split import assign_weights
from edge.errors import UsageError

Fold = tuple[str, ...]
"""Sources that are left out together, since they were cut from the same photos or made by the same people."""


def name_of(fold: Fold) -> str:
    """What a fold's folder is called."""
    return "+".join(fold)


def leave_out(records: Sequence[Record], fold: Fold) -> list[Record]:
    """The fold's faces as the test split, all others as train and val.

    A face of another source that shares its photo or person with the fold is in no split at all. Only val
    keeps its part, for threshold and calibration; the weights are balanced again.
    """
    out = {r.group for r in records if r.source in fold}

    def split(r: Record) -> str:
        if r.source in fold:
            return "test"
        return "" if r.group in out else "val" if r.split == "val" else "train"

    return assign_weights([replace(r, split=split(r)) for r in records])


def require_trainable(records: Sequence[Record], folds: Sequence[Fold], data: Path) -> None:
    """Look at all folds before hours are spent on the first; ``data`` is where the records are from.

    Raises:
        UsageError: a source is unknown or in two places, or without a fold there is too little to train and
            calibrate on.
    """
    named, known = Counter(source for fold in folds for source in fold), {r.source for r in records}
    for source, times in named.items():
        if source not in known:
            raise UsageError(
                f"{data}: no face of the source {source!r}; there are {', '.join(sorted(known))}"
            )
        if times > 1:
            raise UsageError(f"the source {source!r} is left out {times} times; name each in one fold, once")
    for fold in folds:
        rest = leave_out(records, fold)
        for split in ("train", "val"):
            sides = {r.positive for r in rest if r.split == split}
            if sides != {True, False}:
                missing = "no face" if not sides else f"no {'other' if True in sides else 'masked'} face"
                raise UsageError(
                    f"{data}: without {', '.join(fold)} there is {missing} in the split {split!r}; "
                    "leave less out"
                )


def all_in(records: Sequence[Record]) -> list[Record]:
    """Every face in training: for a release whose twin was measured before."""
    return assign_weights([replace(r, split="train") for r in records])


def lay_out(data: Path, fold: Fold, folder: Path) -> None:
    """Make ``folder`` a prepared dataset that shares the pictures of ``data`` and leaves the fold out."""
    folder.mkdir(parents=True, exist_ok=True)
    write_manifest(leave_out(read_manifest(data / MANIFEST), fold), folder / MANIFEST)
    for name in (FACES, BOXES, POINTS):
        link = folder / name
        link.unlink(missing_ok=True)
        link.symlink_to((data / name).resolve())
