"""How long work goes: lines with the time left; of a training run also a row an epoch, and curves."""

import csv
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from convert.atomic import whole

T = TypeVar("T")
Tell = Callable[[str], None]
"""Gets a line for the person who waits."""

COLUMNS = ("epoch", "accuracy", "loss", "val_accuracy", "val_loss")


def say(line: str) -> None:
    """Tell the person who waits."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201  progress is the output here


def with_time_left(items: Sequence[T], what: str, tell: Tell) -> Iterator[T]:
    """Pass the items on; tell ten times on the way how many are done and how long the rest will take."""
    began_s, step = time.monotonic(), max(1, len(items) // 10)
    for done, item in enumerate(items, start=1):
        yield item
        if done % step == 0 and done < len(items):
            left_s = (time.monotonic() - began_s) / done * (len(items) - done)
            tell(f"{done} of {len(items)} {what}, {left_s / 60:.1f} min left")


class TrainingProgress:
    """Four lines an epoch on stderr, with the time left.

    Args:
        epochs: of the whole run.
        steps: of an epoch.
    """

    def __init__(self, epochs: int, steps: int) -> None:
        self._epochs, self._steps = epochs, steps
        self._epoch, self._began_s = 0, time.monotonic()

    def start(self, epoch: int) -> None:
        """An epoch starts; the first one is number 0."""
        self._epoch, self._began_s = epoch, time.monotonic()

    def step(self, step: int, logs: dict[str, float]) -> None:
        """A step (from 0) of the epoch is done."""
        if (step + 1) % max(1, self._steps // 4):
            return
        per_step_s = (time.monotonic() - self._began_s) / (step + 1)
        left = self._steps - step - 1 + (self._epochs - self._epoch - 1) * self._steps
        say(
            f"epoch {self._epoch + 1}/{self._epochs} step {step + 1}/{self._steps} loss {logs['loss']:.4f} "
            f"accuracy {logs['accuracy']:.4f}, {per_step_s * left / 60:.1f} min left"
        )

    def end(self, figures: dict[str, float]) -> None:
        """The epoch is done, validation too."""
        shown = " ".join(f"{k} {v:.4f}" for k, v in figures.items())
        say(f"epoch {self._epoch + 1}/{self._epochs} done: {shown}")


def add_row(history: Path, epoch: int, figures: dict[str, float]) -> None:
    """Append an epoch's figures; rows of epochs that run again (a run may die after its row) are replaced."""
    lines = history.read_text(encoding="utf-8").splitlines() if history.is_file() else [",".join(COLUMNS)]
    row = ",".join([str(epoch), *(str(figures.get(c, "")) for c in COLUMNS[1:])])
    with whole(history) as part:
        part.write_text("\n".join([*lines[: epoch + 1], row]) + "\n", encoding="utf-8")


def draw_curves(history: Path, picture: Path) -> None:
    """Loss and accuracy by epoch, training and validation, as a PNG."""
    from matplotlib.figure import Figure  # noqa: PLC0415  takes a second to import

    with history.open(newline="", encoding="utf-8") as f:
        rows = list(csv.DictReader(f))
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for key in (name, f"val_{name}"):
            shown = [(int(r["epoch"]) + 1, float(r[key])) for r in rows if r[key]]
            if shown:
                axes.plot(*zip(*shown, strict=True), label=key)
        axes.set_xlabel("epoch")
        axes.legend()
    figure.savefig(picture, dpi=110)
