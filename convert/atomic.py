"""Files that are there whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Where to write what shall become ``path`` at once: a run that is ended leaves the old file or none."""
    part = path.with_name(f"{path.name}.part")
    yield part
    part.replace(path)
