import csv
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from convert.data.candidates import look_hash
from convert.data.corrections import DEFAULT_CORRECTIONS, chosen, read_corrections
from convert.data.dataset import load
from convert.data.prepare import FaceSources, prepare
from convert.data.prepare_report import some_by_name, warnings
from convert.data.records import read_manifest
from edge.errors import UsageError

MakeFaces = Callable[..., Path]


def write_rows(root: Path, rows: list[dict[str, str]]) -> None:
    with (root / "manifest.csv").open("w", newline="", encoding="utf-8") as f:
        writer = csv.DictWriter(
            f, ["file", "label", "group", "split", "source_repo", "source_path", "licence", "note"]
        )
        writer.writeheader()
        writer.writerows(rows)


def test_a_dataset_is_written_and_read_back(make_faces: MakeFaces, tmp_path: Path) -> None:
    root = make_faces(masked=20, not_masked=20, incorrect=10)
    report = prepare(FaceSources(faces=[root]), tmp_path / "out")
    dataset = load(tmp_path / "out")
    assert dataset.faces.shape == (50, 128, 128, 3)
    assert dataset.faces.dtype == np.uint8
    assert (dataset.boxes == [0, 0, 1, 1]).all()
    assert Counter(r.label for r in dataset.records) == {"masked": 20, "not_masked": 20, "incorrect": 10}
    assert {r.source for r in dataset.records} == {"a", "b"}
    assert report["by_split"]["train"] == {"masked": 14, "not_masked": 14, "incorrect": 6}
    assert report == json.loads((tmp_path / "out" / "report.json").read_text())


def test_what_is_prepared_anew_is_whole_or_not_a_dataset(make_faces: MakeFaces, tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare(FaceSources(faces=[make_faces(masked=6, not_masked=3)]), out)
    (out / "report.json").unlink()
    (out / "report.json").mkdir()  # the disk is full, or the run is ended
    with pytest.raises(IsADirectoryError):
        prepare(FaceSources(faces=[make_faces(masked=3, not_masked=6)]), out)
    with pytest.raises(UsageError, match=r"manifest\.csv: no such manifest"):
        load(out)


def test_a_run_that_reads_a_dataset_keeps_it_when_it_is_prepared_anew(
    make_faces: MakeFaces, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    prepare(FaceSources(faces=[make_faces(masked=6, not_masked=3)]), out)
    mapped = load(out)
    before = np.array(mapped.faces)
    prepare(FaceSources(faces=[make_faces(masked=3, not_masked=6)]), out)
    assert (mapped.faces == before).all()
    assert not (load(out).faces == before).all()


def test_the_same_seed_gives_the_same_manifest(make_faces: MakeFaces, tmp_path: Path) -> None:
    root = make_faces(masked=10, not_masked=10)
    for name in ("one", "two"):
        prepare(FaceSources(faces=[root]), tmp_path / name)
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
    report = prepare(FaceSources(faces=[root]), tmp_path / "out")
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
    prepare(FaceSources(faces=[root]), tmp_path / "out")
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
    prepare(FaceSources(faces=[root]), tmp_path / "out")
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
    report = prepare(FaceSources(frames=[root], detector=models / "face.tflite"), tmp_path / "out")
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
        "missing file": 1,
    }


OBJECT = """<object><name>{}</name>
<bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"""
FACE = (180, 80, 270, 180)


def voc(*objects: tuple[object, ...], filename: str = "one.png") -> str:
    inside = "".join(OBJECT.format(*o) for o in objects)
    return f"<annotation><filename>{filename}</filename>{inside}</annotation>"


@pytest.mark.parametrize(
    ("name", "label"),
    [("with_mask", "masked"), ("without_mask", "not_masked"), ("mask_weared_incorrect", "incorrect")],
)
def test_voc_annotations_are_read_under_kaggles_names(
    models: Path, tmp_path: Path, name: str, label: str
) -> None:
    for folder in ("images", "annotations"):
        (tmp_path / folder).mkdir()
    cv2.imwrite(str(tmp_path / "images" / "one.png"), data.astronaut()[..., ::-1])
    (tmp_path / "annotations" / "one.xml").write_text(voc((name, *FACE)))
    prepare(FaceSources(frames=[tmp_path], detector=models / "face.tflite"), tmp_path / "out")
    assert [r.label for r in read_manifest(tmp_path / "out" / "manifest.csv")] == [label]


def test_what_is_wrong_in_voc_annotations_is_named(models: Path, tmp_path: Path) -> None:
    for folder in ("images", "annotations"):
        (tmp_path / folder).mkdir()
    cv2.imwrite(str(tmp_path / "images" / "one.png"), data.astronaut()[..., ::-1])
    (tmp_path / "images" / "broken.png").write_bytes(b"x")
    texts = {
        "one": voc(("without_mask", *FACE), ("hat", *FACE), ("with_mask", 5, 5, 5, 50)),
        "cut": voc(("with_mask", *FACE))[:100],
        "odd": voc(("with_mask", 180, 80, "wide", 180)),
        "nan": voc(("with_mask", 180, 80, "nan", 180)),
        "gone": voc(("with_mask", *FACE), filename="gone.png"),
        "broken": voc(("with_mask", *FACE), filename="broken.png"),
    }
    for name, text in texts.items():
        (tmp_path / "annotations" / f"{name}.xml").write_text(text)
    report = prepare(FaceSources(frames=[tmp_path], detector=models / "face.tflite"), tmp_path / "out")
    assert report["faces"] == 1
    assert report["left_out"] == {
        "broken annotation": 3,
        "broken file": 1,
        "missing file": 1,
        "unknown label": 1,
        "empty box": 1,
    }
    text = "\n".join(report["left_out_by_name"])
    assert all(name in text for name in ("cut.xml", "odd.xml", "nan.xml", "gone.png", "broken.png", "'hat'"))


def test_annotations_that_miss_a_field_are_named(models: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "one.png"), data.astronaut()[..., ::-1])
    good = {"file": "one.png", "boxes": [{"box": FACE, "label": "no_mask"}]}
    bad = [{"boxes": []}, {"file": "two.png", "boxes": [{"box": [1, 2, 3], "label": "mask"}]}, "what"]
    (tmp_path / "annotations.json").write_text(json.dumps([good, *bad]))
    sources = FaceSources(frames=[tmp_path], detector=models / "face.tflite")
    report = prepare(sources, tmp_path / "out")
    assert (report["faces"], report["left_out"]) == (1, {"broken annotation": 3})
    (tmp_path / "annotations.json").write_text("[")
    with pytest.raises(UsageError, match=r"annotations\.json: not a JSON list"):
        prepare(sources, tmp_path / "out")


