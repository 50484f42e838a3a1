"""The sentences in the code that a person may meet, found in its syntax tree."""

import ast
from collections.abc import Iterator

_LOG = {"warning": "warning", "error": "error", "exception": "error", "critical": "error"}
_WORDS_MIN, _SENTENCE_MIN = 3, 7
"""Shorter texts are parts of sentences; what is only returned must be longer to be one."""


def texts(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Each text with what it is for: an error's name, a level of the log, or ``sentence``."""
    documented = {id(node) for node in _docstrings(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _of_call(node)
        elif isinstance(node, (ast.Return, ast.Yield)) and node.value is not None:
            for part in _literals(node.value):
                if id(part) not in documented and _long(text := _text(part), _SENTENCE_MIN):
                    yield "sentence", text


def _of_call(node: ast.Call) -> Iterator[tuple[str, str]]:
    name = node.func
    if isinstance(name, ast.Name) and name.id.endswith("Error"):
        kind = name.id
    elif isinstance(name, ast.Attribute) and name.attr in _LOG:
        kind = _LOG[name.attr]
    else:
        return
    text = next((t for arg in node.args if _long(t := _text(arg), _WORDS_MIN)), "")
    if text:
        yield kind, text


def _long(text: str, least: int) -> bool:
    return len(text.replace("…", " ").split()) >= least


def _docstrings(tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            yield node.value


def _literals(node: ast.expr) -> Iterator[ast.expr]:
    """The texts that an expression may give: itself, either side of a choice, what a list holds."""
    if isinstance(node, ast.IfExp):
        yield from _literals(node.body)
        yield from _literals(node.orelse)
    elif isinstance(node, (ast.List, ast.Tuple)):
        for part in node.elts:
            yield from _literals(part)
    else:
        yield node


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
