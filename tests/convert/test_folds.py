"""Sources left out, and what is told of models that never saw them."""

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from convert.data.dataset import load
from convert.data.prepare import FaceSources, prepare
from convert.data.records import Record, read_manifest, write_manifest
from convert.training.folds import lay_out, leave_out, name_of, require_trainable
from convert.training.recipes import RECIPES
from convert.unseen.crossval import cross_validate
from convert.unseen.unseen import report, suspects
from edge.errors import UsageError

MakeFaces = Callable[..., Path]
A, B = ("a", "x"), ("b",)


def record(name: str, source: str, label: str, group: str = "", split: str = "train") -> Record:
    return Record(Path(name), label, source, group or name, sha256=name, split=split)


def test_a_fold_is_tested_and_nothing_of_its_photos_is_trained_on() -> None:
    records = [
        record("1", "a", "masked"),
        record("2", "x", "not_masked", split="val"),
        record("3", "b", "masked"),
        record("4", "b", "not_masked", group="1"),
        record("5", "b", "not_masked", split="val"),
        record("6", "b", "not_masked", split="test"),
    ]
    assert [r.split for r in leave_out(records, A)] == ["test", "test", "train", "", "val", "train"]


def test_both_sides_weigh_the_same_whatever_is_left_out() -> None:
    records = [record(f"m{i}", "ab"[i % 2], "masked") for i in range(40)]
    records += [record(f"n{i}", "a" if i < 4 else "b", "not_masked") for i in range(24)]
    train = [r for r in leave_out(records, ("b",)) if r.split == "train"]
    sides = [sum(r.weight for r in train if r.positive is side) for side in (True, False)]
    assert sides[0] == pytest.approx(sides[1])


