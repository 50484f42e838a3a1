"""Faces from folders: crops by class, and people without masks."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from convert.data.candidates import (
    PHOTO_ID,
    Candidate,
    Notes,
    look_hash,
    photo_tie,
    read_or_note,
    wide_enough,
)
from convert.data.read_pictures import SUFFIXES
from convert.data.records import LABEL_OF, LABELS, SPLIT_OF, Record, slices_in
from convert.progress_log import Tell, with_time_left
from edge.errors import UsageError
from edge.model.detector import FaceDetector
from edge.values import Box, Image

WORN_WRONGLY = "mask_weared_incorrect"
"""In a note: another annotator of the same photo, with three classes to choose from, says so."""
_SPLIT_IN_SOURCE = re.compile(r"-(train|val|test)$")
_PERSON_IN_NAME = re.compile(r"(.+_.+)_\d{4}")
"""As LFW names its files: Given_Family_0001."""

Row = dict[str, str]


def face_folders(root: Path, notes: Notes, tell: Tell) -> Iterator[Candidate]:
    """Faces of ``root/<class>/*`` or ``root/{train,val,test}/<class>/*``.

    An optional ``root/manifest.csv`` has a row a file: ``file`` (relative), and what is known of ``label``
    (else the folder names it), ``group``, ``split``, ``source``, ``licence``, ``note``, ``slice_*``.

    Raises:
        UsageError: no such folder, no class folder in it, or its manifest is not CSV in UTF-8.
    """
    folders = _class_folders(root, notes)
    if not folders:
        raise UsageError(
            f"{root}: holds none of the folders {', '.join(LABELS)}, nor train, val, test with them inside"
        )
    rows = _manifest(root / "manifest.csv", notes)
    files = [(path, folder) for folder in folders for path in sorted(folder.iterdir())]
    for path, folder in with_time_left(files, f"files of {root}", tell):
        row = rows.get(path.relative_to(root).as_posix(), {})
        label = LABEL_OF.get(row.get("label") or folder.name)
        found = read_or_note(path, notes) if label else None  # an unknown one was noted with its manifest
        if label and found and wide_enough(path, found[0].shape[1], notes):
            yield _crop(root, path, label, row, found, notes)


def _class_folders(root: Path, notes: Notes) -> list[Path]:
    folders = []
    for top in [root, *(root / name for name in SPLIT_OF)]:
        inside = sorted(p for p in top.iterdir() if p.is_dir()) if top.is_dir() else []
        for folder in inside:
            if folder.name in LABEL_OF:
                folders.append(folder)
            elif not (top == root and folder.name in SPLIT_OF):
                notes.leave_out("unknown label", f"the folder {folder} (known: {', '.join(LABEL_OF)})")
    return folders


def _manifest(path: Path, notes: Notes) -> dict[str, Row]:
    if not path.is_file():
        return {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as f:
            rows = [{k: v or "" for k, v in r.items() if k} for r in csv.DictReader(f) if r.get("file")]
    except (UnicodeDecodeError, csv.Error) as e:
        raise UsageError(f"{path}: not a CSV file in UTF-8: {e}; save it as that, or remove it") from e
    for row in rows:
        if row.get("label") and row["label"] not in LABEL_OF:
            notes.leave_out("unknown label", f"{path}: {row['file']} is labelled {row['label']!r}")
        elif not (path.parent / row["file"]).is_file():
            notes.leave_out("missing file", f"{path.parent / row['file']} is listed in {path.name}")
        if row.get("split") and row["split"] not in SPLIT_OF:
            notes.change("unknown split", f"{path}: {row['file']} is in {row['split']!r}, taken as in none")
    return {row["file"]: row for row in rows}


def _crop(root: Path, path: Path, label: str, row: Row, found: tuple[Image, str], notes: Notes) -> Candidate:
    image, sha256 = found
    note, group = row.get("note", ""), row.get("group", "")
    if label == "masked" and WORN_WRONGLY in note:
        notes.change("masked, by its note worn wrongly: incorrect", f"{path}: {note}")
        label = "incorrect"
    prefix = path.name.split("__")[0] if "__" in path.name else ""
    source = row.get("source") or prefix or root.resolve().name
    folder = path.relative_to(root).parts[0]
    in_source = _SPLIT_IN_SOURCE.search(prefix)
    given = (row.get("split", ""), folder, in_source[1] if in_source else "")
    record = Record(
        path=path.resolve(),
        label=label,
        source=source,
        group="",
        sha256=sha256,
        split=next((SPLIT_OF[s] for s in given if s in SPLIT_OF), ""),
        licence=row.get("licence", ""),
        note=note,
        slices=slices_in(row),
    )
    file = f"{folder}/{path.name}" if folder in SPLIT_OF else path.name
    ties = [photo_tie(group) if group else f"file:{source}/{file}", f"look:{look_hash(image)}"]
    ties += [f"photo:{name}" for name in PHOTO_ID.findall(f"{note} {row.get('source_path', '')}")]
    return Candidate(record, image, tuple(ties))


def unmasked_people(
    root: Path, detector: FaceDetector | None, notes: Notes, tell: Tell
) -> Iterator[Candidate]:
    """Faces without masks of ``root/<person>/*``, or of ``root/*`` with LFW's file names.

    The face is the one that the detector finds in the picture's middle; where it finds none there, or there
    is no detector, the whole picture counts as the face.

    Raises:
        UsageError: no such folder, or no picture in it.
    """
    files = sorted(p for p in root.rglob("*") if p.is_file()) if root.is_dir() else []
    if not any(p.suffix.lower() in SUFFIXES for p in files):
        raise UsageError(f"{root}: holds no pictures, neither itself nor in a folder for each person")
    for path in with_time_left(files, f"files of {root}", tell):
        found = read_or_note(path, notes)
        if found is None:
            continue
        image, sha256 = found
        box = _in_the_middle(image, detector) if detector else None
        if detector and box is None:
            notes.change("no face found in the middle, the picture is taken for it", str(path))
        if not wide_enough(path, box.width if box else image.shape[1], notes):
            continue
        source = path.name.split("__")[0] if "__" in path.name else root.resolve().name
        record = Record(path.resolve(), "not_masked", source, "", sha256, box)
        yield Candidate(record, image, (*_of_person(root, path, source), f"look:{look_hash(image)}"))


def _in_the_middle(image: Image, detector: FaceDetector) -> Box | None:
    y, x = image.shape[0] / 2, image.shape[1] / 2
    boxes = [f.box for f in detector.find(image)]
    holding = [b for b in boxes if b.x1 <= x < b.x2 and b.y1 <= y < b.y2]
    return max(holding, key=lambda b: b.area, default=None)


def _of_person(root: Path, path: Path, source: str) -> tuple[str, ...]:
    named = _PERSON_IN_NAME.fullmatch(path.stem)
    if path.parent != root:
        person = path.relative_to(root).parts[0]
    elif named:
        person = named[1]
    else:
        return (f"file:{source}/{path.name}",)
    return f"person:{person}", f"photo:lfw:{person}"  # the second: how manifests of crops name LFW's people
