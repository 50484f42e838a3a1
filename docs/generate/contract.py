"""The import contract in pyproject.toml, as what is drawn and listed from it."""

import ast
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Layers:
    """One container's layers, the highest first; rooms of one layer never import each other."""

    container: str
    rows: tuple[tuple[str, ...], ...]

    def below(self, room: str) -> list[str]:
        """The rooms that a room may import."""
        at = next(n for n, row in enumerate(self.rows) if room in row)
        return [name for row in self.rows[at + 1 :] for name in row]


def layers() -> list[Layers]:
    """Every layered container, in the order of the contract."""
    return [
        Layers(c["containers"][0], tuple(tuple(n.strip() for n in row.split("|")) for row in c["layers"]))
        for c in contracts()
        if c["type"] == "layers"
    ]


def contracts() -> list[dict[str, Any]]:
    """The contracts as they stand in pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = project["tool"]["importlinter"]["contracts"]
    return found


def pure() -> list[str]:
    """The modules that must not do I/O, start threads or read a clock."""
    return next(list(c["source_modules"]) for c in contracts() if "are pure" in c["name"])


def about(module: str) -> str:
    """The first paragraph of a module's docstring; of a package, that of its ``__init__``."""
    path = ROOT.joinpath(*module.split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    text = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or ""
    return text.partition("\n\n")[0]
