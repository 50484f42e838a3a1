"""Faces from whole photos with labelled boxes, cut out as the device's detector sees them."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from convert.data.annotations import UNLABELLED, AnnotatedPhoto, read_annotations
from convert.data.candidates import PHOTO_ID, Candidate, Notes, photo_tie, read_or_note, wide_enough
from convert.data.records import LABEL_OF, Record
from convert.progress_log import Tell, with_time_left
from edge.model.detector import FaceDetector
from edge.values import Box

MATCH_IOU = 0.4


def photos(root: Path, detector: FaceDetector, notes: Notes, tell: Tell) -> Iterator[Candidate]:
    """Faces that the device's detector finds in photos whose boxes somebody labelled.

    The formats are those of ``read_annotations``.

    Raises:
        UsageError: there are no annotations, or ``annotations.json`` is not JSON.
    """
    for photo in with_time_left(read_annotations(root, notes), f"photos of {root}", tell):
        path = photo.path
        found = read_or_note(path, notes)
        if found is None:
            continue
        image, digest = found
        boxes = [f.box for f in detector.find(image)]
        ties = (photo_tie(path.stem), *(f"photo:{n}" for n in PHOTO_ID.findall(path.name)))
        for box, label in _labelled(photo, boxes, notes):
            text = f"{digest}:{box.x1:.1f},{box.y1:.1f},{box.x2:.1f},{box.y2:.1f}"
            sha = hashlib.sha256(text.encode()).hexdigest()
            yield Candidate(Record(path.resolve(), label, root.resolve().name, "", sha, box), image, ties)


def _labelled(photo: AnnotatedPhoto, found: list[Box], notes: Notes) -> Iterator[tuple[Box, str]]:
    """Detector boxes with the label of the annotation that they cover best."""
    free = list(found)
    for name, corners in photo.boxes:
        label, box = LABEL_OF.get(name), Box(*corners)
        if label is None:
            if name != UNLABELLED:
                notes.leave_out("unknown label", f"{photo.path}: {name!r}")
            continue
        if box.area == 0:
            notes.leave_out("empty box", f"{photo.path}: {corners}")
            continue
        best = max(free, key=box.iou, default=None)
        if best is None or box.iou(best) < MATCH_IOU:
            notes.leave_out("not found by the detector", f"{photo.path}: {corners}")
            continue
        free.remove(best)
        if wide_enough(photo.path, best.width, notes):
            yield best, label
