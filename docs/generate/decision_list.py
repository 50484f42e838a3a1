"""``decisions/README.md``: the list of decisions, from their titles."""

from docs.generate.contract import ROOT
from docs.generate.markdown import page, table

INTRODUCTION = """\
A decision stands here where somebody who reads the code would ask "why not the other way?". Each page has
four parts: the decision, why, what else was considered, and what follows from it. A decision that is
changed gets a new number; the old page stays, and says which one replaced it. Figures in these pages are
those that led to the decision, from the day it was made; what holds today is in [Figures](../figures.md)."""


def decision_list() -> str:
    """The whole page."""
    rows = []
    for path in sorted((ROOT / "docs/decisions").glob("[0-9]*.md")):
        title = path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
        rows.append((path.name[:4], f"[{title}]({path.name})"))
    return page(
        "Decisions",
        "the titles of the pages in docs/decisions",
        INTRODUCTION,
        table(("number", "decision"), rows),
    )
