import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.data.prepare import FaceSources, prepare
from convert.data.records import Record
from convert.measure.contact_sheet import worst_errors
from convert.measure.diagrams import roc_curve
from convert.measure.evaluate import evaluate, figures
from convert.measure.intervals import point_figures
from convert.measure.scoring import Scored, score
from convert.measure.slices import by_slice
from convert.measure.summary import as_text
from edge.errors import ModelError, UsageError
from edge.model.classifier import MaskClassifier
from edge.model.preprocess import light
from edge.values import Box, MaskScore

MakeFaces = Callable[..., Path]
SaveFace = Callable[..., None]
PICTURES = {"roc.png", "reliability.png", "errors.png", "report.json"}


def scored(label: str, logit: float, source: str = "a", *, width_px: float = 50, **slices: str) -> Scored:
    said = MaskScore(probability=float(1 / (1 + np.exp(-logit))), logit=logit)
    record = Record(Path(f"{source}__{label}{logit}.png"), label, source, "", "", slices=slices)
    return Scored(
        record, said, accepted=logit >= 0, took_s=0.002, width_px=width_px, brightness=100, sharpness=500
    )


def some() -> list[Scored]:
    faces = [scored("masked", 3), scored("masked", 1), scored("masked", -1, "b"), scored("masked", 2)]
    faces += [scored("not_masked", -3), scored("not_masked", 1.5, "b", width_px=19.5)]
    return faces + [scored("incorrect", logit) for logit in (-1, 4, -2, -3)]


def test_figures_by_hand() -> None:
    found = figures(some())
    assert found["accuracy"] == pytest.approx(4 / 6)
    assert found["roc_auc"] == pytest.approx((1 + 0.5 + 0.5 + 1) / 4)
    assert found["tpr_at_fpr_0.01"] == 0.5
    assert found["masked_accepted"] == 0.75
    assert found["false_masked"] == 0.5
    assert found["incorrect_refused"] == 0.75
    assert found["intervals"]["masked_accepted"] == (0.25, 1.0)
    assert found["confusion"] == {
        "masked": {"masked": 3, "not_masked": 1},
        "not_masked": {"masked": 1, "not_masked": 1},
        "incorrect": {"masked": 1, "not_masked": 3},
    }
    assert found["by_source"]["b"] == {
        "masked_accepted": 0.0,
        "false_masked": 1.0,
        "incorrect_refused": None,
        "faces": 2,
        "counts": {"masked": 1, "not_masked": 1, "incorrect": 0},
    }
    assert (found["faces"], found["groups"]) == (10, 10)
    assert found["latency_ms"]["p50"] == 2.0


def test_slices_hold_their_lower_edge_and_come_in_order() -> None:
    widths = (100, 30, 29.9, 19.9, 20, 250)
    faces = [scored("not_masked", 1 - i, width_px=w) for i, w in enumerate(widths)]
    assert {k: v["faces"] for k, v in by_slice(faces)["width_px"].items()} == {
        "under 20": 1,
        "20 to 30": 2,
        "30 to 40": 1,
        "100 and more": 2,
    }
    assert list(by_slice(faces)["width_px"]) == ["under 20", "20 to 30", "30 to 40", "100 and more"]
    assert by_slice(faces)["width_px"]["100 and more"]["false_masked"] == 0.5


def test_every_value_of_a_slice_column_is_a_slice() -> None:
    faces = [scored("masked", 1, slice_beard="yes"), scored("masked", -1, slice_beard="no", slice_hat="red")]
    found = by_slice([*faces, scored("masked", 2)])
    assert list(found) == ["width_px", "brightness", "sharpness", "slice_beard", "slice_hat"]
    assert {k: v["masked_accepted"] for k, v in found["slice_beard"].items()} == {"no": 0.0, "yes": 1.0}
    assert found["slice_hat"]["red"]["faces"] == 1


@given(st.lists(st.integers(-3, 3), min_size=1), st.lists(st.integers(-3, 3), min_size=1))
def test_the_area_under_the_drawn_curve_is_the_auc(positive: list[int], negative: list[int]) -> None:
    p, n = np.array(positive, dtype=float), np.array(negative, dtype=float)
    fpr, tpr = roc_curve(p, n)
    assert (fpr[0], tpr[0], fpr[-1], tpr[-1]) == (0, 0, 1, 1)
    labels = ["masked"] * len(p) + ["not_masked"] * len(n)
    wanted = point_figures(np.concatenate([p, n]), np.zeros(len(labels), dtype=bool), labels)["roc_auc"]
    assert ((tpr[1:] + tpr[:-1]) / 2) @ np.diff(fpr) == pytest.approx(wanted)


def test_the_surest_errors_come_first() -> None:
    faces = [scored("masked", -1), scored("masked", 3), scored("not_masked", 2), scored("incorrect", 0.5)]
    assert [f.score.logit for f in worst_errors(faces, 0.5)] == [2, -1, 0.5]
    assert [f.score.logit for f in worst_errors(faces, 0.7)] == [-1, 2, 0.5]


