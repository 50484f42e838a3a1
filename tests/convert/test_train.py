"""Training, with TensorFlow, on flat pictures: each has its own brightness, so that it is known again."""

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

from convert import distributed, network
from convert.batches import batches, plain_arrays
from convert.dataset import load
from convert.recipes import RECIPES
from convert.records import Record, write_manifest
from convert.train import train
from edge.errors import UsageError

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),  # two machines on one, when that is busy, mostly wait for each other
    # TensorFlow 2.15 and its dependencies warn of each other
    pytest.mark.filterwarnings("ignore"),
]

RECIPE = replace(RECIPES["default"], batch=8, averaging=0.9, dropout=0.5, label_smoothing=0.0)
FACES = 40

PROGRAM = """
import json, sys
from dataclasses import replace
from pathlib import Path
import tensorflow as tf
from convert.augment import plain
from convert.recipes import RECIPES
from convert.train import train

data, out, devices = sys.argv[1:]
shown = []

def noted(picture, box, size, rng):
    shown.append(int(picture[0, 0, 0]))
    return plain(picture, box, size, rng)

cpu = tf.config.list_physical_devices("CPU")[0]
if int(devices) > 1:
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * int(devices))
recipe = replace(RECIPES["default"], batch=8, averaging=0.9, weighted=False, augment=noted)
train(Path(data), "random", Path(out), recipe, epochs=1)
print(json.dumps(shown))
"""


def make_data(out: Path, faces: int = FACES) -> Path:
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
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("train") / "data")


@pytest.fixture(scope="module")
def unbroken(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("unbroken")
    train(data, "random", out, RECIPE, epochs=2)
    return out


def history(run: Path) -> list[dict[str, str]]:
    with (run / "history.csv").open(newline="") as f:
        return list(csv.DictReader(f))


def weights(run: Path) -> Iterator[np.ndarray]:
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


def test_the_devices_parts_of_a_batch_are_the_batch(data: Path) -> None:
    epoch = batches(load(data), RECIPE, seed=5, epoch=1)
    whole, labels = epoch.part(1)
    parts = [epoch.part(1, replica, 3) for replica in range(3)]
    assert [len(x) for x, _ in parts] == [3, 3, 2]
    assert np.array_equal(np.concatenate([x for x, _ in parts]), whole)
    assert np.array_equal(np.concatenate([y for _, y in parts]), labels)
    other, _ = batches(load(data), RECIPE, seed=5, epoch=2).part(1)
    assert not np.array_equal(other, whole)


def test_a_run_that_was_killed_ends_as_one_that_was_not(unbroken: Path, data: Path, tmp_path: Path) -> None:
    program = PROGRAM.replace("augment=noted", "dropout=0.5, label_smoothing=0.0")
    program = program.replace("weighted=False, ", "").replace("epochs=1", "epochs=2")
    process = start(program, str(data), str(tmp_path), "1")
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

    train(data, "random", tmp_path, RECIPE, epochs=2, resume=True)
    assert history(tmp_path) == history(unbroken)
    for one, other in zip(weights(tmp_path), weights(unbroken), strict=True):
        assert np.array_equal(one, other)


def test_the_mean_of_the_weights_is_what_is_validated_and_saved(unbroken: Path, data: Path) -> None:
    arrays = plain_arrays(load(data), "val")
    assert arrays is not None
    x, y = arrays
    logit = network.load(unbroken / "mask.keras").predict(x, verbose=0).astype(np.float64)
    loss = np.mean(np.logaddexp(0.0, logit) - y * logit)
    assert float(history(unbroken)[-1]["val_loss"]) == pytest.approx(loss, rel=1e-4)


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


def test_to_go_on_with_something_else_is_refused_by_name(unbroken: Path, data: Path, tmp_path: Path) -> None:
    before = (unbroken / "train.json").read_bytes()
    assert json.loads(before)["recipe"]["averaging"] == 0.9
    with pytest.raises(UsageError, match=r"seed was 2026, now 1\. --resume"):
        train(data, "random", unbroken, RECIPE, epochs=2, seed=1, resume=True)
    with pytest.raises(UsageError, match=r"otherwise: recipe\.epochs was 2, now 18\. --resume"):
        train(data, "random", unbroken, RECIPE, resume=True)
    with pytest.raises(UsageError, match=r"recipe\.name was default, now talk"):
        train(data, "random", unbroken, RECIPES["talk"], epochs=2, resume=True)
    with pytest.raises(UsageError, match=r"otherwise: dataset_sha256 was \w+, now \w+\. --resume"):
        train(make_data(tmp_path / "more", 41), "random", unbroken, RECIPE, epochs=2, resume=True)
    (tmp_path / "w.h5").write_bytes(b"w")
    with pytest.raises(UsageError, match=r"otherwise: weights was random, now \w{64}\. --resume"):
        train(data, str(tmp_path / "w.h5"), unbroken, RECIPE, epochs=2, resume=True)
    with pytest.raises(UsageError, match="go on with --resume"):
        train(data, "random", unbroken, RECIPE, epochs=2)
    assert (unbroken / "train.json").read_bytes() == before
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(UsageError, match=r"train\.json: can't be read"):
        train(data, "random", tmp_path, RECIPE, resume=True)


def faces_of_an_epoch(data: Path) -> Counter[int]:
    order = batches(load(data), replace(RECIPE, weighted=False), seed=2026, epoch=0).order
    assert len(set(order)) == len(order) == 32
    return Counter(int(i) for i in order)


def test_two_devices_share_the_batches(data: Path, tmp_path: Path) -> None:
    out, errors = start(PROGRAM, str(data), str(tmp_path), "2").communicate(timeout=800)
    assert out, errors
    assert Counter(json.loads(out)) == faces_of_an_epoch(data)
    assert [r["epoch"] for r in history(tmp_path)] == ["0"]
    assert all(np.isfinite(w).all() for w in weights(tmp_path))


def test_two_machines_share_the_batches_and_the_chief_writes(data: Path, tmp_path: Path) -> None:
    places = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    cluster = {"worker": [f"127.0.0.1:{s.getsockname()[1]}" for s in places]}
    for s in places:
        s.close()
    machines = [
        start(
            PROGRAM,
            str(data),
            str(tmp_path / "out"),
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
    assert shown[0] + shown[1] == faces_of_an_epoch(data)
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
