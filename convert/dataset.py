"""``mask-convert prepare``: faces from several sources to one dataset, and reading it back for training.

A dataset folder holds ``manifest.csv`` (one row a face), ``faces.npy`` ((N, 128, 128, 3) uint8 RGB, the
rows of the manifest, each face with some of its surroundings), ``boxes.npy`` ((N, 4) float32: x1, y1, x2,
y2 of the face in its picture, 0 to 1) and ``report.json`` (counts, and what was left out and why).
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.photos import photos
from convert.records import LABELS, SPLITS, Record, read_manifest, write_manifest
from convert.sources import Candidate, Problems, face_folders
from convert.split import assign_splits, assign_weights, balance, group_by_ties
from edge.errors import UsageError
from edge.model.detector import FaceDetector
from edge.model.preprocess import crop, face_input
from edge.values import Image

FACE_PX = 128
CONTEXT = 0.3
"""What is kept around a detected face on each side, as a share of its size: room for jitter."""

Progress = Callable[[str], None]


@dataclass(frozen=True, eq=False, slots=True)
class Dataset:
    """A prepared dataset, the pictures memory-mapped."""

    records: list[Record]
    faces: NDArray[np.uint8]
    boxes: NDArray[np.float32]

    def indices(self, split: str) -> NDArray[np.intp]:
        """Rows of one split."""
        return np.array([i for i, r in enumerate(self.records) if r.split == split], dtype=np.intp)


def load(folder: Path) -> Dataset:
    """Read what ``prepare`` wrote.

    Raises:
        UsageError: the folder is not a prepared dataset.
    """
    records = read_manifest(folder / "manifest.csv")
    try:
        faces = np.load(folder / "faces.npy", mmap_mode="r")
        boxes = np.load(folder / "boxes.npy")
    except (OSError, ValueError) as e:
        raise UsageError(f"{folder}: not a whole dataset ({e}); run `mask-convert prepare` again") from e
    if not len(records) == len(faces) == len(boxes):
        raise UsageError(
            f"{folder}: {len(records)} rows but {len(faces)} pictures; run `mask-convert prepare` again"
        )
    return Dataset(records, faces, boxes)


def prepare(
    faces: Path | None,
    frames: Path | None,
    detector: Path | None,
    out: Path,
    *,
    seed: int = 2026,
    progress: Progress = lambda _: None,
) -> dict[str, Any]:
    """Build a dataset; see the module's docstring for what is written.

    Args:
        faces: folders of face crops by class.
        frames: whole photos with boxes.
        detector: the released face model that cuts faces out of ``frames``.
        out: the dataset's folder.
        seed: of the split.
        progress: told what is going on.

    Returns:
        The report.

    Raises:
        UsageError: there is nothing to read, or nothing is left.
    """
    if faces is None and frames is None:
        raise UsageError("nothing to prepare: give --faces, --frames or both")
    problems = Problems()
    records, pictures, boxes, ties = _collect(
        _candidates(faces, frames, detector, problems), problems, progress
    )
    if not records:
        raise UsageError(f"no usable face in {faces or ''} {frames or ''}: {problems.counts}")
    groups = group_by_ties(ties)
    records = [replace(r, group=g) for r, g in zip(records, groups, strict=True)]
    records = assign_weights(assign_splits(records, seed))
    out.mkdir(parents=True, exist_ok=True)
    write_manifest(records, out / "manifest.csv")
    np.save(out / "faces.npy", np.stack(pictures))
    np.save(out / "boxes.npy", np.array(boxes, dtype=np.float32))
    report = _report(records, problems, seed)
    (out / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return report


def _candidates(
    faces: Path | None, frames: Path | None, detector: Path | None, problems: Problems
) -> Iterator[Candidate]:
    if faces is not None:
        yield from face_folders(faces, problems)
    if frames is not None:
        if detector is None:
            raise UsageError("--frames needs --detector models/face.tflite: the device's boxes are cut out")
        yield from photos(frames, FaceDetector(detector), problems)


def _collect(
    candidates: Iterator[Candidate], problems: Problems, progress: Progress
) -> tuple[list[Record], list[Image], list[tuple[float, ...]], list[tuple[str, ...]]]:
    """Pictures of one size, repeats (same bytes, first one wins) left out."""
    records: list[Record] = []
    pictures: list[Image] = []
    boxes: list[tuple[float, ...]] = []
    ties: list[tuple[str, ...]] = []
    seen: dict[str, Record] = {}
    for c in candidates:
        first = seen.setdefault(c.record.sha256, c.record)
        if first is not c.record:
            kind = "repeated" if first.label == c.record.label else "repeated with another label"
            problems.add(kind, f"{c.record.path} is {first.path}")
            continue
        records.append(c.record)
        pictures.append(np.array(face_input(c.image, c.record.box, (FACE_PX, FACE_PX), CONTEXT)))
        boxes.append(_box_in_crop(c))
        ties.append(c.ties)
        if len(records) % 500 == 0:
            progress(f"{len(records)} faces read")
    return records, pictures, boxes, ties


def _box_in_crop(candidate: Candidate) -> tuple[float, ...]:
    """Where the face lies in its stored picture, 0 to 1; surroundings end at the photo's edge."""
    box = candidate.record.box
    if box is None:
        return 0.0, 0.0, 1.0, 1.0
    h, w = candidate.image.shape[:2]
    size = crop(candidate.image, box, CONTEXT).shape[:2]
    left, top = max(0.0, box.x1 - box.width * CONTEXT), max(0.0, box.y1 - box.height * CONTEXT)
    inside = box.clipped(w, h)
    return (
        (inside.x1 - left) / size[1],
        (inside.y1 - top) / size[0],
        min(1.0, (inside.x2 - left) / size[1]),
        min(1.0, (inside.y2 - top) / size[0]),
    )


def _report(records: list[Record], problems: Problems, seed: int) -> dict[str, Any]:
    return {
        "seed": seed,
        "faces": len(records),
        "groups": len({r.group for r in records}),
        "by_split": {
            split: {label: sum(r.split == split and r.label == label for r in records) for label in LABELS}
            for split in SPLITS
        },
        "by_source": {
            source: dict(Counter(r.label for r in records if r.source == source))
            for source in sorted({r.source for r in records})
        },
        "shown_an_epoch": {side: round(n) for side, n in balance(records).items()},
        "left_out": problems.counts,
        "left_out_by_name": problems.lines,
    }
