"""Which faces `mask-convert evaluate` is asked about: class folders, a prepared dataset, or a manifest."""

import csv
from pathlib import Path

from convert.data.read_pictures import list_pictures
from convert.data.records import LABELS, Record, read_manifest, slices_in, source_of
from edge.errors import UsageError

_COLUMNS = (
    "wanted are the columns `file,label` and, where known, `group,source,slice_*`, or the manifest of "
    "`mask-convert prepare`"
)


def find_records(data: Path, split: str | None) -> list[Record]:
    """The faces to ask about.

    Args:
        data: a folder with some of ``masked``, ``not_masked``, ``incorrect`` (the folder is the label; a
            ``manifest.csv`` beside them adds group, source and ``slice_*``), a folder of ``prepare``, or a
            manifest: of ``prepare``, or with the columns file (relative to it) and label.
        split: only this one; None for all.

    Raises:
        UsageError: there is none of these, no picture in them, or nothing in the split.
    """
    folders = [data / label for label in LABELS if (data / label).is_dir()]
    if split is None and folders:
        return _class_folders(data, folders)
    manifest = data if data.is_file() else data / "manifest.csv"
    if not manifest.is_file():
        raise UsageError(f"{data}: holds neither one of the folders {', '.join(LABELS)} nor a manifest.csv")
    records = [r for r in _listed(manifest) if split in (None, r.split)]
    if not records:
        raise UsageError(f"{manifest}: no face in " + (f"the split {split!r}" if split else "it"))
    return records


def _class_folders(data: Path, folders: list[Path]) -> list[Record]:
    manifest = data / "manifest.csv"
    rows = {row["file"]: row for row in _rows(manifest)} if manifest.is_file() else {}
    records = [
        _record(path, folder.name, rows.get(f"{folder.name}/{path.name}", {}))
        for folder in folders
        for path in list_pictures(folder)
    ]
    if not records:
        raise UsageError(f"{data}: its folders {', '.join(f.name for f in folders)} hold no pictures")
    return records


def _listed(manifest: Path) -> list[Record]:
    with manifest.open(newline="", encoding="utf-8-sig", errors="replace") as f:
        if "path" in next(csv.reader(f), []):
            return read_manifest(manifest)
    rows = _rows(manifest)
    for number, row in enumerate(rows, start=2):
        if row["label"] not in LABELS:
            raise UsageError(
                f"{manifest}: row {number}, {row['file']}: the label is {row['label']!r}, not one of "
                f"{', '.join(LABELS)}"
            )
    return [_record(manifest.parent / row["file"], row["label"], row) for row in rows]


def _rows(manifest: Path) -> list[dict[str, str]]:
    """Rows of the shared format.

    Raises:
        UsageError: it is not that.
    """
    try:
        with manifest.open(newline="", encoding="utf-8-sig") as f:
            rows = csv.DictReader(f)
            lacking = {"file", "label"} - set(rows.fieldnames or ())
            if lacking:
                raise UsageError(f"{manifest}: has no column {' and no '.join(sorted(lacking))}; {_COLUMNS}")
            return [row for row in rows if row["file"]]
    except (csv.Error, UnicodeDecodeError) as e:
        raise UsageError(f"{manifest}: not a CSV file in UTF-8 ({e}); {_COLUMNS}") from e


def _record(path: Path, label: str, row: dict[str, str]) -> Record:
    return Record(
        path,
        label,
        source=row.get("source") or source_of(path),
        group=row.get("group") or "",
        sha256="",
        licence=row.get("licence") or "",
        note=row.get("note") or "",
        slices=slices_in(row),
    )
