"""What a person said of boxes that fit no label: a face that nobody labelled, or not a face.

``reviewed.csv`` holds them for the collections that this repository trains and validates on: collection (the
folder's name), file, x1, y1, x2, y2 in px of the photo, verdict (``face`` or ``not``).
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import UsageError

DEFAULT_REVIEWED = Path(__file__).with_name("reviewed.csv")
COLUMNS = ["collection", "file", "x1", "y1", "x2", "y2", "verdict"]
VERDICTS = ("face", "not")


@dataclass(frozen=True, eq=False, slots=True)
class Reviewed:
    """Boxes of one photo that were looked at."""

    faces: NDArray[np.float64]
    """(N, 4) px."""
    not_faces: NDArray[np.float64]
    """(M, 4) px: hands, backs of heads, signs."""


NOTHING = Reviewed(np.zeros((0, 4)), np.zeros((0, 4)))


def read_reviewed(collection: str, path: Path = DEFAULT_REVIEWED) -> dict[str, Reviewed]:
    """By the photo's file name, for one collection.

    Raises:
        UsageError: the file is missing or malformed; the message names the line.
    """
    boxes: dict[str, dict[str, list[list[float]]]] = {}
    try:
        with path.open(newline="", encoding="utf-8") as f:
            rows = csv.reader(f, strict=True)
            if (header := next(rows, [])) != COLUMNS:
                raise UsageError(f"{path}, line 1: is {','.join(header)!r}, wanted {','.join(COLUMNS)!r}")
            for row in rows:
                name, box, verdict = _parse(row, f"{path}, line {rows.line_num}")
                if row[0] == collection:
                    boxes.setdefault(name, {v: [] for v in VERDICTS})[verdict].append(box)
    except (OSError, UnicodeDecodeError, csv.Error) as e:
        raise UsageError(f"{path}: can't be read as a list of boxes that were looked at: {e}") from e
    return {
        name: Reviewed(*(np.array(found[v], dtype=np.float64).reshape(-1, 4) for v in VERDICTS))
        for name, found in boxes.items()
    }


def _parse(row: list[str], where: str) -> tuple[str, list[float], str]:
    if len(row) != len(COLUMNS) or row[-1] not in VERDICTS:
        raise UsageError(f"{where}: {','.join(row)!r} has not {len(COLUMNS)} columns, the last face or not")
    try:
        return row[1], [float(v) for v in row[2:6]], row[-1]
    except ValueError as e:
        raise UsageError(f"{where}: a box is four numbers: {e}") from e