def test_the_text_of_a_report() -> None:
    report = {
        **figures([*some(), scored("not_masked", -4, "kiosk", slice_beard="yes")]),
        "float_int8": {"accuracy_difference": 0.001, "roc_auc_difference": None},
        "unreadable": ["x.png: not a picture"],
        "model": "mask-1.0.0-00000000",
        "runtime": "litert 2.3.0",
        "data": "door",
        "split": "test",
        "threshold": 0.44,
    }
    assert as_text(report).splitlines() == TEXT.splitlines()


TEXT = """\
mask-1.0.0-00000000 on door, split test; threshold 0.44; litert 2.3.0
11 faces of 11 photos or persons; 95 % intervals by photo

accuracy            0.7143 [0.333, 1.000]
roc_auc             0.8333 [0.3333, 1.0000]
tpr_at_fpr_0.01     0.5000 [0.000, 1.000]
masked_accepted     0.7500 [0.200, 1.000]
false_masked        0.3333 [0.000, 1.000]
incorrect_refused   0.7500 [0.000, 1.000]
calibration_error   0.2360
latency_ms p50        2.00
latency_ms p95        2.00

label       called masked  called not masked
masked                  3                  1
not_masked              1                  2
incorrect               1                  3

by source     masked_accepted        false_masked   incorrect_refused  faces
a          1.0000         3/3  0.0000         0/1  0.7500         3/4      8
b          0.0000         0/1  1.0000         1/1                   -      2
kiosk                       -  0.0000         0/1                   -      1

by width_px     masked_accepted        false_masked   incorrect_refused  faces
under 20                      -  1.0000         1/1                   -      1
40 to 60     0.7500         3/4  0.0000         0/2  0.7500         3/4     10

by brightness     masked_accepted        false_masked   incorrect_refused  faces
90 to 120      0.7500         3/4  0.3333         1/3  0.7500         3/4     11

by sharpness     masked_accepted        false_masked   incorrect_refused  faces
300 to 1000   0.7500         3/4  0.3333         1/3  0.7500         3/4     11

by slice_beard  masked_accepted        false_masked  incorrect_refused  faces
yes                           -  0.0000         0/1                  -      1

float against int8
accuracy_difference  0.0010
roc_auc_difference        -

left out, could not be read: 1
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("classes", "unknown", "drawn"),
    [
        ({"not_masked": 3}, {"accuracy", "roc_auc", "masked_accepted", "incorrect_refused"}, set()),
        ({"masked": 3}, {"accuracy", "roc_auc", "false_masked", "incorrect_refused"}, set()),
        ({"masked": 2, "incorrect": 2}, {"accuracy", "roc_auc", "false_masked"}, {"reliability.png"}),
        ({"masked": 2, "not_masked": 2}, {"incorrect_refused"}, {"reliability.png", "roc.png"}),
    ],
)
def test_a_missing_class_makes_its_figures_null(
    classes: dict[str, int],
    unknown: set[str],
    drawn: set[str],
    make_faces: MakeFaces,
    models: Path,
    tmp_path: Path,
) -> None:
    said: list[str] = []
    found = evaluate(models / "mask.tflite", make_faces(**classes), out=tmp_path / "x", progress=said.append)
    keys = {"accuracy", "roc_auc", "masked_accepted", "false_masked", "incorrect_refused"}
    assert {k for k in keys if found[k] is None} == unknown
    assert {k for k in keys if found["intervals"][k] is None} == unknown
    assert found["faces"] == sum(classes.values())
    assert found["unreadable"] == []
    assert {p.name for p in (tmp_path / "x").iterdir()} == {"report.json", "errors.png"} | drawn
    assert {line.split(":")[0] for line in said} == {
        f"no {name}" for name in ("reliability.png", "roc.png") if name not in drawn
    }
    assert "faces of" in as_text(found)


@pytest.mark.slow
def test_pictures_and_all_errors_by_name(
    make_faces: MakeFaces, save_face: SaveFace, models: Path, tmp_path: Path
) -> None:
    root = make_faces(masked=50, not_masked=5, incorrect=3)
    for label in ("masked", "not_masked"):  # one of them is an error
        save_face(root / label / f"$\\q$__面{'long' * 30}.png", 99)
    evaluate(models / "mask.tflite", root)
    assert {p.name for p in root.iterdir()} == {"masked", "not_masked", "incorrect"}
    found = evaluate(models / "mask.tflite", root, out=tmp_path / "out")
    assert {p.name for p in (tmp_path / "out").iterdir()} == PICTURES
    for name in PICTURES - {"report.json"}:
        drawn = cv2.imread(str(tmp_path / "out" / name))
        assert drawn.shape[1] > 700
        assert drawn.std() > 10, "blank"
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    errors = report.pop("errors")
    assert {**report, "latency_ms": 0} == {**json.loads(json.dumps(found)), "latency_ms": 0}
    assert len(errors) == round(
        51 * (1 - found["masked_accepted"]) + 6 * found["false_masked"] + 3 * (1 - found["incorrect_refused"])
    )
    assert all(Path(e["file"]).is_file() for e in errors)
    assert any("面" in e["file"] for e in errors)
    assert all((e["probability"] < found["threshold"]) == (e["label"] == "masked") for e in errors)


@pytest.mark.slow
def test_a_perfect_model_leaves_an_empty_sheet(models: Path, tmp_path: Path) -> None:
    from convert.measure.contact_sheet import draw_errors  # noqa: PLC0415
    from edge.model.contract import load_contract  # noqa: PLC0415

    report = {"model": "m", "data": "d", "faces": 3, "threshold": 0.5, "confusion": {}}
    draw_errors([], report, load_contract(models / "mask.tflite"), tmp_path / "errors.png")
    assert cv2.imread(str(tmp_path / "errors.png")) is not None


def test_groups_and_slices_of_a_manifest_reach_the_figures(make_faces: MakeFaces, models: Path) -> None:
    root = make_faces(masked=3, not_masked=3)
    rows = [
        f"{label}/{'ab'[i % 2]}__00{i}.png,{label},p{i},{'yn'[i % 2]}"
        for label in ("masked", "not_masked")
        for i in range(3)
    ]
    (root / "manifest.csv").write_text("\n".join(["file,label,group,slice_glasses", *rows]) + "\n")
    found = evaluate(models / "mask.tflite", root)
    assert found["groups"] == 3
    assert {k: v["faces"] for k, v in found["by_slice"]["slice_glasses"].items()} == {"n": 2, "y": 4}
    assert found["by_slice"]["width_px"]["40 to 60"]["faces"] == 6


def test_a_face_is_as_wide_as_its_box_or_else_its_picture(
    save_face: SaveFace, models: Path, tmp_path: Path
) -> None:
    save_face(tmp_path / "a.png", 1, width=25)
    crop = Record(tmp_path / "a.png", "masked", "a", "", "")
    boxed = replace(crop, box=Box(2, 3, 14, 30))
    found = score(MaskClassifier(models / "mask.tflite"), [crop, boxed]).faces
    assert [f.width_px for f in found] == [25, 12]
    assert found[0].brightness != found[1].brightness
    assert found[0].score != found[1].score


def test_light_is_measured_at_one_size() -> None:
    rng = np.random.default_rng(0)
    small = rng.integers(60, 190, (48, 48, 3), dtype=np.uint8)
    large = np.repeat(np.repeat(small, 4, axis=0), 4, axis=1)
    assert light(large, None) == pytest.approx(light(small, None))
    assert light(small, None)[0] == pytest.approx(125, abs=3)
    blurred = cv2.GaussianBlur(small, (0, 0), 2)
    assert light(np.asarray(blurred, dtype=np.uint8), None)[1] < light(small, None)[1] / 20


def test_a_broken_picture_is_named_and_the_rest_is_scored(make_faces: MakeFaces, models: Path) -> None:
    root = make_faces(masked=2, not_masked=2)
    (root / "masked" / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    said: list[str] = []
    found = evaluate(models / "mask.tflite", root, progress=said.append)
    assert found["faces"] == 4
    assert len(found["unreadable"]) == 1
    assert "broken.jpg" in found["unreadable"][0]
    assert any("broken.jpg" in line for line in said)


def test_figures_that_need_every_face_are_refused_where_one_is_gone(
    save_face: SaveFace, models: Path, tmp_path: Path
) -> None:
    save_face(tmp_path / "a.png", 1)
    here = Record(tmp_path / "a.png", "masked", "a", "", "")
    classifier = MaskClassifier(models / "mask.tflite")
    assert len(score(classifier, [here]).all_faces()) == 1
    with pytest.raises(UsageError, match=r"1 of 2 pictures .* the first: .*gone\.png: can't be read"):
        score(classifier, [here, replace(here, path=tmp_path / "gone.png")]).all_faces()


@pytest.mark.slow
def test_nothing_but_broken_pictures(models: Path, tmp_path: Path) -> None:
    (tmp_path / "masked").mkdir()
    (tmp_path / "masked" / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    found = evaluate(models / "mask.tflite", tmp_path, out=tmp_path / "out")
    assert (found["faces"], found["masked_accepted"], found["latency_ms"]["p50"]) == (0, None, None)
    assert "left out, could not be read: 1" in as_text(found)


@pytest.mark.slow
def test_a_split_of_a_prepared_dataset(make_faces: MakeFaces, models: Path, tmp_path: Path) -> None:
    prepare(FaceSources(faces=[make_faces(masked=20, not_masked=20)]), tmp_path / "data")
    assert evaluate(models / "mask.tflite", tmp_path / "data", split="test")["faces"] == 4
    assert evaluate(models / "mask.tflite", tmp_path / "data")["faces"] == 40
    assert evaluate(models / "mask.tflite", tmp_path / "data" / "manifest.csv")["faces"] == 40


def test_what_is_missing_is_named(make_faces: MakeFaces, models: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds neither one of the folders"):
        evaluate(models / "mask.tflite", tmp_path)
    with pytest.raises(ModelError, match="no such model file"):
        evaluate(tmp_path / "none.tflite", make_faces(masked=1))