@pytest.mark.slow
def test_people_without_masks_stay_together_and_are_cut_by_the_detector(
    save_face: Callable[..., None], models: Path, tmp_path: Path
) -> None:
    root = tmp_path / "lfw"
    for person in range(9):
        for i in range(3):
            save_face(root / f"P_{person}" / f"P_{person}_{i:04}.png", person * 10 + i)
    picture = np.roll(data.astronaut(), (130, 30), axis=(0, 1))  # her face in the middle
    cv2.imwrite(str(root / "P_0" / "her.png"), picture[..., ::-1])
    cv2.imwrite(str(root / "P_0" / "aside.png"), data.astronaut()[..., ::-1])
    (root / "P_1" / "broken.jpg").write_bytes(b"x")
    (root / "lfw.txt").write_text("names")
    report = prepare(FaceSources(unmasked=[root], detector=models / "face.tflite"), tmp_path / "out")
    records = read_manifest(tmp_path / "out" / "manifest.csv")
    assert {(r.label, r.source) for r in records} == {("not_masked", "lfw")}
    assert len({r.group for r in records}) == 9
    assert all(len({r.split for r in records if r.group == g}) == 1 for g in {r.group for r in records})
    (her,) = (r for r in records if r.path.name == "her.png")
    assert her.box is not None
    assert 60 < her.box.width < 140
    assert [r.path.name for r in records if r.box] == ["her.png"]
    assert report["left_out"] == {"broken file": 1, "not a picture": 1}
    assert report["changed"] == {"no face found in the middle, the picture is taken for it": 28}
    assert any("masked faces 0 times" in w for w in warnings(report))


