"""The progress of long work, on stderr: one line that changes on a terminal, a few lines elsewhere."""

import sys
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

T = TypeVar("T")
_LINES = 10
"""Lines in a log, however long the work takes."""


def progress(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """Pass the items on, and print how many have been done.

    Args:
        items: the work.
        what: what is counted, in the plural.
        total: how many there are; not needed for anything with a length.
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    live = sys.stderr.isatty()
    step = 1 if live else max(1, (total or 1000) // _LINES)
    count = 0
    for count, item in enumerate(items, start=1):
        yield item
        if count % step == 0 or count == total:
            of = "" if total is None else f"/{total}"
            print(f"{count}{of} {what}", end="\r" if live else "\n", file=sys.stderr, flush=True)
    if live and count:
        print(file=sys.stderr)
