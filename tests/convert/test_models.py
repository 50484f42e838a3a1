"""The released models of this checkout: they are what their contracts and golden vectors say."""

import json
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from convert.export.artifact import interpreter_of, require_int8
from convert.release.model_card import write_card
from edge.model.classifier import MaskClassifier
from edge.model.contract import load_contract
from edge.model.detector import FaceDetector
from edge.model.golden import check_golden
from edge.model.runtime import Model, find_runtime
from edge.values import Box

INT8 = ("mask", "face", "face-480x352")
FLOAT = ("face-float", "face-480x352-float")
TFLITE_STEPS = {"mask": 16, "face": 64, "face-480x352": 64}
"""tflite-runtime's int8 kernels round in other places than LiteRT's: how many of 256 steps that may cost."""
TFLITE_MEAN_STEPS = {"mask": 16, "face": 8, "face-480x352": 8}


@pytest.mark.parametrize("name", INT8)
def test_golden_vectors_are_exact_on_litert(name: str, models: Path) -> None:
    model = Model(models / f"{name}.tflite", find_runtime("litert"))
    golden = np.load(models / f"{name}.golden.npz")
    assert len(golden["input"]) >= 2
    for i, x in enumerate(golden["input"]):
        outputs = model.run(x)
        assert len(outputs) == len(golden.files) - 1
        for k, y in enumerate(outputs):
            np.testing.assert_array_equal(y, golden[f"output_{k}"][i])


@pytest.mark.slow
@pytest.mark.parametrize("name", INT8)
def test_golden_vectors_are_close_on_tflite_runtime(name: str, models: Path) -> None:
    golden = np.load(models / f"{name}.golden.npz")
    model = Model(models / f"{name}.tflite", find_runtime("tflite"))
    for i, x in enumerate(golden["input"]):
        for k, y in enumerate(model.run(x)):
            difference = np.abs(y.astype(int) - golden[f"output_{k}"][i].astype(int))
            assert difference.max() <= TFLITE_STEPS[name]
            assert difference.mean() <= TFLITE_MEAN_STEPS[name]


@pytest.mark.parametrize("name", INT8)
def test_raw_pixels_go_in_and_nothing_is_floating_point(name: str, models: Path) -> None:
    contract = load_contract(models / f"{name}.tflite")
    assert (contract.input.dtype, contract.input.zero_point) == ("uint8", 0)
    assert contract.input.scale == pytest.approx(1.0, abs=1e-6)
    assert {o.dtype for o in contract.outputs} == {"int8"}
    content = (models / f"{name}.tflite").read_bytes()
    require_int8(content)
    assert len(interpreter_of(content).get_tensor_details()) > 20


@pytest.mark.parametrize("name", FLOAT)
def test_the_float_detector_takes_the_same_pixels_and_finds_the_same_faces(name: str, models: Path) -> None:
    floating, int8 = (
        FaceDetector(models / f"{name}.tflite"),
        FaceDetector(models / f"{name.removesuffix('-float')}.tflite"),
    )
    contract = floating.contract
    assert (contract.input.dtype, contract.channel_order) == ("uint8", "RGB")
    assert {o.dtype for o in contract.outputs} == {"float32"}
    assert check_golden(models / f"{name}.tflite", find_runtime()) == 1
    (one,), (other,) = (d.find(data.astronaut()) for d in (floating, int8))
    assert one.box.iou(other.box) > 0.9
    assert one.score == pytest.approx(other.score, abs=0.03)


def test_the_released_detector_sees_more_than_yunet_on_photos_held_back(models: Path) -> None:
    report = json.loads((models / "face.report.json").read_text())["models"]
    mine, yunet = report["face"], report["YuNet 2023mar"]
    for photos in ("held_back", "other"):
        assert mine[photos]["ap_0.3"]["value"] > yunet[photos]["ap_0.3"]["value"]
        assert mine[photos]["recall_masked"]["value"] > yunet[photos]["recall_masked"]["value"] + 0.02
    assert mine["sha256"] == load_contract(models / "face.tflite").sha256
    assert FaceDetector(models / "face.tflite").score_threshold == mine["threshold"]


def test_the_mask_model_was_calibrated_and_measured(models: Path) -> None:
    contract = load_contract(models / "mask.tflite")
    assert contract.positive_class == "masked"
    assert contract.figures["test"]["accuracy"] > 0.95
    assert contract.figures["test"]["roc_auc"] > 0.95


def test_a_drawn_mask_is_told_from_a_drawn_mouth(models: Path) -> None:
    classifier = MaskClassifier(models / "mask.tflite")
    masked, bare = np.load(models / "mask.golden.npz")["input"][:2]
    assert classifier.score_input(masked).probability > classifier.score_input(bare).probability


@pytest.mark.slow
@pytest.mark.parametrize("runtime", ["litert", "tflite"])
def test_an_uncovered_portrait_is_not_masked(runtime: str, models: Path) -> None:
    face = FaceDetector(models / "face.tflite", find_runtime(runtime)).find(data.astronaut())[0]
    score = MaskClassifier(models / "mask.tflite", find_runtime(runtime)).score(data.astronaut(), face.box)
    assert score.probability < 0.1


def test_a_mirrored_look_is_one_at_the_mirror_image(models: Path) -> None:
    classifier, picture = MaskClassifier(models / "mask.tflite"), data.astronaut()
    face = Box(181.4, 65.8, 267.3, 179.1)
    width = picture.shape[1]
    other_side = Box(width - face.x2, face.y1, width - face.x1, face.y2)
    flipped = classifier.score(np.ascontiguousarray(picture[:, ::-1]), other_side)
    assert classifier.score(picture, face, mirrored=True) == flipped != classifier.score(picture, face)


@pytest.mark.slow
@pytest.mark.parametrize("runtime", ["litert", "tflite"])
def test_the_detector_draws_the_box_that_the_published_one_draws(runtime: str, models: Path) -> None:
    # What cv2.FaceDetectorYN finds with the float ONNX file, letterboxed alike and scaled back
    wanted, wanted_score = Box(181.4, 65.8, 267.3, 179.1), 0.9377
    face = FaceDetector(models / "face.tflite", find_runtime(runtime)).find(data.astronaut())[0]
    assert face.box.iou(wanted) > 0.9
    assert face.score == pytest.approx(wanted_score, abs=0.05)
    x, y = face.landmarks[2]
    assert Box(210, 110, 245, 145).intersection(Box(x, y, x + 1, y + 1)) == 1  # the nose


def test_the_card_is_the_one_that_the_reports_give(models: Path, tmp_path: Path) -> None:
    for path in models.iterdir():
        if path.name != "README.md":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    write_card(tmp_path)
    assert (tmp_path / "README.md").read_text() == (models / "README.md").read_text()


def test_the_third_party_licence_is_beside_what_it_covers(models: Path) -> None:
    assert "Copyright (c) 2020 Shiqi Yu" in (models / "LICENSE.yunet").read_text()