def test_a_flat_folder_of_people_is_grouped_by_lfws_names_alone(
    save_face: Callable[..., None], tmp_path: Path
) -> None:
    names = ("Ann_Lee_0001", "Ann_Lee_0002", "Bob_Lee_0001", "IMG0001", "IMG0002", "x_1")
    for i, name in enumerate(names):
        save_face(tmp_path / "people" / f"{name}.png", i)
    save_face(tmp_path / "faces" / "not_masked" / "talk__1.png", 50)
    row = {"file": "not_masked/talk__1.png", "label": "not_masked", "group": "lfw:Bob_Lee"}
    write_rows(tmp_path / "faces", [row])
    sources = FaceSources(faces=[tmp_path / "faces"], unmasked=[tmp_path / "people"])
    prepare(sources, tmp_path / "out")
    group = {r.path.stem: r.group for r in read_manifest(tmp_path / "out" / "manifest.csv")}
    assert group["Ann_Lee_0001"] == group["Ann_Lee_0002"]
    assert group["talk__1"] == group["Bob_Lee_0001"]
    assert len(set(group.values())) == 5


def test_a_given_split_is_kept_and_shared_photos_are_counted(make_faces: MakeFaces, tmp_path: Path) -> None:
    root = make_faces(masked=6, not_masked=6)
    files = [f"{label}/{'ab'[i % 2]}__{i:03}.png" for label in ("masked", "not_masked") for i in range(6)]
    splits = ["train", "train", "validation", "test", "test", ""] * 2
    groups = ["p", "q", "r", "p", "s", "t"] * 2
    rows = [
        {"file": f, "label": f.split("/")[0], "split": s, "group": g}
        for f, s, g in zip(files, splits, groups, strict=True)
    ]
    write_rows(root, [*rows[:-1], {**rows[-1], "split": "dev"}])
    told: list[str] = []
    report = prepare(FaceSources(faces=[root]), tmp_path / "out", as_given=True, progress=told.append)
    split = {f"{r.label}/{r.path.name}": r.split for r in read_manifest(tmp_path / "out" / "manifest.csv")}
    wanted = {f: s.replace("idation", "") for f, s in zip(files, splits, strict=True) if s}
    assert split == wanted
    assert report["split"] == "as given"
    assert report["left_out"] == {"no split is given": 2}
    assert report["changed"] == {"unknown split": 1}
    assert report["photo_or_person_also_in_training"] == {"val": 0, "test": 2}
    assert any(t.startswith("warning: 2 faces of test share their photo or person") for t in told)
    assert (
        prepare(FaceSources(faces=[root]), tmp_path / "new")["photo_or_person_also_in_training"]["test"] == 0
    )


def test_a_split_is_given_by_folders_or_by_names(save_face: Callable[..., None], tmp_path: Path) -> None:
    root = tmp_path / "set"
    files = ["train/with_mask/1.png", "validation/without_mask/1.png", "test/masked/1.png"]
    files += ["masked/talk-train__2.png", "not_masked/talk-val__3.png", "not_masked/other__4.png"]
    for i, file in enumerate(files):
        save_face(root / file, i)
    (root / "train" / "helmet").mkdir()
    (root / "test" / "not_masked").mkdir()
    copy = root / "test" / "not_masked" / "2.png"
    copy.write_bytes((root / "train" / "with_mask" / "1.png").read_bytes())
    report = prepare(FaceSources(faces=[root]), tmp_path / "out", as_given=True)
    records = read_manifest(tmp_path / "out" / "manifest.csv")
    found = {r.path.relative_to(root).as_posix(): (r.split, r.label, r.source) for r in records}
    assert found == {
        "train/with_mask/1.png": ("train", "masked", "set"),
        "validation/without_mask/1.png": ("val", "not_masked", "set"),
        "test/masked/1.png": ("test", "masked", "set"),
        "test/not_masked/2.png": ("test", "not_masked", "set"),
        "masked/talk-train__2.png": ("train", "masked", "talk-train"),
        "not_masked/talk-val__3.png": ("val", "not_masked", "talk-val"),
    }
    assert report["left_out"] == {"unknown label": 1, "no split is given": 1}
    assert report["photo_or_person_also_in_training"] == {"val": 0, "test": 1}
    mixed = prepare(FaceSources(faces=[root]), tmp_path / "mixed")
    assert mixed["left_out"] == {"unknown label": 1, "repeated with another label": 1}


