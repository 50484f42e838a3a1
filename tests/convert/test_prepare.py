import csv
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from convert.dataset import load, prepare
from convert.records import read_manifest
from convert.sources import look_hash
from edge.errors import UsageError

MakeFaces = Callable[..., Path]


def write_rows(root: Path, rows: list[dict[str, str]]) -> None:
    with (root / "manifest.csv").open("w", newline="", encoding="utf-8") as f:
        writer = csv.DictWriter(
            f, ["file", "label", "group", "source_repo", "source_path", "licence", "note"]
        )
        writer.writeheader()
        writer.writerows(rows)


def test_a_dataset_is_written_and_read_back(make_faces: MakeFaces, tmp_path: Path) -> None:
    root = make_faces(masked=20, not_masked=20, incorrect=10)
    report = prepare(root, None, None, tmp_path / "out")
    dataset = load(tmp_path / "out")
    assert dataset.faces.shape == (50, 128, 128, 3)
    assert dataset.faces.dtype == np.uint8
    assert (dataset.boxes == [0, 0, 1, 1]).all()
    assert Counter(r.label for r in dataset.records) == {"masked": 20, "not_masked": 20, "incorrect": 10}
    assert {r.source for r in dataset.records} == {"a", "b"}
    assert report["by_split"]["train"] == {"masked": 14, "not_masked": 14, "incorrect": 6}
    shown = report["shown_an_epoch"]
    assert abs(shown["masked"] - shown["not_masked"]) <= 1


def test_the_same_seed_gives_the_same_manifest(make_faces: MakeFaces, tmp_path: Path) -> None:
    root = make_faces(masked=10, not_masked=10)
    for name in ("one", "two"):
        prepare(root, None, None, tmp_path / name)
    one, two = ((tmp_path / n / "manifest.csv").read_bytes() for n in ("one", "two"))
    assert one == two


def test_what_is_wrong_is_named_and_does_not_stop_the_run(
    make_faces: MakeFaces, save_face: Callable[..., None], tmp_path: Path
) -> None:
    root = make_faces(masked=5, not_masked=5)
    (root / "masked" / "broken.png").write_bytes(b"not a picture")
    (root / "masked" / "empty.png").write_bytes(b"")
    (root / "masked" / "notes.txt").write_text("hello")
    save_face(root / "masked" / "tiny.png", 77, width=19)
    save_face(root / "visor" / "x.png", 78)
    (root / "not_masked" / "copy.png").write_bytes((root / "masked" / "a__000.png").read_bytes())
    save_face(root / "masked" / "odd.png", 79)
    write_rows(
        root, [{"file": "masked/odd.png", "label": "helmet"}, {"file": "masked/gone.png", "label": "masked"}]
    )
    report = prepare(root, None, None, tmp_path / "out")
    assert report["faces"] == 10
    assert report["left_out"] == {
        "unknown label": 2,
        "missing file": 1,
        "broken file": 2,
        "not a picture": 1,
        "too small": 1,
        "repeated with another label": 1,
    }
    text = "\n".join(report["left_out_by_name"])
    for name in (
        "broken.png",
        "empty.png",
        "notes.txt",
        "tiny.png",
        "visor",
        "odd.png",
        "gone.png",
        "copy.png",
    ):
        assert name in text


def test_groups_of_the_manifest_stay_together_across_sources(make_faces: MakeFaces, tmp_path: Path) -> None:
    root = make_faces(masked=30, not_masked=30)
    files = [f"{label}/{'ab'[i % 2]}__{i:03}.png" for label in ("masked", "not_masked") for i in range(30)]
    rows = [
        {"file": f, "label": f.split("/")[0], "group": f"photo:p{i % 6}" + (".png" if "a__" in f else "")}
        for i, f in enumerate(files)
    ]
    write_rows(root, rows)
    prepare(root, None, None, tmp_path / "out")
    split = {f"{r.label}/{r.path.name}": r.split for r in read_manifest(tmp_path / "out" / "manifest.csv")}
    for photo in range(6):
        assert len({split[f] for i, f in enumerate(files) if i % 6 == photo}) == 1
    assert len(set(split.values())) > 1