@pytest.fixture(scope="module")
def data(make_faces: MakeFaces, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("data")
    prepare(FaceSources(faces=[make_faces(masked=24, not_masked=24, incorrect=12)]), out)
    return out


def test_a_folds_dataset_can_be_trained_on_and_shares_the_pictures(data: Path, tmp_path: Path) -> None:
    lay_out(data, ("a",), tmp_path / "fold")
    lay_out(data, ("a",), tmp_path / "fold")  # again: a run that was ended goes on
    fold = load(tmp_path / "fold")
    assert {fold.records[i].source for i in fold.indices("train")} == {"b"}
    assert {fold.records[i].source for i in fold.indices("test")} == {"a"}
    assert (tmp_path / "fold" / "faces.npy").resolve() == (data / "faces.npy").resolve()


def test_an_unknown_source_is_named_with_the_known_ones(data: Path, tmp_path: Path) -> None:
    told: list[str] = []
    with pytest.raises(UsageError, match=r"no face of the source 'c'; there are a, b"):
        cross_validate(data, "random", tmp_path, RECIPES["default"], [("a",), ("c",)], progress=told.append)
    assert not told, "hours would have gone into the first fold"


@pytest.mark.parametrize(
    ("folds", "message"),
    [
        ([("a",), ("b", "a")], "the source 'a' is left out 2 times; name each in one fold, once"),
        ([("a", "b", "x")], "without a, b, x there is no face in the split 'train'"),
        ([("x",), ("a",)], "without a there is no masked face in the split 'train'"),
        ([("b",)], "without b there is no other face in the split 'val'"),
    ],
)
def test_a_fold_that_leaves_too_little_is_named(folds: list[tuple[str, ...]], message: str) -> None:
    records = [
        record("1", "a", "masked"),
        record("2", "b", "incorrect"),
        record("3", "a", "masked", split="val"),
        record("4", "b", "not_masked", split="val"),
        record("5", "x", "not_masked"),
    ]
    with pytest.raises(UsageError, match=message):
        require_trainable(records, folds, Path("d"))


def opinions(out: Path, data: Path, logits: Mapping[str, float]) -> None:
    """Leave in ``out`` what a model would have said: a logit for each label."""
    for fold in (("a",), B):
        folder = out / name_of(fold)
        (folder / "run").mkdir(parents=True)
        (folder / "run" / "train.json").write_text(json.dumps({"recipe": {"name": "made up"}}))
        with (folder / "scores.csv").open("w", newline="") as f:
            rows = csv.writer(f)
            rows.writerow(("sha256", "logit", "accepted"))
            for r in read_manifest(data / "manifest.csv"):
                if r.source in fold:
                    rows.writerow((r.sha256, logits[r.label], int(logits[r.label] > 0)))


GOOD = {"masked": 3.0, "not_masked": -3.0, "incorrect": -1.0}
BAD = {"masked": 3.0, "not_masked": -3.0, "incorrect": 1.0}


@pytest.mark.slow
def test_a_better_model_is_told_from_a_worse_one(data: Path, tmp_path: Path) -> None:
    opinions(tmp_path / "good", data, GOOD)
    opinions(tmp_path / "bad", data, BAD)
    found = report(data, tmp_path / "good", [("a",), B], against=tmp_path / "bad")
    assert list(found["sources"]) == ["all", "a", "b"]
    everything = found["sources"]["all"]
    assert everything["faces"] == 60
    assert everything["figures"]["incorrect_refused"]["value"] == 1.0
    assert everything["before"]["incorrect_refused"] == 0.0
    assert everything["difference"]["incorrect_refused"] == (1.0, 1.0)
    assert everything["difference"]["accuracy"] == (0.0, 0.0)
    assert found["recipe"] == {"name": "made up"}


@pytest.mark.slow
def test_labels_are_those_of_the_dataset_as_it_is_now(data: Path, tmp_path: Path) -> None:
    opinions(tmp_path / "out", data, GOOD)
    corrected = tmp_path / "corrected"
    corrected.mkdir()
    records = read_manifest(data / "manifest.csv")
    dropped = next(r.sha256 for r in records if r.label == "masked")
    write_manifest([r for r in records if r.sha256 != dropped], corrected / "manifest.csv")
    assert report(corrected, tmp_path / "out", [("a",), B])["sources"]["all"]["faces"] == 59


@pytest.mark.slow
def test_a_model_that_was_asked_about_nothing_compares_with_nothing(data: Path, tmp_path: Path) -> None:
    opinions(tmp_path / "out", data, GOOD)
    opinions(tmp_path / "none", data, GOOD)
    for fold in (("a",), B):
        (tmp_path / "none" / name_of(fold) / "scores.csv").write_text("sha256,logit,accepted\n")
    found = report(data, tmp_path / "out", [("a",), B], against=tmp_path / "none")
    assert found["sources"]["all"]["faces"] == 0


def test_doubtful_labels_are_listed_the_worst_first(data: Path, tmp_path: Path) -> None:
    opinions(tmp_path / "out", data, {"masked": -2.0, "not_masked": -3.0, "incorrect": 1.0})
    found = suspects(data, tmp_path / "out", [("a",), B], least=0.0)
    assert [(r.label, doubt) for r, doubt in found] == [("masked", 2.0)] * 24 + [("incorrect", 1.0)] * 12


def test_a_fold_that_was_not_run_is_named(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a.scores\.csv: no such scores; run `mask-convert cross-validate"):
        report(data, tmp_path, [("a",)])


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore")  # TensorFlow 2.15 and its dependencies warn of each other
def test_each_source_is_scored_by_a_model_that_never_saw_it(data: Path, tmp_path: Path) -> None:
    told: list[str] = []

    def run(epochs: int = 1) -> None:
        cross_validate(
            data, "random", tmp_path, RECIPES["default"], [("a",)], epochs=epochs, progress=told.append
        )

    run()
    with (tmp_path / "a" / "scores.csv").open() as f:
        scores = {row["sha256"]: float(row["logit"]) for row in csv.DictReader(f)}
    assert set(scores) == {r.sha256 for r in read_manifest(data / "manifest.csv") if r.source == "a"}
    assert np.isfinite(list(scores.values())).all()
    with (tmp_path / "a" / "draft" / "calibration.csv").open() as f:
        assert {row["source"] for row in csv.DictReader(f)} == {"b"}
    assert not any("done before" in line for line in told)
    run()
    assert sum("done before" in line for line in told) == 1
    with pytest.raises(UsageError, match=r"a.run.train\.json: this run .* settings: recipe\.epochs was 1"):
        run(epochs=2)