def test_slices_and_sources_of_a_manifest_are_carried_through(make_faces: MakeFaces, tmp_path: Path) -> None:
    root = make_faces(masked=3, not_masked=3)
    (root / "manifest.csv").write_text(
        "file,source,slice_light,slice_beard\nmasked/a__000.png,mine,night,\nnot_masked/b__001.png,,day,yes\n"
    )
    prepare(FaceSources(faces=[root]), tmp_path / "out")
    records = read_manifest(tmp_path / "out" / "manifest.csv")
    found = {(r.label, r.path.name): (r.source, r.slices) for r in records if r.slices}
    assert found == {
        ("masked", "a__000.png"): ("mine", {"slice_light": "night"}),
        ("not_masked", "b__001.png"): ("b", {"slice_light": "day", "slice_beard": "yes"}),
    }


def corrections_file(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(("sha256,label,reason", *lines)) + "\n")
    return path


def test_corrections_are_applied_and_reported_by_name(make_faces: MakeFaces, tmp_path: Path) -> None:
    root = make_faces(masked=8, not_masked=8)
    prepare(FaceSources(faces=[root]), tmp_path / "before")
    sha = {f"{r.label}/{r.path.name}": r.sha256 for r in read_manifest(tmp_path / "before" / "manifest.csv")}
    file = corrections_file(
        tmp_path / "c.csv",
        f'{sha["masked/a__000.png"]},incorrect,"the nose, it is free"',
        f"{sha['not_masked/b__001.png']},drop,a drawing",
        f"{sha['masked/a__002.png']},masked,looked at again",
        "",
        f"{'0' * 64},masked,of another collection",
    )
    report = prepare(FaceSources(faces=[root]), tmp_path / "out", corrections=file)
    now = {r.sha256: r.label for r in read_manifest(tmp_path / "out" / "manifest.csv")}
    assert now == {
        s: "incorrect" if f == "masked/a__000.png" else f.split("/")[0]
        for f, s in sha.items()
        if f != "not_masked/b__001.png"
    }
    assert report["changed"] == {
        "corrected: masked to incorrect": 1,
        "correction of a face that is not here": 1,
    }
    assert "a__000.png" in report["changed_by_name"][0]
    assert "the nose, it is free" in report["changed_by_name"][0]
    assert "0" * 64 in report["changed_by_name"][1]
    assert report["left_out"] == {"corrected: not_masked to drop": 1}
    assert "b__001.png" in report["left_out_by_name"][0]


def test_a_correction_moves_no_face_to_another_split(make_faces: MakeFaces, tmp_path: Path) -> None:
    """Else all figures before and after it would be of other faces."""
    root = make_faces(masked=30, not_masked=30)
    prepare(FaceSources(faces=[root]), tmp_path / "before")
    before = read_manifest(tmp_path / "before" / "manifest.csv")
    wrong, gone = (r.sha256 for r in before[:2])
    file = corrections_file(tmp_path / "c.csv", f"{wrong},incorrect,x", f"{gone},drop,x")
    prepare(FaceSources(faces=[root]), tmp_path / "out", corrections=file)
    now = {r.sha256: r.split for r in read_manifest(tmp_path / "out" / "manifest.csv")}
    assert now == {r.sha256: r.split for r in before if r.sha256 != gone}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            [f"{'a' * 64},masked,x", f"{'b' * 64},helmet,x"],
            r"line 3: the label is 'helmet', not one of masked",
        ),
        ([f"{'a' * 63},masked,x"], r"line 2: 'a+' is not a sha256"),
        ([f"{'a' * 64},masked"], r"line 2: has 2 fields"),
        ([f"{'a' * 64},masked,x", f"{'a' * 64},drop,x"], r"line 3: a+ is corrected twice"),
        ([f'{"a" * 64},masked,"x'], r"can't be read as CSV"),
    ],
)
def test_malformed_corrections_are_refused_by_line(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=rf"c\.csv.*{message}"):
        read_corrections(corrections_file(tmp_path / "c.csv", *lines))


def test_corrections_without_their_header_or_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("sha,label\n")
    with pytest.raises(UsageError, match=r"c\.csv, line 1: is 'sha,label', wanted 'sha256,label,reason'"):
        read_corrections(tmp_path / "c.csv")
    with pytest.raises(UsageError, match=r"gone\.csv: can't be read"):
        read_corrections(tmp_path / "gone.csv")