def test_a_masked_face_that_another_annotator_calls_wrong_is_incorrect(
    make_faces: MakeFaces, tmp_path: Path
) -> None:
    root = make_faces(masked=4, not_masked=4)
    note = "andrewmvd=mask_weared_incorrect;maksssksksss1"
    write_rows(root, [{"file": "masked/a__000.png", "label": "masked", "note": note}])
    prepare(root, None, None, tmp_path / "out")
    labels = {r.path.name: r.label for r in read_manifest(tmp_path / "out" / "manifest.csv") if r.note}
    assert labels == {"a__000.png": "incorrect"}


def test_faces_are_cut_from_photos_with_the_detectors_box(models: Path, tmp_path: Path) -> None:
    root = tmp_path / "photos"
    (root / "images").mkdir(parents=True)
    cv2.imwrite(str(root / "images" / "one.png"), data.astronaut()[..., ::-1])
    boxes = [
        {"box": [180, 80, 270, 180], "label": "no_mask"},
        {"box": [10, 400, 60, 450], "label": "mask"},
        {"box": [5, 5, 5, 50], "label": "mask"},
        {"box": [300, 300, 350, 350], "label": "unlabelled"},
        {"box": [300, 300, 350, 350], "label": "hat"},
    ]
    gone = {"file": "images/gone.png", "width": 1, "height": 1, "boxes": []}
    entries = [{"file": "images/one.png", "width": 512, "height": 512, "boxes": boxes}, gone]
    (root / "annotations.json").write_text(json.dumps(entries))
    report = prepare(None, root, models / "face.tflite", tmp_path / "out")
    (record,) = read_manifest(tmp_path / "out" / "manifest.csv")
    assert (record.label, record.source) == ("not_masked", "photos")
    assert record.box is not None
    assert 60 < record.box.width < 140
    box = load(tmp_path / "out").boxes[0]
    assert np.allclose(box, [0.1875, 0.1875, 0.8125, 0.8125], atol=0.01)  # 0.3 of the face on each side
    assert report["left_out"] == {
        "not found by the detector": 1,
        "empty box": 1,
        "unknown label": 1,
        "broken file": 1,
    }


VOC = """<annotation><filename>one.png</filename>
<object><name>without_mask</name><bndbox><xmin>180</xmin><ymin>80</ymin><xmax>270</xmax><ymax>180</ymax></bndbox>
</object></annotation>"""


def test_voc_annotations_are_read_and_broken_ones_named(models: Path, tmp_path: Path) -> None:
    for name in ("images", "annotations"):
        (tmp_path / name).mkdir()
    cv2.imwrite(str(tmp_path / "images" / "one.png"), data.astronaut()[..., ::-1])
    (tmp_path / "annotations" / "one.xml").write_text(VOC)
    (tmp_path / "annotations" / "cut.xml").write_text(VOC[:100])
    (tmp_path / "annotations" / "odd.xml").write_text(VOC.replace("270", "wide"))
    report = prepare(None, tmp_path, models / "face.tflite", tmp_path / "out")
    assert [r.label for r in read_manifest(tmp_path / "out" / "manifest.csv")] == ["not_masked"]
    assert report["left_out"] == {"broken annotation": 2}
    assert "cut.xml" in report["left_out_by_name"][0]
    assert "odd.xml" in report["left_out_by_name"][1]


def test_a_re_encoded_copy_looks_the_same(tmp_path: Path) -> None:
    picture = data.astronaut()[60:200, 150:290]
    _, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])
    assert look_hash(cv2.imdecode(jpeg, cv2.IMREAD_COLOR)) == look_hash(picture)
    assert look_hash(np.ascontiguousarray(picture[:, ::-1])) != look_hash(picture)


def test_nothing_to_read_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds none of the folders masked"):
        prepare(tmp_path, None, None, tmp_path / "out")
    with pytest.raises(UsageError, match=r"holds neither annotations\.json nor"):
        prepare(None, tmp_path, Path(__file__).parents[2] / "models" / "face.tflite", tmp_path / "out")
    with pytest.raises(UsageError, match=r"manifest\.csv: no such manifest"):
        load(tmp_path)
