"""From a tiny dataset to a released model, with TensorFlow: what matters is that each step does its part."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from convert.data.records import fingerprint, read_manifest, write_manifest
from convert.data.split import assign_splits, assign_weights
from convert.export.artifact import require_int8, write_artifact
from convert.export.quantize import quantize
from convert.measure.calibrate import THRESHOLD
from convert.measure.evaluate import evaluate
from convert.release.gates import DEFAULT_GATES, GateError
from convert.release.mask_release import release
from convert.training.folds import all_in
from convert.training.network import load as load_model
from convert.training.recipes import RECIPES
from convert.training.train import train
from edge.errors import ModelError, UsageError
from edge.model.contract import load_contract, save_contract
from edge.model.runtime import Model, find_runtime

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),  # whichever test comes first trains
    # TensorFlow 2.15 and its dependencies warn of each other
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def quantized(trained: Path, prepared: Path) -> Path:
    return quantize(trained / "mask.keras", prepared, trained / "int8", samples=12, margin=0.1)


@pytest.fixture
def candidate(quantized: Path, tmp_path: Path) -> Path:
    """A copy: to release a model calibrates it in place."""
    return Path(shutil.copytree(quantized.parent, tmp_path / "int8")) / quantized.name


@pytest.fixture
def twin(candidate: Path, prepared: Path, tmp_path: Path) -> Path:
    """The candidate with other bytes and the record of a run on everything."""
    contract = load_contract(candidate)
    everything = fingerprint(all_in(read_manifest(prepared / "manifest.csv")))
    training = {**contract.made_by["training"], "dataset_sha256": everything}
    draft = contract.model_copy(update={"made_by": {**contract.made_by, "training": training}})
    (tmp_path / "twin").mkdir()
    (tmp_path / "twin" / "calibration.csv").write_text("file,source,label,sha256\n")
    return write_artifact(candidate.read_bytes() + bytes(16), draft, tmp_path / "twin")


UNSEEN = {
    "folds": [["a"]],
    "recipe": {"name": "made up", "epochs": 8},
    "sources": {"a": {"faces": 3, "figures": {"masked_accepted": {"value": 0.5, "interval": [0.1, 0.9]}}}},
}


def open_gates(folder: Path) -> Path:
    gates = folder / "gates.toml"
    gates.write_text('[[gate]]\nfigure = "float_int8.accuracy_difference"\nmax = 1.0\n')
    return gates


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


def test_the_faces_that_set_the_ranges_are_listed_and_from_training_only(
    candidate: Path, prepared: Path
) -> None:
    with (candidate.parent / "calibration.csv").open() as f:
        rows = list(csv.DictReader(f))
    train = {r.sha256 for r in read_manifest(prepared / "manifest.csv") if r.split == "train"}
    assert {r["sha256"] for r in rows} <= train
    assert [r["label"] for r in rows] == ["incorrect"] * 4 + ["masked"] * 4 + ["not_masked"] * 4


def test_a_poor_model_is_refused_and_nothing_is_written(
    candidate: Path, trained: Path, prepared: Path, tmp_path: Path
) -> None:
    out = tmp_path / "models"
    with pytest.raises(GateError, match=r"test\.accuracy is 0\.\d+, at least 0\.985"):
        release(candidate, trained / "mask.keras", prepared, out, gates=DEFAULT_GATES)
    assert not out.exists()


def test_a_model_that_passes_is_released_with_its_papers(
    candidate: Path, trained: Path, prepared: Path, tmp_path: Path
) -> None:
    report = release(
        candidate, trained / "mask.keras", prepared, tmp_path / "out", gates=open_gates(tmp_path)
    )
    contract = load_contract(tmp_path / "out" / "mask.tflite")
    assert report["model"]["id"] == contract.model_id
    assert contract.threshold is not None
    assert load_contract(candidate).threshold == contract.threshold
    assert contract.threshold == THRESHOLD
    assert contract.figures["test"]["faces"] == sum(
        r.split == "test" for r in read_manifest(prepared / "manifest.csv")
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
    assert str(prepared) not in (tmp_path / "out" / "mask.json").read_text()


def test_evaluate_compares_int8_with_the_float_model(
    candidate: Path, trained: Path, prepared: Path, tmp_path: Path
) -> None:
    found = evaluate(candidate, prepared, split="test", trained=trained / "mask.keras")["float_int8"]
    assert found["accuracy_int8"] == evaluate(candidate, prepared, split="test")["accuracy"]
    assert found["mean_logit_difference"] < 0.1
    assert found["same_verdict"] >= 0.8
    distance = abs(found["roc_auc_float"] - found["roc_auc_int8"])
    assert found["roc_auc_difference"] == pytest.approx(distance)
    shifted = load_model(trained / "mask.keras")
    shifted.layers[-1].bias.assign_add([5.0])
    shifted.save(tmp_path / "other.keras")
    other = evaluate(candidate, prepared, split="test", trained=tmp_path / "other.keras")["float_int8"]
    assert other["mean_logit_difference"] == pytest.approx(5, abs=0.2)
    assert other["same_verdict"] < found["same_verdict"]


def test_a_twin_is_released_with_the_figures_of_the_measured_one(
    candidate: Path, twin: Path, trained: Path, prepared: Path, tmp_path: Path
) -> None:
    out, gates = tmp_path / "out", open_gates(tmp_path)
    out.mkdir()
    (out / "mask.unseen.json").write_text(json.dumps(UNSEEN))
    report = release(candidate, trained / "mask.keras", prepared, out, gates=gates, shipped=twin)
    contract = load_contract(out / "mask.tflite")
    assert (out / "mask.tflite").read_bytes() == twin.read_bytes() != candidate.read_bytes()
    assert contract.calibration != load_contract(twin).calibration
    assert contract.figures["test"]["faces"] == report["test"]["faces"] > 0
    assert report["model"]["measured"]["sha256"] == load_contract(candidate).sha256
    assert (out / "mask.calibration.csv").read_bytes() == (twin.parent / "calibration.csv").read_bytes()
    card = (out / "README.md").read_text()
    assert "all of the data" in card
    assert load_contract(candidate).sha256[:12] in card
    assert "recipe `made up`, trained without some sources" in card
    assert "| a (3 faces) | masked accepted | 0.5000 | 0.1000 to 0.9000 | - | - |" in card


def test_a_twin_of_another_recipe_or_other_data_is_refused_before_anything_is_measured(
    candidate: Path, twin: Path, trained: Path, prepared: Path, tmp_path: Path
) -> None:
    def refused(message: str, shipped: Path = twin, data: Path = prepared) -> None:
        told: list[str] = []
        with pytest.raises(UsageError, match=message):
            release(
                candidate,
                trained / "mask.keras",
                data,
                tmp_path / "out",
                gates=open_gates(tmp_path),
                shipped=shipped,
                progress=told.append,
            )
        assert not told
        assert not (tmp_path / "out").exists()

    refused(r"mask\.tflite \(\w{12}\.\.\.\): was trained on the dataset \w+, but .* is now", candidate)
    anew = tmp_path / "anew"
    anew.mkdir()
    records = assign_weights(assign_splits(read_manifest(prepared / "manifest.csv"), seed=1))
    write_manifest(records, anew / "manifest.csv")
    refused(r"was trained on the dataset \w+, but .*anew is now \w+; train and quantize again", data=anew)
    write_manifest([r for r in records if (r.split, r.label) != ("test", "masked")], anew / "manifest.csv")
    refused(r"anew: the split 'test' holds no face that is masked", data=anew)
    other = load_contract(twin)
    training = {**other.made_by["training"], "recipe": {"name": "another"}}
    changed = other.model_copy(update={"made_by": {**other.made_by, "training": training}})
    save_contract(changed, twin.with_suffix(".json"))
    refused(r"another.*train both with the same recipe")


def test_a_release_that_fails_leaves_the_last_one_alone(
    candidate: Path, twin: Path, trained: Path, prepared: Path, tmp_path: Path
) -> None:
    out = tmp_path / "models"
    out.mkdir()
    (out / "mask.tflite").write_bytes(b"the last one")
    (twin.parent / "calibration.csv").unlink()
    with pytest.raises(UsageError, match=r"calibration\.csv: the list of faces .* is missing"):
        release(candidate, trained / "mask.keras", prepared, out, gates=open_gates(tmp_path), shipped=twin)
    assert [p.name for p in out.iterdir()] == ["mask.tflite"]
    assert (out / "mask.tflite").read_bytes() == b"the last one"


def test_an_operation_left_in_float_is_refused() -> None:
    import tensorflow as tf  # noqa: PLC0415  takes seconds to import

    function = tf.function(lambda x: x * 2.0, input_signature=[tf.TensorSpec((1, 4, 4, 3))])
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function()], tf.Module()
    )
    with pytest.raises(ModelError, match="still floating point"):
        require_int8(converter.convert())


def test_wrong_weights_are_named(prepared: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.h5: no such weights"):
        train(prepared, str(tmp_path / "none.h5"), tmp_path / "run", RECIPES["default"])
    (tmp_path / "bad.h5").write_bytes(b"nothing")
    with pytest.raises(UsageError, match=r"bad\.h5: can't be loaded"):
        train(prepared, str(tmp_path / "bad.h5"), tmp_path / "run2", RECIPES["default"])