def test_the_shipped_corrections_are_taken_unless_told_otherwise() -> None:
    assert chosen(None) == DEFAULT_CORRECTIONS
    assert read_corrections(DEFAULT_CORRECTIONS)
    assert chosen("none") is None
    assert chosen("mine.csv") == Path("mine.csv")


def test_the_report_says_what_an_epoch_shows(make_faces: MakeFaces, tmp_path: Path) -> None:
    root = make_faces(masked=20, not_masked=60, incorrect=10)
    told: list[str] = []
    report = prepare(FaceSources(faces=[root]), tmp_path / "out", progress=told.append)
    rows = report["balance"]["an_epoch"]
    train = [r for r in read_manifest(tmp_path / "out" / "manifest.csv") if r.split == "train"]
    for label, row in rows.items():
        assert row["faces"] == sum(r.label == label for r in train)
        assert row["shown"] == row["faces"] + row["added"] - row["left_out"]
    assert rows["masked"]["added"] > 0 < rows["not_masked"]["left_out"]
    assert [rows[label]["share"] for label in ("masked", "not_masked", "incorrect")] == [0.5, 0.3, 0.2]
    assert report["balance"]["masked_to_others"] == 1.0
    assert not [t for t in told if t.startswith("warning")]
    assert any(t.startswith("45 of 90 files of ") and t.endswith(" min left") for t in told)


def test_faces_that_can_not_be_shown_often_enough_are_named(make_faces: MakeFaces, tmp_path: Path) -> None:
    root = make_faces(masked=3, not_masked=90)
    told: list[str] = []
    report = prepare(FaceSources(faces=[root]), tmp_path / "out", progress=told.append)
    assert report["balance"]["masked_to_others"] == 1.0
    assert report["balance"]["shown_most_often"] == ["masked of a", "masked of b"]
    (warning,) = (t for t in told if t.startswith("warning"))
    assert "masked of a, masked of b: so few that each is shown 6 times" in warning


def test_a_terminal_gets_a_few_names_of_each_reason() -> None:
    lines = [f"broken file: {i}" for i in range(5)] + ["too small: x: y"]
    assert some_by_name(lines, most=3) == [
        "broken file: 0",
        "broken file: 1",
        "broken file: 2",
        "too small: x: y",
        "broken file: 2 more, named in report.json",
    ]


def test_a_re_encoded_copy_looks_the_same(tmp_path: Path) -> None:
    picture = data.astronaut()[60:200, 150:290]
    _, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])
    assert look_hash(np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), dtype=np.uint8)) == look_hash(picture)
    assert look_hash(np.ascontiguousarray(picture[:, ::-1])) != look_hash(picture)


def test_nothing_to_read_is_a_clear_error(models: Path, tmp_path: Path) -> None:
    out, detector = tmp_path / "out", models / "face.tflite"
    with pytest.raises(UsageError, match="holds none of the folders masked"):
        prepare(FaceSources(faces=[tmp_path]), out)
    with pytest.raises(UsageError, match=r"holds neither annotations\.json nor"):
        prepare(FaceSources(frames=[tmp_path], detector=detector), out)
    with pytest.raises(UsageError, match="--frames needs --detector"):
        prepare(FaceSources(frames=[tmp_path]), out)
    with pytest.raises(UsageError, match="holds no pictures"):
        prepare(FaceSources(unmasked=[tmp_path]), out)
    (tmp_path / "masked").mkdir()
    (tmp_path / "masked" / "x.png").touch()
    (tmp_path / "manifest.csv").write_bytes(b"file,label\n\xff\xfe,masked\n")
    with pytest.raises(UsageError, match=r"manifest\.csv: not a CSV file in UTF-8"):
        prepare(FaceSources(faces=[tmp_path]), out)
    (tmp_path / "manifest.csv").unlink()
    with pytest.raises(UsageError, match=r"no usable face in .*: \{'broken file': 1\}"):
        prepare(FaceSources(faces=[tmp_path]), out)
    with pytest.raises(UsageError, match=r"manifest\.csv: no such manifest"):
        load(tmp_path)
