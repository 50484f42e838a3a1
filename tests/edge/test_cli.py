"""The commands as people type them: what they print, where, and their exit codes."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from skimage import data

from edge.config import SHIPPED_MODELS
from edge.demo.clip.visits import VISITS
from edge.demo.run import CLIP

PORTRAIT = data.astronaut()
FACE_KEYS = {"box", "detector_score", "mask_probability", "verdict"}


def maskgate(*args: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edge.cli", *map(str, args)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=100, env={**os.environ, **environment}
    )


def write(path: Path, image: np.ndarray[Any, Any]) -> Path:
    cv2.imwrite(str(path), image[..., ::-1])
    return path


def write_config(path: Path, text: str) -> Path:
    path.write_text(f'[outbox]\npath = "{path.parent / "outbox.sqlite"}"\n{text}')
    return path


@pytest.fixture(scope="module")
def short_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a bare face."""
    path = tmp_path_factory.mktemp("clip") / "bare.avi"
    out = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (512, 512))
    for n in range(20):
        out.write(np.roll(PORTRAIT, n, axis=1)[..., ::-1].copy())
    out.release()
    return path


def test_detect_prints_one_object_a_picture(tmp_path: Path) -> None:
    bare = write(tmp_path / "a.png", PORTRAIT)
    empty = write(tmp_path / "b.png", np.full((240, 320, 3), 90, dtype=np.uint8))
    done = maskgate("detect", "--jsonl", bare, empty)
    assert done.returncode == 0, done.stderr
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert second == {"file": str(empty), "width": 320, "height": 240, "faces": []}
    assert (first["file"], first["width"], first["height"]) == (str(bare), 512, 512)
    (face,) = first["faces"]
    assert set(face) == FACE_KEYS
    x1, y1, x2, y2 = face["box"]
    assert (150 < x1 < 200, 240 < x2 < 290) == (True, True)
    assert (50 < y1 < 110, 160 < y2 < 230) == (True, True)
    assert face["verdict"] == "not_masked"
    assert 0 <= face["mask_probability"] < 0.5
    assert 0.6 <= face["detector_score"] <= 1
    assert "2/2 pictures" in done.stderr


def test_detect_names_what_it_cannot_read_and_goes_on(tmp_path: Path) -> None:
    (tmp_path / "0.jpg").write_bytes(b"not a picture")
    write(tmp_path / "1.png", PORTRAIT)
    done = maskgate("detect", "--jsonl", tmp_path, tmp_path / "missing.png")
    assert done.returncode == 1
    assert [json.loads(line)["file"] for line in done.stdout.splitlines()] == [str(tmp_path / "1.png")]
    assert f"{tmp_path / '0.jpg'}: not a readable picture" in done.stderr
    assert str(tmp_path / "missing.png") in done.stderr
    assert "2 of 3 pictures could not be read" in done.stderr


def test_detect_never_judges_a_face_that_is_too_small(tmp_path: Path) -> None:
    small = cv2.resize(PORTRAIT, (80, 80), interpolation=cv2.INTER_AREA)
    canvas = np.full((120, 160, 3), 90, dtype=np.uint8)
    canvas[20:100, 40:120] = small
    done = maskgate("detect", "--jsonl", write(tmp_path / "a.png", canvas))
    assert [f["verdict"] for f in json.loads(done.stdout)["faces"]] == ["cannot_judge"]
    told = maskgate("detect", tmp_path / "a.png")
    assert "too small" in told.stdout


