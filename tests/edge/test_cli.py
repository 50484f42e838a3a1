"""The commands as people type them: what they print, where, and their exit codes."""

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from skimage import data

from edge.cli import configuration
from edge.cli.output import Output, OutputError
from edge.config import SHIPPED_MODELS, Config
from edge.demo.clip.script import VISITS
from edge.demo.visit_clip import CLIP
from edge.errors import ConfigError

pytestmark = pytest.mark.process

PORTRAIT = data.astronaut()
FACE_KEYS = {"box", "detector_score", "mask_probability", "verdict"}


UNPRIVILEGED = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
"""Root may read everything; without these it is like anybody else."""


def maskgate(
    *args: object, unprivileged: bool = False, **environment: str
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edge.cli", *map(str, args)]
    command = [*UNPRIVILEGED, *command] if unprivileged else command
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
    assert "2 of 3 pictures or folders could not be read" in done.stderr


def test_detect_passes_over_what_is_no_picture_and_goes_on(tmp_path: Path) -> None:
    picture = write(tmp_path / "a.png", PORTRAIT)
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "empty").mkdir()
    done = maskgate(
        "detect", "--jsonl", tmp_path / "empty", tmp_path / ("x" * 300), picture, tmp_path / "pipe.png"
    )
    assert done.returncode == 1
    assert [json.loads(line)["file"] for line in done.stdout.splitlines()] == [str(picture)]
    assert f"{tmp_path / 'empty'}: no picture in or below it" in done.stderr
    assert "xxx: can't be read: File name too long" in done.stderr
    assert f"{tmp_path / 'pipe.png'}: is neither a file nor a folder" in done.stderr
    assert "3 of 4 pictures or folders could not be read" in done.stderr


def test_what_may_not_be_read_is_named_and_the_rest_is_done(tmp_path: Path, short_clip: Path) -> None:
    locked, clip, model = tmp_path / "locked", tmp_path / "clip.avi", tmp_path / "mask.tflite"
    picture, inside = write(tmp_path / "a.png", PORTRAIT), tmp_path / "photos" / "shut"
    inside.mkdir(parents=True)
    shutil.copy(picture, tmp_path / "photos")
    locked.mkdir()
    shutil.copy(short_clip, clip)
    for suffix in (".tflite", ".json"):
        shutil.copy(SHIPPED_MODELS / f"mask{suffix}", tmp_path)
    config = write_config(tmp_path / "c.toml", f'[models]\nmask = "{model}"\n')
    shut = [locked, inside, clip, model]
    for path in shut:
        path.chmod(0)
    try:
        done = maskgate(
            "detect", "--jsonl", locked, locked / "b.png", clip, tmp_path / "photos", unprivileged=True
        )
        assert done.returncode == 1
        assert [json.loads(line)["file"] for line in done.stdout.splitlines()] == [
            str(tmp_path / "photos" / "a.png")
        ]
        for path in (locked, locked / "b.png", clip, inside):
            assert f"maskgate: {path}: can't be read: Permission denied." in done.stderr
        assert "Traceback" not in done.stderr
        for args, code, path in (
            (["replay", clip], 1, clip),
            (["replay", locked / "a.mp4"], 1, locked / "a.mp4"),
            (["run", "--source", locked / "a.mp4"], 1, locked / "a.mp4"),
            (["run", "--source", locked], 1, locked),
            (["image", "verify", clip], 2, clip),
            (["detect", "--config", config, picture], 78, model),
            (["detect", "--config", locked / "c.toml", picture], 78, locked / "c.toml"),
        ):
            done = maskgate(*args, unprivileged=True)
            assert done.returncode == code, done.stderr
            assert f"maskgate: {path}: can't be read" in done.stderr
            assert "Permission denied" in done.stderr
            assert "Traceback" not in done.stderr
    finally:
        for path in shut:
            path.chmod(0o700)


