"""``reference/messages.md``: every error, every warning and every sentence of health, from the code."""

import ast
import re
from collections import defaultdict

from docs.generate.contract import ROOT
from docs.generate.markdown import page, table
from docs.generate.message_texts import texts
from edge import errors

INTRODUCTION = """\
Each message names what is wrong and what to do about it, so this list is for searching: find the words that
you see, and read the whole sentence. `…` stands for what differs from case to case. For troubles by what you
*observe*, see [troubleshooting](../troubleshooting.md)."""
_PARTS = {
    "error": "They end a command; its exit code is beside each. Those of a service are in its journal.",
    "mistake": "They are listed with the key that they are about: exit code 78.",
    "refusal": "They are the answer to a command of the ops centre, and in `command.handled`.",
    "report": "They are in `health`, in an event, in the log, or in a report, and end nothing.",
}
_HEADS = {
    "error": "Errors", "mistake": "Mistakes in a configuration",
    "refusal": "Refused commands", "report": "Reports",
}  # fmt: skip
_CODES = {
    name: kind.exit_code
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.MaskgateError)
}
_CHECKED = ("edge/config", "edge/machine")
"""Where a ``ValueError`` is a mistake in a configuration."""
_INNER = re.compile(r"edge/(bench|demo|sim)|convert")
"""Rooms whose sentences no user of a device meets."""


def messages() -> str:
    """The whole page."""
    found: dict[str, set[tuple[str, str, str]]] = defaultdict(set)
    for package in ("edge", "convert"):
        for path in sorted((ROOT / package).rglob("*.py")):
            room = "/".join(path.relative_to(ROOT).parts[:2])
            for kind, text in texts(ast.parse(path.read_text(encoding="utf-8"))):
                if (part := _part(kind, room)) is not None:
                    found[part].add((_escaped(text), str(_CODES.get(kind, "")), f"`{room}`"))
    parts = [INTRODUCTION]
    for part, about in _PARTS.items():
        rows = sorted(found[part], key=lambda row: (row[2], row[0], row[1]))
        head = ("message", "exit code", "room") if part == "error" else ("message", "room")
        parts += [f"## {_HEADS[part]}", about]
        parts.append(table(head, [row if part == "error" else (row[0], row[2]) for row in rows]))
    return page("Messages", "the texts in the code", *parts)


def _part(kind: str, room: str) -> str | None:
    if kind in _CODES:
        return "error"
    if kind == "ValueError":
        return "mistake" if room in _CHECKED else None
    if kind == "RefusedError":
        return "refusal"
    return None if _INNER.match(room) else "report"


def _escaped(text: str) -> str:
    """As Markdown shows it letter by letter; the log's own placeholders are shown like ours."""
    for placeholder in ("%s", "%d", "%r", "%.0f", "%.1f", "%g"):
        text = text.replace(placeholder, "…")
    for sign in "\\`*_[]<>#$":
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.split())
