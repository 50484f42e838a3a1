"""From a tiny dataset to a released model, with TensorFlow: what matters is that each step does its part."""

import csv
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from convert.artifact import require_int8
from convert.evaluate import evaluate
from convert.gates import DEFAULT_GATES, GateError
from convert.network import load as load_model
from convert.prepare import Sources, prepare
from convert.quantize import quantize
from convert.recipes import RECIPES
from convert.records import read_manifest
from convert.release import release
from convert.train import train
from edge.errors import ModelError, UsageError
from edge.model.contract import load_contract, save_contract
from edge.model.runtime import Model, find_runtime

MakeFaces = Callable[..., Path]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    # TensorFlow 2.15 and its dependencies warn of each other
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def data(make_faces: MakeFaces, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("data")
    prepare(Sources(faces=[make_faces(masked=40, not_masked=40, incorrect=20)]), out)
    return out


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short training run, killed in the middle and resumed."""
    out = tmp_path_factory.mktemp("run")
    argv = ["train", "--data", str(data), "--weights", "random", "--out", str(out), "--epochs", "3"]
    program = "import sys; from convert.cli import main; sys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", program, *argv],
        cwd=Path(__file__).parents[2],
        stderr=subprocess.PIPE,
        text=True,
    )
    watchdog = threading.Timer(200, process.kill)
    watchdog.start()
    assert process.stderr is not None
    for line in process.stderr:  # epoch 2 is announced after the checkpoint of epoch 1
        if line.startswith("epoch 2/3"):
            break
    process.send_signal(signal.SIGKILL)
    process.stderr.close()
    assert process.wait() == -signal.SIGKILL
    watchdog.cancel()

    with pytest.raises(UsageError, match="--resume"):
        train(data, "random", out, RECIPES["default"], epochs=3)
    train(data, "random", out, RECIPES["default"], epochs=3, resume=True)
    return out


@pytest.fixture(scope="module")
def candidate(run: Path, data: Path) -> Path:

    return quantize(run / "mask.keras", data, run / "int8", samples=12, margin=0.1)


def test_a_killed_run_goes_on_where_it_was(run: Path) -> None:
    with (run / "history.csv").open() as f:
        rows = list(csv.DictReader(f))
    assert [r["epoch"] for r in rows] == ["0", "1", "2"]
    assert all(np.isfinite(float(r["val_loss"])) for r in rows)
    passport = json.loads((run / "train.json").read_text())
    assert passport["recipe"]["name"] == "default"
    assert passport["recipe"]["epochs"] == 3
    assert (run / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_a_quantised_model_takes_raw_pixels_and_gives_one_int8_logit(candidate: Path) -> None:
    contract = load_contract(candidate)
    assert (contract.input.shape, contract.input.dtype, contract.input.zero_point) == (
        (96, 96, 3),
        "uint8",
        0,
    )
    assert contract.input.scale == pytest.approx(1.0, abs=1e-6)
    assert [(o.shape, o.dtype) for o in contract.outputs] == [((1,), "int8")]
    assert contract.crop is not None
    assert contract.crop.margin == 0.1
    require_int8(candidate.read_bytes())
    golden = np.load(candidate.with_suffix(".golden.npz"))
    model = Model(candidate, find_runtime())
    assert [model.run(x)[0].tolist() for x in golden["input"]] == golden["output_0"].tolist()


def test_the_faces_that_set_the_ranges_are_listed_and_from_training_only(candidate: Path, data: Path) -> None:
    with (candidate.parent / "calibration.csv").open() as f:
        rows = list(csv.DictReader(f))
    train = {r.sha256 for r in read_manifest(data / "manifest.csv") if r.split == "train"}
    assert {r["sha256"] for r in rows} <= train
    assert [r["label"] for r in rows] == ["incorrect"] * 4 + ["masked"] * 4 + ["not_masked"] * 4


def test_a_poor_model_is_refused_and_nothing_is_written(
    candidate: Path, run: Path, data: Path, tmp_path: Path
) -> None:

    out = tmp_path / "models"
    with pytest.raises(GateError, match=r"test\.accuracy is 0\.\d+, at least 0\.95"):
        release(candidate, run / "mask.keras", data, out, gates=DEFAULT_GATES)
    assert not out.exists()


def test_a_model_that_passes_is_released_with_its_papers(
    candidate: Path, run: Path, data: Path, tmp_path: Path
) -> None:

    gates = tmp_path / "gates.toml"
    gates.write_text('[[gate]]\nfigure = "float_int8.accuracy_difference"\nmax = 1.0\n')
    report = release(candidate, run / "mask.keras", data, tmp_path / "out", gates=gates)
    contract = load_contract(tmp_path / "out" / "mask.tflite")
    assert report["model"]["id"] == contract.model_id
    assert contract.threshold is not None
    assert 0.05 <= contract.threshold <= 0.5
    assert contract.figures["test"]["faces"] == sum(
        r.split == "test" for r in read_manifest(data / "manifest.csv")
    )
    names = {p.name for p in (tmp_path / "out").iterdir()}
    assert names == {
        "README.md",
        "mask.calibration.csv",
        "mask.golden.npz",
        "mask.json",
        "mask.reliability.png",
        "mask.report.json",
        "mask.roc.png",
        "mask.tflite",
    }
    assert contract.model_id in (tmp_path / "out" / "README.md").read_text()
    assert str(data) not in (tmp_path / "out" / "mask.json").read_text()


def test_evaluate_compares_int8_with_the_float_model(
    candidate: Path, run: Path, data: Path, tmp_path: Path
) -> None:
    found = evaluate(candidate, data, split="test", trained=run / "mask.keras")["float_int8"]
    assert found["accuracy_int8"] == evaluate(candidate, data, split="test")["accuracy"]
    assert found["mean_logit_difference"] < 0.1
    assert found["same_verdict"] >= 0.8
    distance = abs(found["roc_auc_float"] - found["roc_auc_int8"])
    assert found["roc_auc_difference"] == pytest.approx(distance)
    shifted = load_model(run / "mask.keras")
    shifted.layers[-1].bias.assign_add([5.0])
    shifted.save(tmp_path / "other.keras")
    other = evaluate(candidate, data, split="test", trained=tmp_path / "other.keras")["float_int8"]
    assert other["mean_logit_difference"] == pytest.approx(5, abs=0.2)
    assert other["same_verdict"] < found["same_verdict"]


def test_a_twin_is_released_with_the_figures_of_the_measured_one(
    candidate: Path, run: Path, data: Path, tmp_path: Path
) -> None:
    gates = tmp_path / "gates.toml"
    gates.write_text('[[gate]]\nfigure = "float_int8.accuracy_difference"\nmax = 1.0\n')
    shipped = quantize(run / "mask.keras", data, tmp_path / "twin", samples=6, seed=1)
    out = tmp_path / "out"
    report = release(candidate, run / "mask.keras", data, out, gates=gates, shipped=shipped)
    contract = load_contract(out / "mask.tflite")
    assert (out / "mask.tflite").read_bytes() == shipped.read_bytes() != candidate.read_bytes()
    assert contract.calibration != load_contract(shipped).calibration
    assert contract.figures["test"]["faces"] == report["test"]["faces"] > 0
    assert report["model"]["measured"]["sha256"] == load_contract(candidate).sha256
    card = (out / "README.md").read_text()
    assert "all of the data" in card
    assert load_contract(candidate).sha256[:12] in card

    other = load_contract(shipped)
    training = {**other.made_by["training"], "recipe": {"name": "another"}}
    save_contract(
        other.model_copy(update={"made_by": {**other.made_by, "training": training}}),
        shipped.with_suffix(".json"),
    )
    with pytest.raises(UsageError, match=r"another.*train both with the same recipe"):
        release(candidate, run / "mask.keras", data, out, gates=gates, shipped=shipped)


def test_an_operation_left_in_float_is_refused() -> None:
    import tensorflow as tf  # noqa: PLC0415  takes seconds to import

    function = tf.function(lambda x: x * 2.0, input_signature=[tf.TensorSpec((1, 4, 4, 3))])
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function()], tf.Module()
    )
    with pytest.raises(ModelError, match="still floating point"):
        require_int8(converter.convert())


def test_the_talks_recipe_trains_with_its_settings(data: Path, tmp_path: Path) -> None:

    train(data, "random", tmp_path / "talk", replace(RECIPES["talk"], batch=8), epochs=1)
    recipe = json.loads((tmp_path / "talk" / "train.json").read_text())["recipe"]
    assert (recipe["learning_rate"], recipe["augment"]) == (1e-5, "flip_and_rotate")


def test_wrong_weights_are_named(data: Path, tmp_path: Path) -> None:

    with pytest.raises(UsageError, match=r"none\.h5: no such weights"):
        train(data, str(tmp_path / "none.h5"), tmp_path / "run", RECIPES["default"])
    (tmp_path / "bad.h5").write_bytes(b"nothing")
    with pytest.raises(UsageError, match=r"bad\.h5: can't be loaded"):
        train(data, str(tmp_path / "bad.h5"), tmp_path / "run2", RECIPES["default"])