def test_an_installed_configuration_that_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(configuration, "DEFAULT_PATH", tmp_path / "absent" / "config.toml")
    assert configuration.config_of(argparse.Namespace(config=None), optional=True) == Config()
    monkeypatch.setattr(configuration, "DEFAULT_PATH", tmp_path / ("x" * 300))
    with pytest.raises(ConfigError, match="xxx: can't be read: File name too long"):
        configuration.config_of(argparse.Namespace(config=None), optional=True)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_cannot_be_written_is_one_line(tmp_path: Path, short_clip: Path, unbuffered: str) -> None:
    picture = write(tmp_path / "a.png", PORTRAIT)
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    for args in (["config"], ["detect", picture], ["replay", "--jsonl", short_clip]):
        command = [sys.executable, "-m", "edge.cli", *map(str, args)]
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                command,
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
                timeout=100,
                env=environment,
            )
        assert done.returncode == 1
        assert done.stderr.endswith("maskgate: standard output: No space left on device\n")
        assert "Traceback" not in done.stderr
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(
            command,
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=100,
            env=environment,
        )
        os.close(writer)
        assert done.returncode == 0
        assert ("Traceback" in done.stderr, "maskgate:" in done.stderr) == (False, False)


def test_a_thread_goes_on_when_nobody_reads_what_it_prints() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w", encoding="utf-8", buffering=1) as pipe:  # noqa: PTH123 - a descriptor has no path
        output, went_on = Output(pipe), threading.Event()

        def work() -> None:
            print("nobody reads this", file=output, flush=True)
            went_on.set()

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert went_on.is_set()
        with pytest.raises(OutputError, match="Broken pipe"):
            output.flush()
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, writer)
        os.close(null)
        output.flush()


def test_a_name_that_is_not_utf8_is_no_trouble(tmp_path: Path, short_clip: Path) -> None:
    odd = tmp_path / os.fsdecode(b"odd\xff")
    write(tmp_path / "a.png", PORTRAIT).rename(odd.with_suffix(".png"))
    done = maskgate("detect", odd.with_suffix(".png"))
    assert done.returncode == 0, done.stderr
    assert "odd\\udcff.png: 512x512, 1 faces" in done.stdout
    shutil.copy(short_clip, odd.with_suffix(".avi"))
    config = write_config(tmp_path / "c.toml", "")
    for args in (["replay"], ["run", "--config", config, "--source"]):
        done = maskgate(*args, odd.with_suffix(".avi"))
        assert done.returncode == 1
        assert "odd\\udcff.avi': a name that is not valid UTF-8" in done.stderr
        assert "Traceback" not in done.stderr


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
        (["replay", "edge"], 2, "edge: is a folder; give one clip"),
        (["detect", ""], 2, "the path is empty"),
        (["run", "--source", ""], 2, "the source is empty"),
        (["demo", "--speed", "0"], 2, "--speed: invalid positive number value: '0'"),
        (["demo", "--speed", "nan"], 2, "--speed: invalid positive number"),
        (["bench", "announcements", "--trials", "-1"], 2, "--trials: invalid positive whole number"),
        (["bench", "announcements", "--violations", "0"], 2, "--violations: invalid positive whole number"),
        (["bench", "decisions", "--visits", "1.5"], 2, "--visits: invalid positive whole number"),
        (["run", "--source", "missing.mp4"], 2, "missing.mp4"),
        (["run", "--source", "gopher://camera"], 2, "gopher"),
        (["run", "--config", "missing.toml"], 78, "missing.toml: no such file"),
        (["config", "--check", "missing.toml"], 78, "missing.toml: no such file"),
        (["watch", "--config", ""], 2, "--config: the path is empty"),
        (["watch", "--topic-prefix", "#"], 2, "mqtt.prefix: found '#'"),
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


def test_a_configuration_whose_files_are_missing_is_not_fine(tmp_path: Path) -> None:
    config = write_config(tmp_path / "c.toml", '[models]\nmask = "gone.tflite"\n[speaker]\nsounds = "gone"\n')
    done = maskgate("config", "--check", config)
    assert (done.returncode, done.stdout) == (78, "")
    assert f"maskgate: {config}: 3 mistakes:\n  models.mask: gone.tflite: no such model file" in done.stderr


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
    assert "4 events wait in" in done.stderr
    assert "refused" in done.stderr


def test_a_device_without_a_camera_waits_and_ends_on_a_signal(tmp_path: Path) -> None:
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
