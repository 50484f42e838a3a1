"""The little Markdown that generated pages are made of."""

from collections.abc import Iterable, Sequence

NOTE = "<!-- Made by `make docs` from {source}: change that, not this page. -->"


def page(title: str, source: str, *parts: str) -> str:
    """A whole page: its title, where it comes from, and its parts with an empty line between them."""
    return "\n\n".join([f"# {title}", NOTE.format(source=source), *parts]).rstrip() + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a bar inside a cell is escaped, a line break becomes a blank."""
    lines = [_row(head), _row(["---"] * len(head)), *(_row(row) for row in rows)]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


def code(text: str) -> str:
    """Inline code; the empty text is shown as nothing."""
    fence = "``" if "`" in text else "`"
    return f"{fence}{text}{fence}" if text else ""


def block(text: str, language: str = "") -> str:
    """A block of code."""
    return f"```{language}\n{text.rstrip()}\n```"


def plain(docstring: str | None) -> str:
    """A docstring, or any text, as Markdown: one line, single backticks, no tags outside of code."""
    parts = " ".join((docstring or "").split()).replace("``", "`").split("`")
    return "`".join(part if n % 2 else part.replace("<", "\\<") for n, part in enumerate(parts))
