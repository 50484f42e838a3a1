"""What the documents say is what the programs do."""

import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import convert.cli
import edge
import edge.cli

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BARRED = {"tensorflow", "keras", "onnx", "convert", "skimage", "matplotlib", "scipy", "amqtt", "picamera2"}
COMMANDS = re.compile(r"^\| `(maskgate|mask-convert) ([a-z]+)`", re.MULTILINE)


def commands_of(main: object, capsys: pytest.CaptureFixture[str]) -> set[str]:
    with pytest.raises(SystemExit):
        main(["--help"])  # type: ignore[operator]
    return set(re.findall(r"^    ([a-z]+) ", capsys.readouterr().out, re.MULTILINE))


def test_the_readme_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    listed = COMMANDS.findall(README)
    assert {c for program, c in listed if program == "maskgate"} == commands_of(edge.cli.main, capsys)
    assert {c for program, c in listed if program == "mask-convert"} == commands_of(convert.cli.main, capsys)


@pytest.mark.parametrize("program", ["maskgate", "mask-convert"])
def test_every_command_has_help_with_an_example(program: str, capsys: pytest.CaptureFixture[str]) -> None:
    main = {"maskgate": edge.cli.main, "mask-convert": convert.cli.main}[program]
    for name in sorted(commands_of(main, capsys)):
        with pytest.raises(SystemExit) as ended:
            main([name, "--help"])
        assert ended.value.code == 0
        assert f"  {program} {name}" in capsys.readouterr().out


def test_the_files_that_the_readme_names_are_there() -> None:
    named = set(re.findall(r"\]\(([^)#]+)\)", README)) | set(
        re.findall(r"`((?:edge|models|systemd)/[^`*]+)`", README)
    )
    assert named
    assert [n for n in sorted(named) if "://" not in n and not (ROOT / n).exists()] == []


def test_the_makefile_has_what_the_readme_promises() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    promised = set(re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE))
    assert {"demo", "setup", "test"} <= promised
    assert [t for t in sorted(promised) if not re.search(rf"^{t}:", makefile, re.MULTILINE)] == []


@pytest.mark.slow
def test_nothing_on_the_device_needs_the_workshop_or_the_developers_packages() -> None:
    modules = [m.name for m in pkgutil.walk_packages(edge.__path__, "edge.")]
    drawing = [
        m for m in modules if m.startswith("edge.demo.clip.")
    ]  # makes the demo's clip, on a developer's machine
    assert len(drawing) > 3
    code = (
        "import sys, importlib, importlib.abc\n"
        "class Bar(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, *_):\n"
        f"        if name.split('.')[0] in {BARRED!r}:\n"
        "            raise ImportError('barred: ' + name)\n"
        "sys.meta_path.insert(0, Bar())\n"
        f"for name in {sorted(set(modules) - set(drawing) - {'edge.__main__'})!r}:\n"
        "    importlib.import_module(name)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
