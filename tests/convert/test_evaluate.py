from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from convert.dataset import prepare
from convert.evaluate import Scored, evaluate, figures
from convert.records import Record
from edge.errors import ModelError, UsageError
from edge.values import MaskScore

MakeFaces = Callable[..., Path]


def scored(label: str, logit: float, source: str = "a") -> Scored:
    score = MaskScore(probability=float(1 / (1 + np.exp(-logit))), logit=logit)
    return Scored(Record(Path("x"), label, source, "", ""), score, accepted=logit >= 0, took_s=0.002)


def test_figures_by_hand() -> None:
    faces = [scored("masked", 3), scored("masked", 1), scored("masked", -1, "b"), scored("masked", 2)]
    faces += [scored("not_masked", -3), scored("not_masked", 1.5, "b")]
    faces += [
        scored("incorrect", -1),
        scored("incorrect", 4),
        scored("incorrect", -2),
        scored("incorrect", -3),
    ]
    found = figures(faces)
    assert found["accuracy"] == pytest.approx(4 / 6)
    assert found["roc_auc"] == pytest.approx((1 + 0.5 + 0.5 + 1) / 4)
    assert found["masked_accepted"] == 0.75
    assert found["false_masked"] == 0.5
    assert found["incorrect_refused"] == 0.75
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
    }
    assert found["latency_ms"]["p50"] == 2.0


@pytest.mark.parametrize(
    ("classes", "unknown"),
    [
        ({"not_masked": 3}, {"accuracy", "roc_auc", "masked_accepted", "incorrect_refused"}),
        ({"masked": 3}, {"accuracy", "roc_auc", "false_masked", "incorrect_refused"}),
        ({"masked": 2, "incorrect": 2}, {"accuracy", "roc_auc", "false_masked"}),
        ({"masked": 2, "not_masked": 2}, {"incorrect_refused"}),
    ],
)
def test_a_missing_class_makes_its_figures_null(
    classes: dict[str, int], unknown: set[str], make_faces: MakeFaces, models: Path
) -> None:
    found = evaluate(models / "mask.tflite", make_faces(**classes))
    keys = {"accuracy", "roc_auc", "masked_accepted", "false_masked", "incorrect_refused"}
    assert {k for k in keys if found[k] is None} == unknown
    assert found["faces"] == sum(classes.values())
    assert found["unreadable"] == []


def test_a_broken_picture_is_named_and_the_rest_is_scored(make_faces: MakeFaces, models: Path) -> None:
    root = make_faces(masked=2, not_masked=2)
    (root / "masked" / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    said: list[str] = []
    found = evaluate(models / "mask.tflite", root, progress=said.append)
    assert found["faces"] == 4
    assert len(found["unreadable"]) == 1
    assert "broken.jpg" in found["unreadable"][0]
    assert any("broken.jpg" in line for line in said)


def test_a_split_of_a_prepared_dataset(make_faces: MakeFaces, models: Path, tmp_path: Path) -> None:
    prepare(make_faces(masked=20, not_masked=20), None, None, tmp_path / "data")
    assert evaluate(models / "mask.tflite", tmp_path / "data", split="test")["faces"] == 4
    assert evaluate(models / "mask.tflite", tmp_path / "data")["faces"] == 40


def test_what_is_missing_is_named(make_faces: MakeFaces, models: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds neither one of the folders"):
        evaluate(models / "mask.tflite", tmp_path)
    (tmp_path / "masked").mkdir()
    with pytest.raises(UsageError, match="its folders masked hold no pictures"):
        evaluate(models / "mask.tflite", tmp_path)
    with pytest.raises(ModelError, match="no such model file"):
        evaluate(tmp_path / "none.tflite", make_faces(masked=1))
