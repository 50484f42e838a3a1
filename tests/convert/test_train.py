"""Training, with TensorFlow: what a run leaves, how it goes on, and who sees which faces."""

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from convert.cli import main
from convert.data.dataset import load
from convert.data.records import Record, write_manifest
from convert.training import distributed, network
from convert.training.batches import batches, plain_arrays
from convert.training.recipes import RECIPES
from convert.training.run_record import require_same, run_record
from convert.training.train import train
from edge.errors import UsageError

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),  # two machines on one, when that is busy, mostly wait for each other
    # TensorFlow 2.15 and its dependencies warn of each other
    pytest.mark.filterwarnings("ignore"),
]

RECIPE = RECIPES["default"]
CLI = "import sys; from convert.cli import main; sys.exit(main(sys.argv[1:]))"
SHARED_OUT = """
import json, sys
from dataclasses import replace
from pathlib import Path
import tensorflow as tf
from convert.training.augment import plain
from convert.training.recipes import RECIPES
from convert.training.train import train

data, out, name, devices = sys.argv[1:]
shown = []

def noted(picture, box, size, rng):
    shown.append(int(picture[0, 0, 0]))
    return plain(picture, box, size, rng)

cpu = tf.config.list_physical_devices("CPU")[0]
if int(devices) > 1:
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * int(devices))
recipe = replace(RECIPES[name], batch=8, weighted=False, augment=noted)
train(Path(data), "random", Path(out), recipe, epochs=1)
print(json.dumps(shown))
"""
"""One epoch of some recipe on some devices; prints who was shown."""


def make_data(out: Path, faces: int) -> Path:
    """Flat pictures: each has its own brightness, so that it is known again."""
    out.mkdir()
    records = [
        Record(
            path=Path(f"{i}.png"),
            label=("masked", "not_masked")[i % 2],
            source="a",
            group=str(i),
            sha256=f"{i:064x}",
            split="val" if i % 5 == 4 else "train",
        )
        for i in range(faces)
    ]
    write_manifest(records, out / "manifest.csv")
    shape = (faces, 128, 128, 3)
    np.save(out / "faces.npy", np.broadcast_to(np.arange(faces, dtype=np.uint8)[:, None, None, None], shape))
    np.save(out / "boxes.npy", np.tile(np.array([0.2, 0.2, 0.8, 0.8], dtype=np.float32), (faces, 1)))
    np.save(out / "points.npy", np.full((faces, 5, 2), np.nan, dtype=np.float32))
    return out


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("train") / "data", 40)


def history(run: Path) -> list[dict[str, str]]:
    with (run / "history.csv").open(newline="") as f:
        return list(csv.DictReader(f))


def weights(run: Path) -> Iterator[NDArray[np.float32]]:
    yield from network.load(run / "mask.keras").get_weights()


def start(program: str, *argv: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *argv],
        cwd=Path(__file__).parents[2],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_devices_parts_of_a_batch_are_the_batch(flat: Path) -> None:
    recipe = replace(RECIPE, batch=8)
    epoch = batches(load(flat), recipe, seed=5, epoch=1)
    whole, labels = epoch.part(1)
    parts = [epoch.part(1, replica, 3) for replica in range(3)]
    assert [len(x) for x, _ in parts] == [3, 3, 2]
    assert np.array_equal(np.concatenate([x for x, _ in parts]), whole)
    assert np.array_equal(np.concatenate([y for _, y in parts]), labels)
    other, _ = batches(load(flat), recipe, seed=5, epoch=2).part(1)
    assert not np.array_equal(other, whole)


