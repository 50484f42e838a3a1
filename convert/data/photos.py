"""Faces from whole photos with labelled boxes, cut out as the device's detector sees them."""

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from convert.data.candidates import PHOTO_ID, Candidate, Notes, photo_tie, read_or_note, wide_enough
from convert.data.records import LABEL_OF, Record
from convert.progress_log import Tell, with_time_left
from edge.errors import UsageError
from edge.model.detector import FaceDetector
from edge.values import Box

MATCH_IOU = 0.4
UNLABELLED = "unlabelled"
"""A face whose wear nobody wrote down."""
_CORNERS = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True, slots=True)
class Photo:
    """One annotated photo: (name of the class, [x1, y1, x2, y2] in its pixels) a face."""

    path: Path
    boxes: list[tuple[str, list[float]]]


def photos(root: Path, detector: FaceDetector, notes: Notes, tell: Tell) -> Iterator[Candidate]:
    """Faces that the device's detector finds in photos whose boxes somebody labelled.

    Reads ``root/annotations.json``, or else VOC: ``root/annotations/*.xml`` with ``root/images``.

    Raises:
        UsageError: there are no annotations, or ``annotations.json`` is not JSON.
    """
    for photo in with_time_left(_annotations(root, notes), f"photos of {root}", tell):
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


def _annotations(root: Path, notes: Notes) -> list[Photo]:
    listed = root / "annotations.json"
    if listed.is_file():
        try:
            entries = list(json.loads(listed.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as e:
            raise UsageError(f"{listed}: not a JSON list of photos ({e})") from e
        read = [_listed(entry, root, notes) for entry in entries]
    elif (root / "annotations").is_dir():
        read = [_voc(path, root / "images", notes) for path in sorted((root / "annotations").glob("*.xml"))]
    else:
        raise UsageError(f"{root}: holds neither annotations.json nor annotations/*.xml")
    return [photo for photo in read if photo is not None]


def _listed(entry: Any, root: Path, notes: Notes) -> Photo | None:  # noqa: ANN401  whatever the file holds
    try:
        boxes = [(str(b["label"]), _corners(b["box"])) for b in entry["boxes"]]
        return Photo(root / entry["file"], boxes)
    except (KeyError, TypeError, ValueError) as e:
        notes.leave_out("broken annotation", f"{root / 'annotations.json'}: {entry!r:.200}: {e!r}")
        return None


def _voc(path: Path, images: Path, notes: Notes) -> Photo | None:
    try:
        tree = ET.parse(path)  # noqa: S314  the user's own data
        boxes = [
            (o.findtext("name", "").strip(), _corners([o.findtext(f"bndbox/{c}", "") for c in _CORNERS]))
            for o in tree.iter("object")
        ]
    except (ET.ParseError, ValueError) as e:
        notes.leave_out("broken annotation", f"{path}: {e}")
        return None
    return Photo(images / Path(tree.findtext("filename") or f"{path.stem}.png").name, boxes)


def _corners(values: Sequence[Any]) -> list[float]:
    corners = [float(v) for v in values]
    if len(corners) != len(_CORNERS) or not all(map(math.isfinite, corners)):
        raise ValueError(f"a box is {', '.join(_CORNERS)}, not {values}")
    return corners


def _labelled(photo: Photo, found: list[Box], notes: Notes) -> Iterator[tuple[Box, str]]:
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
