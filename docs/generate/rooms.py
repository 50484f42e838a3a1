"""``rooms.md``: what each room is for and what it may import, from the import contract and the docstrings."""

from docs.generate.contract import Layers, about, contracts, layers, pure
from docs.generate.markdown import code, page, plain, table

INTRODUCTION = """\
A *room* is a package or module directly inside `edge`, `convert`, `edge.service` or `edge.people`. Rooms
lie on layers. A room may import the rooms on the layers below its own, and nothing else of the product:
neither its neighbours on the same layer nor anything above. `make lint` proves it with import-linter, and a
new module that stands on no layer breaks the build.

![The layers of edge](pictures/layers.svg)"""
_MANY = 16
"""A longer list of allowed rooms is given by the layer that it starts with."""
_FEW = 5
"""A longer list of sources of a rule is left to pyproject.toml."""


def rooms() -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    for part in layers():
        parts += [f"## {code(part.container)}", table(("room", "what it is for", "may import"), _rows(part))]
    parts += ["## Rules beside the layers", *map(_rule, contracts())]
    parts += ["These modules are pure:", ", ".join(map(code, pure())) + "."]
    return page("Rooms", "the contract in pyproject.toml and each room's docstring", *[p for p in parts if p])


def _rows(part: Layers) -> list[tuple[str, str, str]]:
    rows = []
    for row in part.rows:
        for room in row:
            below = part.below(room)
            allowed = ", ".join(map(code, below)) or "no other room"
            if len(below) > _MANY:
                allowed = f"all rooms below this row, from {code(below[0])} on"
            rows.append((code(room), plain(about(f"{part.container}.{room}")), allowed))
    return rows


def _rule(contract: dict[str, object]) -> str:
    if contract["type"] == "layers":
        return ""
    sources, barred = contract["source_modules"], contract["forbidden_modules"]
    assert isinstance(sources, list)  # noqa: S101 - as TOML has it
    assert isinstance(barred, list)  # noqa: S101
    who = ", ".join(map(code, sources)) if len(sources) < _FEW else "the rooms listed in `pyproject.toml`"
    allowed = contract.get("ignore_imports", [])
    assert isinstance(allowed, list)  # noqa: S101
    but = f", except {', '.join(code(name.partition('-> ')[2]) for name in allowed)}" if allowed else ""
    return f"- **{contract['name']}**: {who} may not import {', '.join(map(code, barred))}{but}."
