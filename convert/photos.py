"""Faces from whole photos with labelled boxes, cut out as the device's detector sees them."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from convert.pictures import BrokenPictureError, read_rgb
from convert.records import Record
from convert.sources import MIN_WIDTH_PX, PHOTO_ID, Candidate, Problems, photo_tie
from edge.errors import UsageError
from edge.model.detector import FaceDetector
from edge.values import Box

MATCH_IOU = 0.4
NAMES = {
    "mask": "masked",
    "with_mask": "masked",
    "no_mask": "not_masked",
    "without_mask": "not_masked",
    "incorrect": "incorrect",
    "mask_weared_incorrect": "incorrect",
}
"""What annotators call the classes."""
UNLABELLED = "unlabelled"
"""A face whose wear nobody wrote down."""


@dataclass(frozen=True, slots=True)
class Photo:
    """One annotated photo: (name of the class, [x1, y1, x2, y2] in its pixels) a face."""

    path: Path
    boxes: list[tuple[str, list[float]]]


def photos(root: Path, detector: FaceDetector, problems: Problems) -> Iterator[Candidate]:
    """Faces that the device's detector finds in photos whose boxes somebody labelled.

    Reads ``root/annotations.json``, or else VOC: ``root/annotations/*.xml`` with ``root/images``.

    Raises:
        UsageError: there are no annotations.
    """
    for photo in _annotations(root, problems):
        path = photo.path
        try:
            image = read_rgb(path)
        except BrokenPictureError as e:
            problems.add("broken file", str(e))
            continue
        found = [f.box for f in detector.find(image)]
        ties = (photo_tie(path.stem), *(f"photo:{n}" for n in PHOTO_ID.findall(path.name)))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        for box, label in _labelled(photo, found, problems):
            text = f"{digest}:{box.x1:.1f},{box.y1:.1f},{box.x2:.1f},{box.y2:.1f}"
            sha = hashlib.sha256(text.encode()).hexdigest()
            yield Candidate(Record(path.resolve(), label, root.name, "", sha, box), image, ties)


def _annotations(root: Path, problems: Problems) -> Iterator[Photo]:
    listed = root / "annotations.json"
    if listed.is_file():
        for entry in json.loads(listed.read_text(encoding="utf-8")):
            yield Photo(root / entry["file"], [(b["label"], b["box"]) for b in entry["boxes"]])
        return
    if not (root / "annotations").is_dir():
        raise UsageError(f"{root}: holds neither annotations.json nor annotations/*.xml")
    for path in sorted((root / "annotations").glob("*.xml")):
        photo = _voc(path, root / "images", problems)
        if photo is not None:
            yield photo


def _voc(path: Path, images: Path, problems: Problems) -> Photo | None:
    corners = [f"bndbox/{k}" for k in ("xmin", "ymin", "xmax", "ymax")]
    try:
        tree = ET.parse(path)  # noqa: S314  the user's own data
        boxes = [
            (o.findtext("name", ""), [float(o.findtext(c, "")) for c in corners]) for o in tree.iter("object")
        ]
    except (ET.ParseError, ValueError) as e:
        problems.add("broken annotation", f"{path}: {e}")
        return None
    return Photo(images / tree.findtext("filename", path.stem), boxes)


def _labelled(photo: Photo, found: list[Box], problems: Problems) -> Iterator[tuple[Box, str]]:
    """Detector boxes with the label of the annotation that they cover best."""
    free = list(found)
    for name, corners in photo.boxes:
        label = NAMES.get(name)
        box = Box(*(float(v) for v in corners))
        if label is None:
            if name != UNLABELLED:
                problems.add("unknown label", f"{photo.path}: {name!r}")
            continue
        if box.area == 0:
            problems.add("empty box", f"{photo.path}: {corners}")
            continue
        best = max(free, key=box.iou, default=None)
        if best is None or box.iou(best) < MATCH_IOU:
            problems.add("not found by the detector", f"{photo.path}: {corners}")
            continue
        free.remove(best)
        if best.width < MIN_WIDTH_PX:
            problems.add("too small", f"{photo.path}: face {best.width:.0f} px wide, {MIN_WIDTH_PX} wanted")
            continue
        yield best, label
