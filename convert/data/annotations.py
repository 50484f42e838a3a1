"""Whole photos with labelled boxes, as our JSON, VOC or YOLO write them."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from convert.data.candidates import Notes
from convert.data.read_pictures import SUFFIXES, BrokenPictureError, read_rgb
from edge.errors import UsageError

UNLABELLED = "unlabelled"
"""A face whose wear nobody wrote down."""
_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_BROKEN = "broken annotation"


@dataclass(frozen=True, slots=True)
class AnnotatedPhoto:
    """One annotated photo: (name of the class, [x1, y1, x2, y2] in its pixels) a face."""

    path: Path
    boxes: list[tuple[str, list[float]]]


def read_annotations(root: Path, notes: Notes) -> list[AnnotatedPhoto]:
    """All photos of a folder, in the order of its annotations.

    Reads ``annotations.json``, or else VOC (``annotations/*.xml`` with ``images``), or else YOLO
    (``labels/*.txt`` with ``images`` and the names of the classes, one a line, in ``classes.txt``).

    Args:
        root: the folder.
        notes: gets what can't be read, by name.

    Raises:
        UsageError: there are no annotations, ``annotations.json`` is not JSON, or YOLO's names are missing.
    """
    listed = root / "annotations.json"
    if listed.is_file():
        try:
            entries = list(json.loads(listed.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as e:
            raise UsageError(f"{listed}: not a JSON list of photos ({e})") from e
        read = [_listed(entry, root, notes) for entry in entries]
    elif (root / "annotations").is_dir():
        read = [_voc(path, root / "images", notes) for path in sorted((root / "annotations").glob("*.xml"))]
    elif (root / "labels").is_dir():
        names = _yolo_names(root / "classes.txt")
        read = [
            _yolo(path, root / "images", names, notes) for path in sorted((root / "labels").glob("*.txt"))
        ]
    else:
        raise UsageError(f"{root}: holds neither annotations.json nor annotations/*.xml nor labels/*.txt")
    return [photo for photo in read if photo is not None]


def _listed(entry: Any, root: Path, notes: Notes) -> AnnotatedPhoto | None:  # noqa: ANN401  whatever is there
    try:
        boxes = [(str(b["label"]), _corners(b["box"])) for b in entry["boxes"]]
        return AnnotatedPhoto(root / entry["file"], boxes)
    except (KeyError, TypeError, ValueError) as e:
        notes.leave_out(_BROKEN, f"{root / 'annotations.json'}: {entry!r:.200}: {e!r}")
        return None


def _voc(path: Path, images: Path, notes: Notes) -> AnnotatedPhoto | None:
    try:
        tree = ET.parse(path)  # noqa: S314  the user's own data
        boxes = [
            (o.findtext("name", "").strip(), _corners([o.findtext(f"bndbox/{c}", "") for c in _CORNERS]))
            for o in tree.iter("object")
        ]
    except (ET.ParseError, ValueError) as e:
        notes.leave_out(_BROKEN, f"{path}: {e}")
        return None
    return AnnotatedPhoto(images / Path(tree.findtext("filename") or f"{path.stem}.png").name, boxes)


def _yolo_names(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").split()
    except OSError as e:
        raise UsageError(f"{path}: can't be read ({e.strerror}); YOLO's classes by name, one a line") from e


def _yolo(path: Path, images: Path, names: list[str], notes: Notes) -> AnnotatedPhoto | None:
    """YOLO's lines are class, middle x, middle y, width, height, as shares of the photo's size."""
    picture = next((p for p in images.glob(f"{path.stem}.*") if p.suffix.lower() in SUFFIXES), None)
    if picture is None:
        notes.leave_out(_BROKEN, f"{path}: no picture of that name in {images}")
        return None
    try:
        height, width = read_rgb(picture).shape[:2]
        boxes = []
        for line in path.read_text(encoding="utf-8").splitlines():
            number, *shares = line.split()
            x, y, w, h = _corners(shares)
            corners = [(x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height]
            boxes.append((names[int(number)], corners))
    except (ValueError, IndexError, BrokenPictureError) as e:
        notes.leave_out(_BROKEN, f"{path}: {e}")
        return None
    return AnnotatedPhoto(picture, boxes)


def _corners(values: Sequence[Any]) -> list[float]:
    corners = [float(v) for v in values]
    if len(corners) != len(_CORNERS) or not all(map(math.isfinite, corners)):
        raise ValueError(f"a box is {', '.join(_CORNERS)}, not {values}")
    return corners