def test_a_run_that_was_killed_ends_as_one_that_was_not(
    trained: Path, prepared: Path, tmp_path: Path
) -> None:
    argv = ["train", "--data", str(prepared), "--weights", "random", "--out", str(tmp_path), "--epochs", "2"]
    process = start(CLI, *argv)
    watchdog = threading.Timer(800, process.kill)
    watchdog.start()
    assert process.stderr is not None
    seen = []
    for line in process.stderr:  # a step of epoch 2 is announced after the checkpoint of epoch 1
        seen.append(line)
        if line.startswith("epoch 2/2 step"):
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()
    watchdog.cancel()
    assert process.returncode == -signal.SIGKILL, "".join(seen)
    assert not (tmp_path / "mask.keras").exists()

    assert main([*argv, "--resume"]) == 0
    assert history(tmp_path) == history(trained)
    for one, other in zip(weights(tmp_path), weights(trained), strict=True):
        assert np.array_equal(one, other)


def test_a_run_leaves_its_figures_curves_and_record(trained: Path) -> None:
    rows = history(trained)
    assert [r["epoch"] for r in rows] == ["0", "1"]
    assert all(np.isfinite(float(r["val_loss"])) for r in rows)
    recipe = json.loads((trained / "train.json").read_text())["recipe"]
    assert (recipe["name"], recipe["epochs"], recipe["augment"]) == ("default", 2, "as_people_stand")
    assert (trained / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_the_mean_of_the_weights_is_what_is_validated_and_saved(trained: Path, prepared: Path) -> None:
    import tensorflow as tf  # noqa: PLC0415  takes seconds to import

    saved = network.load(trained / "mask.keras")
    kept = tf.train.load_checkpoint(str(trained / "checkpoints"))
    shapes = kept.get_variable_to_shape_map()
    logit = {name: kept.get_tensor(name) for name, shape in shapes.items() if shape == [1280, 1]}
    (mean,), (raw,) = ([v for k, v in logit.items() if k.startswith(p)] for p in ("average/", "model/"))
    assert np.array_equal(saved.get_layer("logit").kernel.numpy(), mean)
    assert not np.array_equal(mean, raw)

    arrays = plain_arrays(load(prepared), "val")
    assert arrays is not None
    x, y = arrays[0], arrays[1] * (1 - RECIPE.label_smoothing) + RECIPE.label_smoothing / 2
    said = saved.predict(x, verbose=0).astype(np.float64)
    loss = np.mean(np.logaddexp(0.0, said) - y * said)
    assert float(history(trained)[-1]["val_loss"]) == pytest.approx(loss, rel=1e-4)


def test_the_mean_follows_all_weights_with_a_warm_up() -> None:
    from tensorflow import keras  # noqa: PLC0415  takes seconds to import

    strategy = distributed.strategy()
    model = keras.Sequential([keras.layers.Dense(2, input_shape=(2,)), keras.layers.BatchNormalization()])
    model.compile("sgd", "mse")
    average = distributed.Average(strategy, model, 0.15)
    mean = [w.copy() for w in model.get_weights()]
    for step, keep in enumerate((0.1, 0.15, 0.15)):  # (1 + step) / (10 + step), at most 0.15
        model.set_weights([w + step + 1.0 for w in model.get_weights()])
        model.optimizer.iterations.assign(step + 1)
        average.follow()
        mean = [keep * m + (1 - keep) * w for m, w in zip(mean, model.get_weights(), strict=True)]
    assert len(mean) == 6  # kernel, bias, gamma, beta, and BatchNorm's two statistics
    for one, other in zip(average.model.get_weights(), mean, strict=True):
        assert np.allclose(one, other, rtol=1e-6)


def test_to_go_on_with_something_else_is_refused_by_name(
    trained: Path, prepared: Path, tmp_path: Path
) -> None:
    before = (trained / "train.json").read_bytes()
    with pytest.raises(UsageError, match=r"seed was 2026, now 1\. --resume"):
        train(prepared, "random", trained, RECIPE, epochs=2, seed=1, resume=True)
    with pytest.raises(UsageError, match=rf"settings: recipe\.epochs was 2, now {RECIPE.epochs}\. --resume"):
        train(prepared, "random", trained, RECIPE, resume=True)
    with pytest.raises(UsageError, match=r"recipe\.name was default, now talk"):
        train(prepared, "random", trained, RECIPES["talk"], epochs=2, resume=True)
    with pytest.raises(UsageError, match=r"settings: dataset_sha256 was \w+, now \w+; places_sha256 was"):
        train(make_data(tmp_path / "more", 41), "random", trained, RECIPE, epochs=2, resume=True)
    (tmp_path / "w.h5").write_bytes(b"w")
    with pytest.raises(UsageError, match=r"other settings: weights was random, now \w{64}\. --resume"):
        train(prepared, str(tmp_path / "w.h5"), trained, RECIPE, epochs=2, resume=True)
    with pytest.raises(UsageError, match="go on with --resume"):
        train(prepared, "random", trained, RECIPE, epochs=2)
    assert (trained / "train.json").read_bytes() == before


@pytest.mark.parametrize("text", [None, "{}", "[]", '{"recipe": 1}', "{"])
def test_a_run_without_a_readable_record_is_refused(text: str | None, prepared: Path, tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    if text is not None:
        (tmp_path / "train.json").write_text(text)
    with pytest.raises(UsageError, match=r"train\.json: can't be read"):
        train(prepared, "random", tmp_path, RECIPE, resume=True)


def test_other_landmarks_are_another_dataset_but_older_records_go_on(flat: Path, tmp_path: Path) -> None:
    started = run_record(load(flat), "random", RECIPE, 1)
    (tmp_path / "train.json").write_text(json.dumps(started))
    points = load(flat).points.copy()
    points[0] = 0.5
    now = run_record(replace(load(flat), points=points), "random", RECIPE, 1)
    with pytest.raises(UsageError, match=r"other settings: places_sha256 was \w+, now \w+\. --resume"):
        require_same(tmp_path / "train.json", now)
    del started["places_sha256"]
    (tmp_path / "train.json").write_text(json.dumps(started))
    require_same(tmp_path / "train.json", now)


def faces_of_an_epoch(data: Path, name: str) -> Counter[int]:
    recipe = replace(RECIPES[name], batch=8, weighted=False)
    order = batches(load(data), recipe, seed=2026, epoch=0).order
    assert len(set(order)) == len(order) == 32
    return Counter(int(i) for i in order)


def test_two_devices_share_the_batches_of_the_talks_recipe(flat: Path, tmp_path: Path) -> None:
    out, errors = start(SHARED_OUT, str(flat), str(tmp_path), "talk", "2").communicate(timeout=800)
    assert out, errors
    assert Counter(json.loads(out)) == faces_of_an_epoch(flat, "talk")
    assert [r["epoch"] for r in history(tmp_path)] == ["0"]
    assert all(np.isfinite(w).all() for w in weights(tmp_path))
    recipe = json.loads((tmp_path / "train.json").read_text())["recipe"]
    assert (recipe["learning_rate"], recipe["warmup_epochs"], recipe["averaging"]) == (1e-5, 0, 0.0)


def test_two_machines_share_the_batches_and_the_chief_writes(flat: Path, tmp_path: Path) -> None:
    places = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    cluster = {"worker": [f"127.0.0.1:{s.getsockname()[1]}" for s in places]}
    for s in places:
        s.close()
    machines = [
        start(
            SHARED_OUT,
            str(flat),
            str(tmp_path / "out"),
            "default",
            "1",
            TF_CONFIG=json.dumps({"cluster": cluster, "task": {"type": "worker", "index": i}}),
            TMPDIR=str(tmp_path),
        )
        for i in range(2)
    ]
    answers = [m.communicate(timeout=800) for m in machines]
    assert [m.returncode for m in machines] == [0, 0], answers
    shown = [Counter(json.loads(out)) for out, _ in answers]
    assert [s.total() for s in shown] == [16, 16]
    assert shown[0] + shown[1] == faces_of_an_epoch(flat, "default")
    assert [r["epoch"] for r in history(tmp_path / "out")] == ["0"]
    names = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert names == {
        f"out/{name}"
        for name in (
            "checkpoints/checkpoint",
            "checkpoints/ckpt-1.data-00000-of-00001",
            "checkpoints/ckpt-1.index",
            "curves.png",
            "history.csv",
            "mask.keras",
            "train.json",
        )
    }
