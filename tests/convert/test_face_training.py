"""The face detector's training, on a network and photos that are small."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from small_yunet import STRIDES, write_small_yunet

from convert.cli import main
from convert.export.artifact import drawn_faces
from convert.face.assignment import assign, cells
from convert.face.losses import TERMS, decode_boxes, face_loss
from convert.face.network import HEADS, mean_weights, original, save_weights, with_weights
from convert.face.recipe import FaceRecipe
from convert.face.release import REPORT
from convert.face.run import rate_at
from convert.face.train import train_face
from convert.release.model_card import write_card
from edge.errors import ModelError, UsageError
from edge.model.contract import load_contract
from edge.model.detector import FaceDetector
from edge.model.golden import check_golden
from edge.model.runtime import find_runtime

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
GRID = cells(64)
FACE = np.array([[[16.0, 16, 48, 52]]], np.float32)


@pytest.fixture(scope="module")
def onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_yunet(tmp_path_factory.mktemp("small") / "small.onnx")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("photos")
    (root / "images").mkdir()
    entries = []
    for i, picture in enumerate(drawn_faces(96, 128, 14)):
        cv2.imwrite(str(root / f"images/{i:02}.png"), picture[..., ::-1])
        box = {"box": [36, 8, 92, 90], "label": ("mask", "no_mask")[i % 2]}
        entries.append({"file": f"images/{i:02}.png", "boxes": [box]})
    (root / "annotations.json").write_text(json.dumps(entries))
    return root


def test_rgb_pictures_give_what_the_file_gives_for_bgr(onnx: Path) -> None:
    network = original(onnx)
    image = np.random.default_rng(1).uniform(0, 255, (2, 64, 96, 3)).astype(np.float32)
    wanted = network.graph.run(np.ascontiguousarray(image[..., ::-1]), logits=True)
    found = network.outputs(image, network.weights)
    assert set(found) == set(HEADS)
    for head in HEADS:
        joined = np.concatenate([wanted[f"{head}_{s}"] for s in STRIDES], axis=1)
        np.testing.assert_allclose(found[head], joined.reshape(found[head].shape), rtol=1e-4, atol=1e-4)


def test_what_comes_before_stride_8_is_not_trained(onnx: Path) -> None:
    trained = original(onnx).trained()
    assert not [n for n in trained if n.startswith(("stem", "low"))]
    assert "mid_8.weight" in trained
    assert "kps_32.c.bias" in trained


def test_weights_come_back_and_others_are_refused(onnx: Path, tmp_path: Path) -> None:
    network = original(onnx)
    paths = []
    for n in (1.0, 3.0):
        paths.append(tmp_path / f"{n}.npz")
        save_weights(paths[-1], {k: network.weights[k] * n for k in network.trained()})
    save_weights(tmp_path / "mean.npz", mean_weights(paths))
    read = with_weights(network, tmp_path / "mean.npz")
    np.testing.assert_allclose(read.weights["mid_8.weight"], network.weights["mid_8.weight"] * 2, rtol=1e-6)
    np.testing.assert_array_equal(read.weights["stem.weight"], network.weights["stem.weight"])
    save_weights(tmp_path / "other.npz", {"a": np.zeros(3, np.float32)})
    with pytest.raises(UsageError, match="holds other weights than YuNet's"):
        with_weights(network, tmp_path / "other.npz")
    with pytest.raises(UsageError, match=r"none\.npz: no trained weights there"):
        with_weights(network, tmp_path / "none.npz")


def boxes_on(face: NDArray[Any]) -> NDArray[Any]:
    """(1, cells, 4): every cell says exactly this face."""
    return np.repeat(face[:, :1], len(GRID), axis=1).astype(np.float32)


def test_a_face_goes_to_cells_near_its_middle_and_none_to_what_is_only_padding() -> None:
    faces = np.concatenate([FACE, np.zeros_like(FACE)], axis=1)
    scores = np.full((1, len(GRID)), 0.5, np.float32)
    ignored = np.zeros((1, 1, 4), np.float32)
    real = np.array([[True, False]])
    face, has, silent = (t.numpy() for t in assign(boxes_on(FACE), scores, faces, real, ignored, GRID))
    assert 1 <= has.sum() <= 10 + len(GRID) // 4
    x, y = ((GRID[:, i] + 0.5) * GRID[:, 2] for i in (0, 1))
    assert ((x > 16) & (x < 48) & (y > 16) & (y < 52))[has[0]].all()
    assert (face[0][has[0]] == 0).all()
    assert not silent.any()
    _, has, _ = assign(boxes_on(FACE), scores, faces, np.zeros((1, 2), bool), ignored, GRID)
    assert not has.numpy().any()


def test_cells_of_an_ignored_region_learn_nothing_but_a_face_in_it_is_learned() -> None:
    scores, apart = np.full((1, len(GRID)), 0.5, np.float32), np.zeros((1, len(GRID), 4), np.float32)
    region = np.array([[[0.0, 0, 64, 64]]], np.float32)
    _, has, silent = assign(apart, scores, FACE, np.zeros((1, 1), bool), region, GRID)
    assert silent.numpy().all()
    _, has, silent = assign(boxes_on(FACE), scores, FACE, np.ones((1, 1), bool), region, GRID)
    assert has.numpy().any()
    assert not (has.numpy() & silent.numpy()).any()


def perfect(face: NDArray[Any], points: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """What a network would give that knows the face."""
    stride = GRID[:, 2:]
    middle, size = (face[0, 0, :2] + face[0, 0, 2:]) / 2, face[0, 0, 2:] - face[0, 0, :2]
    bbox = np.concatenate([middle / stride - GRID[:, :2], np.log(size / stride)], axis=1)
    kps = (points / stride[:, :, None] - GRID[:, None, :2]).reshape(len(GRID), 10)
    return {
        "bbox": bbox[None].astype(np.float32),
        "kps": kps[None].astype(np.float32),
        "cls": np.full((1, len(GRID)), 9.0, np.float32),
        "obj": np.full((1, len(GRID)), -9.0, np.float32),
    }


def test_boxes_are_decoded_as_on_the_device() -> None:
    points = np.linspace(20, 44, 10).reshape(5, 2)
    boxes = decode_boxes(perfect(FACE, points)["bbox"], GRID).numpy()
    np.testing.assert_allclose(boxes, boxes_on(FACE), atol=1e-3)


def test_each_term_falls_where_the_network_is_right_and_unknown_landmarks_cost_nothing() -> None:
    points = np.linspace(20, 44, 10).reshape(5, 2)
    known, unknown = points[None, None].astype(np.float32), np.full((1, 1, 5, 2), np.nan, np.float32)
    real, nothing = np.ones((1, 1), bool), np.zeros((1, 1, 4), np.float32)
    good = perfect(FACE, points)
    terms = {k: float(v) for k, v in face_loss(good, FACE, known, real, nothing, GRID).items()}
    assert set(terms) == set(TERMS)
    assert terms["box"] < 1e-3
    assert terms["points"] < 1e-3
    assert terms["score"] < 0.01
    moved = {**good, "bbox": good["bbox"] + 0.5, "kps": good["kps"] + 1, "cls": -good["cls"]}
    worse = {k: float(v) for k, v in face_loss(moved, FACE, known, real, nothing, GRID).items()}
    assert worse["box"] > 0.1
    assert worse["points"] > 0.1
    assert worse["score"] > 1
    assert float(face_loss(moved, FACE, unknown, real, nothing, GRID)["points"]) == 0.0
    empty = face_loss(good, FACE, unknown, np.zeros((1, 1), bool), nothing, GRID)
    assert all(np.isfinite(float(v)) for v in empty.values())
    assert float(empty["box"]) == 0.0


def test_the_rate_rises_and_falls() -> None:
    recipe = FaceRecipe(steps=100, warmup=10, rate=1.0, last_rate=0.1)
    rates = [rate_at(s, recipe) for s in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] or max(rates) == rates[10]
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] == pytest.approx(0.1, abs=0.01)


@pytest.mark.timeout(600)
def test_a_run_that_died_ends_as_one_that_did_not(
    onnx: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = FaceRecipe(steps=4, batch=2, warmup=1)
    monkeypatch.setattr("convert.face.train.SAVED_EVERY", 2)

    def run(out: Path, *, tell: object = lambda _: None, resume: bool = False) -> dict[str, NDArray[Any]]:
        path = train_face(photos, onnx, out, recipe, runs=1, resume=resume, tell=tell)  # type: ignore[arg-type]
        with np.load(path) as arrays:
            return {k: arrays[k] for k in arrays.files}

    whole = run(tmp_path / "whole")

    def die(line: str) -> None:
        if "step 2/4" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "died", tell=die)
    with pytest.raises(UsageError, match="holds an earlier run; go on with --resume"):
        run(tmp_path / "died")
    resumed = run(tmp_path / "died", resume=True)
    start = original(onnx).weights
    for name, value in whole.items():
        np.testing.assert_allclose(resumed[name], value, rtol=1e-5, atol=1e-7)
    assert any(np.abs(value - start[name]).max() > 1e-6 for name, value in whole.items())
    history = (tmp_path / "died/run-1/history.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in history] == ["step", "2", "4"]
    assert (tmp_path / "died/run-1/curves.png").stat().st_size > 1000
    longer = FaceRecipe(steps=5, batch=2, warmup=1)
    with pytest.raises(UsageError, match=r"recipe\.steps was 4, now 5"):
        train_face(photos, onnx, tmp_path / "died", longer, runs=1, resume=True, tell=lambda _: None)


@pytest.mark.timeout(600)
def test_from_photos_to_released_models(
    onnx: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build, common = tmp_path / "build", ["--photos", str(photos), "--onnx", str(onnx)]
    train = ["face", "train", *common, "--out", str(build), "--runs", "1", "--steps", "1", "--everything"]
    assert main(train) == 0
    quantize = ["face", "quantize", "--weights", str(build / "face.npz"), *common, "--out", str(build)]
    assert main(quantize) == 0
    names = ["face", "face-float", "face-480x352", "face-480x352-float"]
    assert [Path(line).stem for line in capsys.readouterr().out.splitlines()[1:]] == names
    contract = load_contract(build / "face-480x352-float.tflite")
    assert contract.channel_order == "RGB"
    assert contract.input.shape == (352, 480, 3)
    assert contract.input.dtype == "uint8"
    assert {o.dtype for o in contract.outputs} == {"float32"}
    assert check_golden(build / "face-480x352-float.tflite", find_runtime()) == 1
    model = build / "face-480x352.tflite"
    assert main(["face", "evaluate", "--model", str(model), "--photos", str(photos), "--split", "all"]) == 0
    assert "recall_masked" in capsys.readouterr().out

    for path in build.glob("face*float*"):
        path.unlink()  # half the time
    out, released = (
        tmp_path / "models",
        ["face", "release", "--measured", str(build), "--shipped", str(build)],
    )
    released += ["--original", str(build / "face.tflite"), "--photos", str(photos), "--other", str(photos)]
    assert main([*released, "--out", str(out)]) == 0
    report = json.loads((out / REPORT).read_text())
    assert set(report["models"]) == {"YuNet 2023mar", "face", "face-480x352"}
    contract = load_contract(out / "face.tflite")
    assert contract.threshold == report["models"]["face"]["threshold"]
    assert FaceDetector(out / "face.tflite").score_threshold == contract.threshold
    assert FaceDetector(out / "face.tflite", score_threshold=0.9).score_threshold == 0.9
    assert contract.figures["held_back"]["ap_0.3"] == report["models"]["face"]["held_back"]["ap_0.3"]["value"]
    card = (out / "README.md").read_text()
    assert contract.model_id in card
    assert "for validation only" in card
    write_card(out)
    assert (out / "README.md").read_text() == card


def test_a_model_that_sees_less_than_yunet_is_not_released() -> None:
    from convert.face.release import _require_better  # noqa: PLC0415

    def figures(ap: float) -> dict[str, object]:
        one = {"ap_0.3": {"value": ap}, "recall_masked": {"value": None}}
        return {"held_back": one, "other": one}

    _require_better("face", figures(0.9), figures(0.9))
    with pytest.raises(ModelError, match=r"face: ap_0\.3 on photos held back is 0\.8, YuNet's 0\.9"):
        _require_better("face", figures(0.8), figures(0.9))


def test_what_is_missing_is_said(onnx: Path, photos: Path, tmp_path: Path) -> None:
    argv = ["face", "release", "--measured", str(tmp_path), "--shipped", str(tmp_path), "--original", "x"]
    assert main([*argv, "--photos", str(photos), "--other", str(photos), "--out", str(tmp_path)]) == 2
    argv = ["face", "quantize", "--weights", str(tmp_path / "face.npz"), "--photos", str(photos)]
    assert main([*argv, "--onnx", str(onnx), "--out", str(tmp_path)]) == 2
    argv = ["face", "evaluate", "--model", str(tmp_path / "x.tflite"), "--photos", str(photos)]
    assert main([*argv, "--split", "some"]) == 2
    assert main(argv) == 78
