"""A run's figures: a row every few steps, and curves."""

import csv
from collections.abc import Mapping
from pathlib import Path

from convert.atomic import whole
from convert.face.run import COLUMNS


def add_row(history: Path, step: int, figures: Mapping[str, float]) -> None:
    """Append the mean of the last steps; rows of steps that run again are replaced.

    Args:
        history: a CSV file with the columns step and ``COLUMNS``.
        step: how many are done.
        figures: by ``COLUMNS``.
    """
    before = [r for r in read_rows(history) if r["step"] < step] if history.is_file() else []
    rows = [*before, {"step": float(step), **figures}]
    with whole(history) as part, part.open("w", newline="", encoding="utf-8") as f:
        writer = csv.writer(f)
        writer.writerow(["step", *COLUMNS])
        writer.writerows([int(r["step"]), *(f"{r[c]:.5f}" for c in COLUMNS)] for r in rows)


def read_rows(history: Path) -> list[dict[str, float]]:
    """The rows, as numbers."""
    with history.open(newline="", encoding="utf-8") as f:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(f)]


def draw_curves(history: Path, picture: Path) -> None:
    """The terms of the loss by step, as a PNG."""
    from matplotlib.figure import Figure  # noqa: PLC0415  takes a second to import

    rows = read_rows(history)
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes, names in ((left, ("loss", "box", "object")), (right, ("score", "points", "gradient"))):
        for name in names:
            axes.plot([r["step"] for r in rows], [r[name] for r in rows], label=name)
        axes.set_xlabel("step")
        axes.legend()
    figure.savefig(picture, dpi=110)
