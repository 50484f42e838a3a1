"""``reference/make.md``: the targets of the Makefile, from the text beside each."""

import re

from docs.generate.contract import ROOT
from docs.generate.markdown import code, page, table

INTRODUCTION = """\
`make help` prints the same list. Every target builds `.venv` from the lock file first. What a target needs
from the system is installed by itself where it runs as root, and named where it does not."""
_TARGET = re.compile(r"^([a-z-]+):.*?## (.*)$", re.MULTILINE)


def make_targets() -> str:
    """The whole page."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    rows = [(code(f"make {name}"), what) for name, what in _TARGET.findall(text)]
    return page("Make targets", "the Makefile", INTRODUCTION, table(("target", "what it does"), rows))
