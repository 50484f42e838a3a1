"""Markdown as the documents use it: what is shown as code, what is linked, and what can be linked to."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_IGNORED = {"build", "dist", "out"}


def read(path: Path | str) -> str:
    """The text of a file of the repository."""
    return (ROOT / path).read_text(encoding="utf-8")


def short(path: Path) -> str:
    """A path as it is in the repository."""
    return str(path.relative_to(ROOT))


def pages() -> list[Path]:
    """Every Markdown file of the repository."""
    found = []
    for path in sorted(ROOT.rglob("*.md")):
        parts = path.relative_to(ROOT).parts
        if not any(part.startswith(".") or part in _IGNORED for part in parts):
            found.append(path)
    return found


def blocks(text: str) -> list[str]:
    """What stands in blocks of code."""
    return [body for _, body in _FENCE.findall(text)]


def prose(text: str) -> str:
    """All but blocks of code."""
    return _FENCE.sub("", text)


def inline(text: str) -> list[str]:
    """What stands in single backticks, each on one line."""
    return [" ".join(code.split()) for code in _INLINE.findall(re.sub(r"\\.", "", prose(text)))]


def links(text: str) -> list[str]:
    """Where links and pictures lead, other hosts left out."""
    found = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"(?<=[ (])`[^`]*`", "", prose(text)))
    return [to for to in found if "://" not in to]


def anchors(text: str) -> set[str]:
    """The anchors of the headings, as a repository's host makes them."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", plain).strip().replace(" ", "-")
        found.add(slug if slug not in found else f"{slug}-1")
    return found


def shell_commands(block: str) -> Iterator[list[str]]:
    """Each program with its arguments in lines for a shell: pipes, comments and assignments taken apart."""
    for line in block.replace("\\\n", " ").splitlines():
        try:
            lexer = shlex.shlex(line.replace("'\\''", ""), posix=True, punctuation_chars="|&;>")
            lexer.whitespace_split = True
            tokens = list(lexer)
        except ValueError:  # a quotation mark in what is not for a shell
            continue
        words: list[str] = []
        for token in [*tokens, ";"]:
            if token and set(token) <= set("|&;>"):
                if words := [*_without_prefix(words)]:
                    yield words
                words = []
            else:
                words.append(token)


def _without_prefix(words: list[str]) -> list[str]:
    while words and (re.fullmatch(r"[A-Z_]+=.*", words[0]) or words[0] == "sudo"):
        words = words[1:]
    return words
