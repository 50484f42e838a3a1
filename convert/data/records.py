"""One face of a dataset, and the manifest that lists them."""

import csv
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path

from convert.atomic import whole
from edge.errors import UsageError
from edge.values import Box

LABELS = ("masked", "not_masked", "incorrect")
"""The classes; ``incorrect`` (a mask that leaves the nose or mouth free) counts as not masked."""

LABEL_OF = {
    **{label: label for label in LABELS},
    "mask": "masked",
    "with_mask": "masked",
    "no_mask": "not_masked",
    "without_mask": "not_masked",
    "mask_weared_incorrect": "incorrect",
}
"""What folders and annotators call the classes."""

SPLITS = ("train", "val", "test")

SPLIT_OF = {"train": "train", "val": "val", "validation": "val", "test": "test"}
"""What folders and manifests call the splits."""


@dataclass(frozen=True, slots=True)
class Record:
    """One face."""

    path: Path
    """The picture: a face crop, or a whole photo with ``box``."""
    label: str
    source: str
    group: str
    """Photo or person: one group is never in two splits."""
    sha256: str
    box: Box | None = None
    """The face in the picture, as the device's detector found it; None where the picture is the face."""
    split: str = ""
    weight: float = 1.0
    """How often an epoch shows it, on average."""
    licence: str = ""
    note: str = ""
    slices: dict[str, str] = field(default_factory=dict)
    """Columns of the manifest named ``slice_*``, where this face has a value."""

    @property
    def positive(self) -> bool:
        """Whether a mask is worn properly."""
        return self.label == "masked"


def source_of(path: Path) -> str:
    """The source that a face file's name gives before ``__``, else its dataset's folder."""
    return path.name.split("__")[0] if "__" in path.name else path.parent.parent.name


def slices_in(row: dict[str, str]) -> dict[str, str]:
    """The ``slice_*`` columns of a manifest's row that have a value."""
    return {name: value for name, value in row.items() if (name or "").startswith("slice_") and value}


def fingerprint(records: Iterable[Record]) -> str:
    """SHA-256 of what training sees of a dataset: the same wherever the pictures lie."""
    lines = [f"{r.sha256} {r.label} {r.split} {r.weight:.4f}\n" for r in records]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def write_manifest(records: Iterable[Record], path: Path) -> None:
    """Write a CSV with one row a face, one column a field, one a ``slice_*``."""
    records = list(records)
    names = [f.name for f in fields(Record) if f.name != "slices"]
    slices = sorted({name for r in records for name in r.slices})
    with whole(path) as part, part.open("w", newline="", encoding="utf-8") as f:
        writer = csv.writer(f, lineterminator="\n")
        writer.writerow([*names, *slices])
        for r in records:
            row = {name: getattr(r, name) for name in names}
            row = {**row, "box": _text(r.box), "weight": f"{r.weight:.4f}"}
            writer.writerow([*row.values(), *(r.slices.get(name, "") for name in slices)])


def read_manifest(path: Path) -> list[Record]:
    """Read what ``write_manifest`` wrote.

    Raises:
        UsageError: it is missing or not such a manifest.
    """
    if not path.is_file():
        raise UsageError(f"{path}: no such manifest; make one with `mask-convert prepare`")
    try:
        with path.open(newline="", encoding="utf-8") as f:
            return [_record(row) for row in csv.DictReader(f)]
    except (KeyError, ValueError, TypeError, csv.Error) as e:  # TypeError: a row that breaks off
        raise UsageError(f"{path}: not a manifest of `mask-convert prepare` ({e}); run it again") from e


def _text(box: Box | None) -> str:
    return "" if box is None else f"{box.x1:.1f} {box.y1:.1f} {box.x2:.1f} {box.y2:.1f}"


def _record(row: dict[str, str]) -> Record:
    box = Box(*(float(v) for v in row["box"].split())) if row["box"] else None
    return Record(
        path=Path(row["path"]),
        label=row["label"],
        source=row["source"],
        group=row["group"],
        sha256=row["sha256"],
        box=box,
        split=row["split"],
        weight=float(row["weight"]),
        licence=row["licence"],
        note=row["note"],
        slices=slices_in(row),
    )
