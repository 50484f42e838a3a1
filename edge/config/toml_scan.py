"""Look at TOML text before it is parsed, in a time that grows with its length and no faster.

A parser's time and memory grow with the square of a dotted key's parts: 54 kB took 15 s and 2.8 GB. Tables
deep within each other end it, or whoever walks through them. No configuration needs either: both are refused.
"""

import re
from collections.abc import Iterator

PARTS_MAX = 20
"""Parts of a dotted key. The configuration's own keys have three at most."""
NESTING_MAX = 20
"""Brackets within each other. The configuration's own values have three: the corners of a zone."""
# A text that is not closed is taken to the end of its line or of the file. So every alternative fits at once
# or not at all, and nothing is looked at twice.
_TOKEN = re.compile(
    r'"""(?:[^"\\]+|\\.|"(?!""))*(?:"{3,5})?'
    r"|'''(?:[^']+|'(?!''))*(?:'{3,5})?"
    r'|"(?:[^"\\\n]+|\\.)*"?'
    r"|'[^'\n]*'?"
    r"|\#[^\n]*"
    r"|[A-Za-z0-9_-]+"
    r"|[ \t\r]+"
    r"|.",
    re.DOTALL,
)


def flaw_of(text: str) -> str | None:
    """What makes a text too costly to parse, with its line; None if nothing does.

    Args:
        text: TOML, valid or not.
    """
    nesting, dots, line = 0, 0, 1
    for token in _TOKEN.finditer(text):
        first = text[token.start()]
        if first == ".":
            dots += 1
        elif not (first.isalnum() or first in "\"'_- \t\r"):  # all of these may stand within a dotted key
            dots = 0
        nesting += (first in "[{") - (first in "]}" and nesting > 0)
        if nesting > NESTING_MAX:
            return f"too many brackets within each other (at line {line})"
        if dots >= PARTS_MAX:
            return f"a key with more than {PARTS_MAX} parts (at line {line})"
        line += token[0].count("\n")
    return None


def headers_in(text: str) -> Iterator[int]:
    """Where the lines with a table's header start.

    Args:
        text: valid TOML.
    """
    nesting, start, blank = 0, 0, True
    for token in _TOKEN.finditer(text):
        first = text[token.start()]
        if first == "\n":
            start, blank = token.end(), True
            continue
        if first == "[" and nesting == 0 and blank:
            yield start
        nesting += (first in "[{") - (first in "]}" and nesting > 0)
        blank = blank and first in " \t\r"
