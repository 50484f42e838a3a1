"""The rooms: what the import contract in pyproject.toml promises, and that it would notice a breach."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONTRACTS: list[dict[str, Any]] = PROJECT["tool"]["importlinter"]["contracts"]
PURE = next(c["source_modules"] for c in CONTRACTS if "are pure" in c["name"])


def modules() -> Iterator[tuple[str, str]]:
    """Every module's name and its docstring."""
    for path in sorted([*(ROOT / "edge").rglob("*.py"), *(ROOT / "convert").rglob("*.py")]):
        name = str(path.relative_to(ROOT).with_suffix("")).replace("/", ".").removesuffix(".__init__")
        yield name, ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


def test_every_module_that_says_it_is_pure_is_held_to_it() -> None:
    claims = [name for name, text in modules() if re.search(r"\b[Pp]ure\b", text)]
    assert len(claims) > 30
    assert [n for n in claims if not any(n == p or n.startswith(f"{p}.") for p in PURE)] == []


def test_every_module_says_what_it_is_for() -> None:
    assert [name for name, text in modules() if not text] == []


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages and their contract, to be broken."""
    folder = tmp_path_factory.mktemp("house")
    for package in ("edge", "convert"):
        shutil.copytree(
            ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "*.mp4")
        )
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def lint(folder: Path) -> str:
    """What import-linter says of them, by the command that people use."""
    environment = {"PYTHONPATH": str(folder), "PATH": str(Path(sys.executable).parent), "PYTHONUTF8": "1"}
    linter = (Path(sys.executable).with_name("lint-imports"), "--no-cache")
    done = subprocess.run(linter, cwd=folder, env=environment, check=False, capture_output=True, text=True)
    assert (done.returncode == 0) == ("0 broken" in done.stdout), done.stdout + done.stderr
    return done.stdout


HOLES = {
    "the workshop imports a room of the device": (
        "convert/measure/metrics.py",
        "import edge.people.tampering.judge",
    ),
    "a new room on no layer": ("edge/newroom.py", "from edge.service.device import Service"),
    "a decision that runs a program": ("edge/machine/plan.py", "import subprocess"),
    "an arrow that points up": ("edge/people/tracks.py", "import edge.service.frames"),
    "a substitute in the service": ("edge/service/frames.py", "import edge.sim.manual_clock"),
}


@pytest.mark.slow
def test_the_house_as_it_stands_keeps_its_contract(copy: Path) -> None:
    assert " 0 broken" in lint(copy)


@pytest.mark.slow
@pytest.mark.parametrize("hole", HOLES)
def test_a_hole_breaks_the_build(copy: Path, hole: str) -> None:
    name, line = HOLES[hole]
    path = copy / name
    before = path.read_text(encoding="utf-8") if path.exists() else None
    try:
        path.write_text(f"{before or ''}\n{line}\n", encoding="utf-8")
        assert re.search(r"[1-9]\d* broken", lint(copy))
    finally:
        path.unlink()
        if before is not None:
            path.write_text(before, encoding="utf-8")


def test_a_public_class_name_stands_once() -> None:
    where: dict[str, list[str]] = {}
    for top in ("edge", "convert", "systemd"):
        for path in sorted((ROOT / top).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    where.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    assert {name: files for name, files in where.items() if len(files) > 1} == {}