def test_replay_prints_the_events_that_would_be_published() -> None:
    done = maskgate("replay", "--jsonl", CLIP)
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [int(e["sequence"]) for e in events] == list(range(1, len(events) + 1))
    assert len({e["id"] for e in events}) == len(events)
    assert {e["specversion"] for e in events} == {"1.0"}
    opened = [e for e in events if e["type"] == "violation.opened"]
    closed = [e for e in events if e["type"] == "violation.closed"]
    assert [e["data"]["violation"] for e in opened] == [e["data"]["violation"] for e in closed]
    assert events[-1]["type"] == "summary"
    assert events[-1]["data"]["people"] == len(VISITS)
    assert all(e["time"].startswith("1970-01-01T00:00:") for e in events)


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["replay", "missing.mp4"], 2, "missing.mp4: no such clip"),
        (["run", "--source", "missing.mp4"], 2, "missing.mp4"),
        (["run", "--source", "gopher://camera"], 2, "gopher"),
        (["run", "--config", "missing.toml"], 78, "missing.toml: no such file"),
        (["config", "--check", "missing.toml"], 78, "missing.toml: no such file"),
        (["paint"], 2, "invalid choice: 'paint'"),
    ],
)
def test_a_wrong_command_line_is_answered_with_what_is_wrong(args: list[str], code: int, words: str) -> None:
    done = maskgate(*args)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_clip_without_pictures_is_named(tmp_path: Path) -> None:
    clip = tmp_path / "broken.mp4"
    clip.write_bytes(b"\0" * 1000)
    for args in (
        ["replay", clip],
        ["run", "--config", write_config(tmp_path / "c.toml", ""), "--source", clip],
    ):
        done = maskgate(*args)
        assert done.returncode == 1
        assert str(clip) in done.stderr
        assert "Traceback" not in done.stderr


def test_every_mistake_in_the_configuration_is_named_at_once(tmp_path: Path) -> None:
    config = tmp_path / "gate.toml"
    config.write_text('[camera]\nsorce = "/dev/video0"\nfps = 0\n')
    done = maskgate("run", "--config", config)
    assert done.returncode == 78
    assert "gate.toml: 2 mistakes" in done.stderr
    assert "camera.sorce: unknown key. Allowed here: source" in done.stderr
    assert "camera.fps: found 0" in done.stderr


def test_the_printed_configuration_is_accepted(tmp_path: Path) -> None:
    config = tmp_path / "gate.toml"
    config.write_text(maskgate("config").stdout)
    done = maskgate("config", "--check", config)
    assert (done.returncode, done.stdout) == (0, f"{config}: fine\n")


def test_a_model_that_is_missing_or_damaged_is_refused(tmp_path: Path) -> None:
    picture = write(tmp_path / "a.png", PORTRAIT)
    model = tmp_path / "mask.tflite"
    config = write_config(tmp_path / "c.toml", f'[models]\nmask = "{model}"\n')
    done = maskgate("detect", "--config", config, picture)
    assert done.returncode == 78
    assert f"{model}: no such model file" in done.stderr
    for suffix in (".tflite", ".json"):
        shutil.copy(SHIPPED_MODELS / f"mask{suffix}", tmp_path)
    model.write_bytes(model.read_bytes()[:-100])
    done = maskgate("detect", "--config", config, picture)
    assert done.returncode == 78
    assert "sha256" in done.stderr
    assert str(model) in done.stderr


def test_without_a_broker_nothing_is_lost(tmp_path: Path, short_clip: Path) -> None:
    with socket.socket() as taken:  # bound, never listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        config = write_config(tmp_path / "c.toml", f"[mqtt]\nport = {taken.getsockname()[1]}\n")
        done = maskgate("run", "--config", config, "--source", short_clip)
    assert done.returncode == 0, done.stderr
    assert "1 violations" in done.stdout
    assert "3 events wait in" in done.stderr
    assert "refused" in done.stderr


def test_a_device_without_a_camera_waits_and_ends_when_told(tmp_path: Path) -> None:
    config = write_config(tmp_path / "c.toml", '[camera]\nsource = "/dev/video99"\n')
    process = subprocess.Popen(
        [sys.executable, "-m", "edge.cli", "run", "--config", str(config)], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    told = next(line for line in process.stderr if "/dev/video99" in line)
    assert "no such" in told.lower()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 0
