"""``maskgate bench clips``: real clips with known truth through the device's own pipeline.

``truth.tsv`` in the clips' folder has a line for each clip: ``clip``, and ``at_least`` and ``at_most``, how
many violations must and may open. The difference is people of whom either answer is fine, because they are
too far away or seen too briefly.

Counts can't tell whose a violation too many is. So those in clips in which nobody may have one are called
false, and all others repeated.
"""

import csv
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from edge.bench.figures import rate
from edge.camera import read_clip
from edge.config import Config
from edge.errors import UsageError
from edge.events import CameraTampered, ViolationOpened
from edge.people.clip_events import EPOCH, Replayed, events_of_clip
from edge.people.compose import load_models, make_pipeline
from edge.people.pipeline import Pipeline
from edge.progress import progress

TRUTH = "truth.tsv"
_COLUMNS = ("clip", "at_least", "at_most")


@dataclass(frozen=True, slots=True)
class ClipTruth:
    """What must and may be decided about one clip."""

    clip: Path
    at_least: int
    at_most: int


@dataclass(frozen=True, slots=True)
class ClipResult:
    """What was decided about one clip."""

    clip: str
    at_least: int
    at_most: int
    opened: int
    decided_after_s: tuple[float, ...]
    """For each violation: from the first sight of the person."""
    tampered: int
    """How often the camera was reported as tampered with; never is right."""

    @property
    def missed(self) -> int:
        """Violations that should have opened and did not."""
        return max(0, self.at_least - self.opened)

    @property
    def too_many(self) -> int:
        """Violations that should not have opened."""
        return max(0, self.opened - self.at_most)

    @property
    def right(self) -> bool:
        """Whether all of it is as it should be."""
        return not (self.missed or self.too_many or self.tampered)


def read_truth(folder: Path) -> list[ClipTruth]:
    """The truth about a folder of clips.

    Raises:
        UsageError: no such file, a line that can't be understood, or a clip that is not there.
    """
    path = folder / TRUTH
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
    except (OSError, UnicodeDecodeError) as e:
        reason = e.strerror if isinstance(e, OSError) else e
        raise UsageError(
            f"{path}: can't be read: {reason}. It needs a line for each clip: "
            f"{', '.join(_COLUMNS)}, tabs between"
        ) from e
    if not rows:
        raise UsageError(f"{path}: names no clip; a first line with {', '.join(_COLUMNS)}, then one for each")
    return [_truth(folder, row, number) for number, row in enumerate(rows, start=2)]


def run(folder: Path, config: Config | None = None) -> dict[str, Any]:
    """Run all clips of a folder.

    Args:
        folder: holds ``truth.tsv`` and the clips it names.
        config: of the device; the defaults where None.

    Returns:
        Figures ready for JSON and for ``table``; ``ok``: whether every clip was right.

    Raises:
        UsageError: the truth can't be read.
        CameraError: a clip can't be read.
        ModelError: the device's models can't be loaded.
    """
    truths, config = read_truth(folder), config or Config()
    models = load_models(config)
    return report([judge(t, lambda: make_pipeline(config, models)) for t in progress(truths, "clips")])


def judge(truth: ClipTruth, fresh: Callable[[], Pipeline]) -> ClipResult:
    """Run one clip through a fresh pipeline."""
    data = [e.data for e in events_of_clip(read_clip(truth.clip, EPOCH), fresh(), Replayed())]
    opened = [d for d in data if isinstance(d, ViolationOpened)]
    tampered = [d for d in data if isinstance(d, CameraTampered) and d.state == "opened"]
    return ClipResult(
        truth.clip.name,
        truth.at_least,
        truth.at_most,
        len(opened),
        tuple(d.seen_for_s for d in opened),
        len(tampered),
    )


def report(results: Sequence[ClipResult]) -> dict[str, Any]:
    """The figures of all clips."""
    certain = [n >= r.missed for r in results for n in range(r.at_least)]
    false = [n < r.too_many for r in results for n in range(r.opened) if r.at_most == 0]
    repeated = [n < r.too_many for r in results for n in range(r.opened) if r.at_most > 0]
    took_s = sorted(s for r in results for s in r.decided_after_s)
    return {
        "clips": [asdict(r) | {"right": r.right} for r in results],
        "right": rate(r.right for r in results),
        "opened": sum(r.opened for r in results),
        "found": rate(certain),
        "missed": sum(r.missed for r in results),
        "false": sum(false),
        "repeated": sum(repeated),
        "too_many": rate(false + repeated),
        "decided_after_s": round(median(took_s), 3) if took_s else None,
        "tampered": sum(r.tampered for r in results),
        "ok": all(r.right for r in results),
    }


def table(result: dict[str, Any]) -> str:
    """The figures as a table for people."""
    lines = [f"{'clip':44}{'opened':>7}{'wanted':>8}{'tampered':>10}"]
    for clip in result["clips"]:
        wanted = f"{clip['at_least']}-{clip['at_most']}"
        mark = "" if clip["right"] else "   wrong"
        lines.append(f"{clip['clip']:44}{clip['opened']:>7}{wanted:>8}{clip['tampered']:>10}{mark}")
    after = result["decided_after_s"]
    shares = [
        f"clips that are right: {_interval(result['right'])}",
        f"certain violations found: {_interval(result['found'])}; missed: {result['missed']}",
        f"opened and too many: {_interval(result['too_many'])}",
        f"of these false: {result['false']}, repeated: {result['repeated']}",
        f"median time to decide: {'-' if after is None else f'{after:.2f} s'}",
        f"tampering reported: {result['tampered']}",
    ]
    return "\n".join([*lines, "", *shares])


def _interval(share: dict[str, Any]) -> str:
    if share["of"] == 0:
        return "none to count"
    return f"{share['count']} of {share['of']} (95 %: {share['low']:.0%} to {share['high']:.0%})"


def _truth(folder: Path, row: dict[str, str], number: int) -> ClipTruth:
    path = folder / TRUTH
    try:
        name, low, high = (row[column] for column in _COLUMNS)
        truth = ClipTruth(folder / name, int(low), int(high))
    except (KeyError, TypeError, ValueError) as e:
        raise UsageError(
            f"{path}, line {number}: {dict(row)}: needs {', '.join(_COLUMNS)}, separated by tabs, the last "
            "two whole numbers. Example: door.mp4, 1, 2"
        ) from e
    if not 0 <= truth.at_least <= truth.at_most:
        raise UsageError(
            f"{path}, line {number}: at_least {low}, at_most {high}: needs 0 <= at_least <= at_most"
        )
    if not truth.clip.is_file():
        raise UsageError(f"{path}, line {number}: {truth.clip}: no such clip")
    return truth
