"""Files that are there whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Where to write what becomes ``path`` in one step: a killed run leaves the old file or none."""
    part = path.with_name(f"{path.name}.part")
    yield part
    part.replace(path)
