"""``reference/messages.md``: every error and every warning in the log, from the code."""

import ast
from collections.abc import Iterator
from pathlib import Path

from docs.generate.contract import ROOT
from docs.generate.markdown import page, table
from edge import errors

INTRODUCTION = """\
Each message names what is wrong and what to do about it, so this list is for searching: find the words that
you see, and read the whole sentence and the exit code of a command that ends with it. `…` stands for what
differs from case to case. For troubles by what you *observe*, see [troubleshooting](../troubleshooting.md).

Messages of the first kind are errors. Those of the second are written to the log (`journalctl -u
maskgate`), and what lasts also stands in `health`'s `problems`."""
_WORDS_MIN = 3
"""Shorter texts are parts of sentences."""
_CODES = {
    name: kind.exit_code
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.MaskgateError)
}


def messages() -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    for package in ("edge", "convert"):
        errors_, logged = _found(ROOT / package)
        parts += [f"## Errors in {package}", _table(("message", "exit code", "room"), errors_)]
        if logged:
            parts += [f"## Log messages of {package}", _table(("message", "level", "room"), logged)]
    return page("Messages", "the texts in the code", *parts)


def _table(head: tuple[str, ...], rows: set[tuple[str, str, str]]) -> str:
    return table(head, sorted(rows, key=lambda row: (row[2], row[0], row[1])))


def _found(folder: Path) -> tuple[set[tuple[str, str, str]], set[tuple[str, str, str]]]:
    errors_, logged = set(), set()
    for path in sorted(folder.rglob("*.py")):
        room = f"`{'/'.join(path.relative_to(ROOT).parts[:2])}`"
        for kind, text in _texts(ast.parse(path.read_text(encoding="utf-8"))):
            shown = _escaped(text)
            if len(shown.split()) < _WORDS_MIN:
                continue
            if kind in _CODES:
                errors_.add((shown, str(_CODES[kind]), room))
            else:
                logged.add((shown, kind, room))
    return errors_, logged


def _texts(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Each message with its error's name or the level of the log."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and (text := _text(node.args[0])):
            name = node.func
            if isinstance(name, ast.Name) and name.id in _CODES:
                yield name.id, text
            elif isinstance(name, ast.Attribute) and name.attr in {"warning", "error", "exception"}:
                yield "warning" if name.attr == "warning" else "error", text


def _text(node: ast.expr) -> str:
    """The text of a literal; empty where it is put together elsewhere."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) if isinstance(part, ast.Constant) else "…" for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _text(node.left), _text(node.right)
        return f"{left or '…'}{right or '…'}" if left or right else ""
    return ""


def _escaped(text: str) -> str:
    """As Markdown shows it letter by letter; the log's own placeholders are shown like ours."""
    for placeholder in ("%s", "%d", "%r", "%.0f", "%.1f", "%g"):
        text = text.replace(placeholder, "…")
    for sign in "\\`*_[]<>#$":
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.split())
