"""``mask-convert prepare``: faces from several sources to one dataset, see ``convert.data.dataset``."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.data.candidates import Candidate, Notes
from convert.data.corrections import corrected, read_corrections
from convert.data.dataset import BOXES, CONTEXT, FACE_PX, FACES, MANIFEST, POINTS
from convert.data.face_folders import face_folders, unmasked_people
from convert.data.landmarks import find_all_points
from convert.data.photos import photos
from convert.data.prepare_report import report, warnings
from convert.data.records import Record, write_manifest
from convert.data.split import assign_splits, assign_weights, group_by_ties
from convert.progress_log import Tell
from edge.errors import UsageError
from edge.model.detector import FaceDetector
from edge.model.preprocess import crop, face_input
from edge.values import Image


@dataclass(frozen=True, slots=True)
class FaceSources:
    """Where faces come from; ``convert.data.face_folders`` and ``convert.data.photos`` tell the layouts."""

    faces: Sequence[Path] = ()
    """Folders of face crops by class."""
    unmasked: Sequence[Path] = ()
    """Folders of people without masks."""
    frames: Sequence[Path] = ()
    """Folders of whole photos with boxes."""
    detector: Path | None = None
    """The released face model: cuts faces out of ``frames`` and ``unmasked``, places eyes, nose and mouth.
    Without it no landmarks are known."""


@dataclass(frozen=True, slots=True)
class _Stored:
    """Rows of the dataset: lists of one length."""

    records: list[Record] = field(default_factory=list)
    pictures: list[Image] = field(default_factory=list)
    boxes: list[tuple[float, ...]] = field(default_factory=list)
    ties: list[tuple[str, ...]] = field(default_factory=list)

    def only(self, rows: Sequence[int]) -> "_Stored":
        """These rows."""
        return _Stored(
            [self.records[i] for i in rows],
            [self.pictures[i] for i in rows],
            [self.boxes[i] for i in rows],
            [self.ties[i] for i in rows],
        )


def prepare(
    sources: FaceSources,
    out: Path,
    *,
    as_given: bool = False,
    corrections: Path | None = None,
    seed: int = 2026,
    progress: Tell = lambda _: None,
) -> dict[str, Any]:
    """Build a dataset; what is wrong with single files is noted in the report and stops nothing.

    Args:
        sources: what to read.
        out: the dataset's folder.
        as_given: keep the split that manifests, folders or names give, and leave out faces without one; else
            split again by photo and person.
        corrections: see ``convert.data.corrections``.
        seed: of the split.
        progress: gets a line of text for each step.

    Returns:
        The report, which ``out/report.json`` holds too.

    Raises:
        UsageError: there is nothing to read, or nothing is left; the corrections are malformed.
    """
    if not (sources.faces or sources.unmasked or sources.frames):
        raise UsageError("nothing to prepare: give --faces, --unmasked or --frames")
    notes = Notes()
    known = read_corrections(corrections) if corrections else {}
    found = _collect(_candidates(sources, notes, progress), notes, as_given=as_given)
    groups = group_by_ties(found.ties)
    records = [replace(r, group=g) for r, g in zip(found.records, groups, strict=True)]
    if not as_given:
        records = assign_splits(records, seed)
    # Only now: the split uses the labels as they were given, or one correction would move other faces
    labelled = corrected(records, known, corrections, notes)
    stored = found.only([i for i, record in enumerate(labelled) if record is not None])
    if not stored.records:
        folders = ", ".join(map(str, (*sources.faces, *sources.unmasked, *sources.frames)))
        raise UsageError(f"no usable face in {folders}: {notes.left_out}")
    records = assign_weights([record for record in labelled if record is not None])
    points = find_all_points(sources.detector, stored.pictures, stored.boxes, progress)
    done = report(records, notes, seed, as_given=as_given)
    _write(out, records, stored, points, done)
    for line in warnings(done):
        progress(line)
    return done


def _write(
    out: Path, records: list[Record], stored: _Stored, points: NDArray[np.float32], done: dict[str, Any]
) -> None:
    """The manifest goes first and comes last: without it nothing is taken for a dataset.

    The rest is not written over but removed: a training run may still have the old pictures mapped.
    """
    out.mkdir(parents=True, exist_ok=True)
    for name in (MANIFEST, FACES, BOXES, POINTS):
        (out / name).unlink(missing_ok=True)
    np.save(out / FACES, np.stack(stored.pictures))
    np.save(out / BOXES, np.array(stored.boxes, dtype=np.float32))
    np.save(out / POINTS, points)
    (out / "report.json").write_text(json.dumps(done, indent=1) + "\n", encoding="utf-8")
    write_manifest(records, out / MANIFEST)


def _candidates(sources: FaceSources, notes: Notes, tell: Tell) -> Iterator[Candidate]:
    detector = FaceDetector(sources.detector) if sources.detector else None
    for root in sources.faces:
        yield from face_folders(root, notes, tell)
    for root in sources.unmasked:
        yield from unmasked_people(root, detector, notes, tell)
    for root in sources.frames:
        if detector is None:
            raise UsageError("--frames needs --detector models/face.tflite: the device's boxes are cut out")
        yield from photos(root, detector, notes, tell)


def _collect(candidates: Iterator[Candidate], notes: Notes, *, as_given: bool) -> _Stored:
    """Pictures of one size; of repeats (same bytes, in one split where that is given) the first one wins."""
    stored = _Stored()
    seen: dict[tuple[str, str], Record] = {}
    for c in candidates:
        record = c.record if as_given else replace(c.record, split="")
        if as_given and not record.split:
            notes.leave_out("no split is given", str(record.path))
            continue
        first = seen.setdefault((record.split, record.sha256), record)
        if first is not record:
            kind = "repeated" if first.label == record.label else "repeated with another label"
            notes.leave_out(kind, f"{record.path} is {first.path}")
            continue
        stored.records.append(record)
        stored.pictures.append(np.array(face_input(c.image, record.box, (FACE_PX, FACE_PX), CONTEXT)))
        stored.boxes.append(_box_in_crop(c))
        stored.ties.append(c.ties)
    return stored


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
