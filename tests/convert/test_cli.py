import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from convert.cli import main

MakeFaces = Callable[..., Path]
COMMANDS = ("prepare", "train", "cross-validate", "quantize", "evaluate", "release", "face")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as e:
        main([command, "--help"])
    assert e.value.code == 0
    out = capsys.readouterr().out
    assert f"example:\n  mask-convert {command} " in out
    assert all(flag in out for flag in ("--help", "--out" if command != "evaluate" else "--json"))


def test_a_wrong_option_is_a_usage_error() -> None:
    with pytest.raises(SystemExit) as e:
        main(["evaluate", "--modle", "x"])
    assert e.value.code == 2


@pytest.mark.parametrize(
    ("argv", "code", "text"),
    [
        (["evaluate", "--model", "none.tflite", "--data", "."], 78, "none.tflite: no such model file"),
        (["prepare", "--faces", "nowhere", "--out", "x"], 2, "nowhere: holds none of the folders"),
        (["prepare", "--frames", "nowhere", "--out", "x"], 2, "nowhere: holds neither annotations.json nor"),
        (["prepare", "--out", "x"], 2, "give --faces, --unmasked or --frames"),
        (
            ["face", "convert", "--onnx", "n.onnx", "--calibration", "nowhere", "--out", "x"],
            2,
            "nowhere: no such folder",
        ),
    ],
)
def test_an_expected_failure_is_one_message_and_a_code(
    argv: list[str], code: int, text: str, capsys: pytest.CaptureFixture[str], models: Path
) -> None:
    detector = ["--detector", str(models / "face.tflite")] if argv[0] == "prepare" else []
    assert main(argv + detector) == code
    err = capsys.readouterr().err
    assert text in err
    assert err.startswith(f"mask-convert {argv[0]}: ")


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["--fold", "a", "--recipe", "best"], "no recipe is called 'best'; there are talk, first, default"),
        (["--fold", "a", "--fold", "z"], "no face of the source 'z'; there are a, b"),
        (["--fold", "a,b"], "without a, b there is no face in the split 'train'"),
        (["--fold", "a", "--against", "nowhere"], "scores.csv: no such scores; run `mask-convert cross-val"),
    ],
)
def test_cross_validation_that_can_not_work_is_refused_before_it_begins(
    argv: list[str], text: str, prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    common = ["cross-validate", "--data", str(prepared), "--weights", "random", "--out", str(out)]
    assert main([*common, *argv]) == 2
    err = capsys.readouterr().err
    assert text in err
    assert err.startswith("mask-convert cross-validate: ")
    assert not out.exists()


@pytest.mark.parametrize("fold", ["", ",", "a,,b"])
def test_a_fold_without_a_name_is_a_usage_error(fold: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as e:
        main(["cross-validate", "--data", "d", "--weights", "random", "--out", "o", "--fold", fold])
    assert e.value.code == 2
    assert f"{fold!r}: wanted the names of sources with a comma between them" in capsys.readouterr().err


def test_evaluate_prints_json_and_tells_of_unreadable_pictures(
    make_faces: MakeFaces, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_faces(not_masked=3)
    argv = ["evaluate", "--model", str(models / "mask.tflite"), "--data", str(root), "--json"]
    assert main(argv) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["accuracy"] is None
    assert 0 <= report["false_masked"] <= 1
    (root / "not_masked" / "bad.png").write_bytes(b"x")
    assert main(argv[:-1]) == 1
    shown = capsys.readouterr()
    assert "bad.png" in shown.err
    assert "false_masked" in shown.out


BARRED = """
import sys
class Bar:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in ('tensorflow', 'keras', 'matplotlib', 'onnx'):
            raise ImportError(f'{name} is barred')
sys.meta_path.insert(0, Bar())
from convert.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_evaluate_and_prepare_work_without_tensorflow(
    make_faces: MakeFaces, models: Path, tmp_path: Path
) -> None:
    root = make_faces(masked=4, not_masked=4)
    prepare = ["prepare", "--faces", str(root), "--out", str(tmp_path / "data")]
    evaluate = [
        "evaluate",
        "--model",
        str(models / "mask.tflite"),
        "--data",
        str(tmp_path / "data"),
        "--json",
    ]
    for argv in (prepare, evaluate, ["--help"]):
        done = subprocess.run(
            [sys.executable, "-c", BARRED, *argv],
            capture_output=True,
            text=True,
            cwd=models.parent,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    data, out = str(tmp_path / "data"), str(tmp_path / "out")
    trained = tmp_path / "mask.keras"
    trained.touch()
    for argv in (
        ["train", "--data", data, "--weights", "random", "--out", out],
        ["quantize", "--model", str(trained), "--data", data, "--out", out],
    ):
        done = subprocess.run(
            [sys.executable, "-c", BARRED, *argv],
            capture_output=True,
            text=True,
            cwd=models.parent,
            check=False,
        )
        assert "is barred" in done.stderr, "the bar does not work"
        assert done.returncode == 1
        assert done.stderr.startswith(f"mask-convert {argv[0]}: ")
        assert "in Python 3.11: pip install 'maskgate[convert]'" in done.stderr
        assert "Traceback" not in done.stderr
