"""What the package leaves out of that which the wheels bring, and that no list speaks of it any more."""

import csv
import shutil
from pathlib import Path

UNUSED = (
    "ai_edge_litert/libLiteRtWebGpuAccelerator.so", "ai_edge_litert/tools", "ai_edge_litert/vendors",
    "convert", "cv2/data/*.xml", "numpy/distutils", "numpy/f2py", "numpy/**/tests", "**/*.pyi", "bin",
)  # fmt: skip
"""80 MB that no device opens."""


def prune(library: Path) -> None:
    """Remove it from a folder of installed packages."""
    for pattern in UNUSED:
        for path in sorted(library.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for record in library.glob("*.dist-info/RECORD"):
        _list_what_is_there(record)


def _list_what_is_there(record: Path) -> None:
    """A program's hash is another on each machine that builds: its first line names that machine's Python."""
    library = record.parent.parent
    with record.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.reader(file) if row and (library / row[0]).exists()]
    with record.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
