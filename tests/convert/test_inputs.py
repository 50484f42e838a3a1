import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from convert.data.inputs import find_records
from convert.data.records import Record, read_manifest, write_manifest
from edge.errors import UsageError

MakeFaces = Callable[..., Path]


def write_rows(path: Path, *rows: dict[str, str]) -> None:
    with path.open("w", newline="", encoding="utf-8") as f:
        writer = csv.DictWriter(f, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_class_folders_alone(make_faces: MakeFaces) -> None:
    root = make_faces(masked=2, incorrect=1)
    found = find_records(root, None)
    assert [(r.label, r.source, r.group, r.slices) for r in found] == [
        ("masked", "a", "", {}),
        ("masked", "b", "", {}),
        ("incorrect", "a", "", {}),
    ]


def test_a_manifest_beside_class_folders_adds_to_them(make_faces: MakeFaces) -> None:
    root = make_faces(masked=2, not_masked=1)
    (root / "masked" / "notes.txt").write_text("no picture")
    write_rows(
        root / "manifest.csv",
        {
            "file": "masked/a__000.png",
            "label": "not_masked",
            "group": "p1",
            "slice_beard": "yes",
            "slice_hat": "",
        },
        {"file": "masked/gone.png", "label": "masked", "group": "p2", "slice_beard": "no", "slice_hat": ""},
    )
    found = find_records(root, None)
    assert [(r.path.name, r.label, r.group, r.slices) for r in found] == [
        ("a__000.png", "masked", "p1", {"slice_beard": "yes"}),
        ("b__001.png", "masked", "", {}),
        ("a__000.png", "not_masked", "", {}),
    ]


def test_a_manifest_names_its_own_faces(make_faces: MakeFaces) -> None:
    root = make_faces(masked=1, not_masked=1)
    rows = [
        {"file": "masked/a__000.png", "label": "incorrect", "source": "door"},
        {"file": "not_masked/a__000.png", "label": "not_masked", "source": ""},
    ]
    write_rows(root / "chosen.csv", *rows)
    found = find_records(root / "chosen.csv", None)
    assert [(r.label, r.source, r.path.is_file()) for r in found] == [
        ("incorrect", "door", True),
        ("not_masked", "a", True),
    ]
    write_rows(root / "chosen.csv", {"file": "x.png", "label": "maskd"})
    with pytest.raises(
        UsageError, match=r"chosen\.csv: row 2, x\.png: the label is 'maskd', not one of masked"
    ):
        find_records(root / "chosen.csv", None)


def test_a_manifest_of_prepare_keeps_its_slices(tmp_path: Path) -> None:
    face = Record(tmp_path / "x.png", "masked", "a", "g", "0" * 64, split="val")
    records = [
        replace(face, slices={"slice_beard": "yes"}),
        replace(face, split="test", slices={"slice_age": "60"}),
    ]
    write_manifest(records, tmp_path / "manifest.csv")
    assert read_manifest(tmp_path / "manifest.csv") == records
    for data in (tmp_path, tmp_path / "manifest.csv"):
        assert find_records(data, None) == records
        assert find_records(data, "test") == records[1:]
        with pytest.raises(UsageError, match=r"manifest\.csv: no face in the split 'train'"):
            find_records(data, "train")


def test_a_manifest_of_prepare_that_breaks_off_is_named(tmp_path: Path) -> None:
    path = tmp_path / "manifest.csv"
    write_manifest([Record(tmp_path / "x.png", "masked", "a", "g", "0" * 64)], path)
    path.write_text(path.read_text()[:-12])
    with pytest.raises(UsageError, match=r"manifest\.csv: not a manifest of `mask-convert prepare`"):
        find_records(path, None)


def test_what_is_no_dataset_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match="holds neither one of the folders masked, not_masked, incorrect nor"
    ):
        find_records(tmp_path, None)
    (tmp_path / "masked").mkdir()
    with pytest.raises(UsageError, match="its folders masked hold no pictures"):
        find_records(tmp_path, None)
    (tmp_path / "manifest.csv").write_text("picture,label\nx,masked\n")
    with pytest.raises(UsageError, match=r"manifest\.csv: has no column file; wanted are the columns"):
        find_records(tmp_path, None)
    (tmp_path / "manifest.csv").write_bytes(b"file,label\n\xff\xfe,masked\n")
    for data in (tmp_path, tmp_path / "manifest.csv"):
        with pytest.raises(UsageError, match=r"manifest\.csv: not a CSV file in UTF-8"):
            find_records(data, None)
