"""Faces from folders of crops by class, and what every source of faces gives."""

import csv
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from convert.pictures import SUFFIXES, BrokenPictureError, read_rgb
from convert.records import LABELS, Record, source_of
from edge.errors import UsageError
from edge.values import Image

MIN_WIDTH_PX = 20
WORN_WRONGLY = "mask_weared_incorrect"
"""In a note: another annotator of the same photo, with three classes to choose from, says so."""
PHOTO_ID = re.compile(r"maksssksksss\d+")
"""The photo's name in the collection that several sources were cut from."""


@dataclass(slots=True)
class Problems:
    """What was left out, by name, and counts by reason."""

    lines: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, reason: str, text: str) -> None:
        """Note one."""
        self.counts[reason] = self.counts.get(reason, 0) + 1
        self.lines.append(f"{reason}: {text}")


@dataclass(frozen=True, eq=False, slots=True)
class Candidate:
    """A face with its picture and everything that ties it to others of the same photo or person."""

    record: Record
    image: Image
    """(H, W, 3) uint8 RGB: the face crop or the whole photo."""
    ties: tuple[str, ...]


def face_folders(root: Path, problems: Problems) -> Iterator[Candidate]:
    """Faces of ``root/<label>/*``, with an optional ``root/manifest.csv``; the folder names the label.

    Raises:
        UsageError: no such folder, or no class folder in it.
    """
    if not any((root / label).is_dir() for label in LABELS):
        raise UsageError(f"{root}: holds none of the folders {', '.join(LABELS)}")
    notes = _folder_manifest(root / "manifest.csv", problems)
    for folder in sorted(p for p in root.iterdir() if p.is_dir()):
        if folder.name not in LABELS:
            problems.add("unknown label", f"{folder} (known: {', '.join(LABELS)})")
            continue
        for path in sorted(folder.iterdir()):
            row = notes.get(f"{folder.name}/{path.name}", {})
            candidate = _crop_file(path, folder.name, row, problems)
            if candidate is not None:
                yield candidate


def _folder_manifest(path: Path, problems: Problems) -> dict[str, dict[str, str]]:
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as f:
        rows = [r for r in csv.DictReader(f) if r.get("file")]
    for row in rows:
        if row.get("label") not in LABELS:
            problems.add("unknown label", f"{path}: {row['file']} is labelled {row.get('label')!r}")
        elif not (path.parent / row["file"]).is_file():
            problems.add("missing file", f"{path.parent / row['file']} is listed in {path.name}")
    return {row["file"]: row for row in rows}


def _crop_file(path: Path, folder: str, row: dict[str, str], problems: Problems) -> Candidate | None:
    if path.suffix.lower() not in SUFFIXES:
        problems.add("not a picture", str(path))
        return None
    if row and row.get("label") not in LABELS:
        return None  # reported with its manifest
    try:
        image = read_rgb(path)
    except BrokenPictureError as e:
        problems.add("broken file", str(e))
        return None
    if image.shape[1] < MIN_WIDTH_PX:
        problems.add("too small", f"{path}: {image.shape[1]} px wide, at least {MIN_WIDTH_PX} wanted")
        return None
    note, group = row.get("note", ""), row.get("group", "")
    label = row.get("label", folder)
    if label == "masked" and WORN_WRONGLY in note:
        problems.add("relabelled as incorrect", f"{path}: {note}")
        label = "incorrect"
    source = source_of(path)
    record = Record(
        path=path.resolve(),
        label=label,
        source=source,
        group="",
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        licence=row.get("licence", ""),
        note=note,
    )
    ties = [photo_tie(group) if group else f"file:{source}/{path.name}", f"look:{look_hash(image)}"]
    ties += [f"photo:{name}" for name in PHOTO_ID.findall(f"{note} {row.get('source_path', '')}")]
    return Candidate(record, image, tuple(ties))


def look_hash(image: Image) -> str:
    """64 bits of brightness gradients, the same for re-encoded and resized copies of a picture."""
    grey = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (9, 8), interpolation=cv2.INTER_AREA)
    return np.packbits(grey[:, 1:] > grey[:, :-1]).tobytes().hex()


def photo_tie(group: str) -> str:
    """One name for a photo or person, however a source writes it."""
    name = group if group.startswith(("photo:", "person:")) else f"photo:{group}"
    stem, dot, suffix = name.rpartition(".")
    return stem if dot and f".{suffix.lower()}" in SUFFIXES else name
