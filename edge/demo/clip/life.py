"""Draws the README's picture of a violation's life, from what really happens in the demo's clip.

python -m edge.demo.clip.life --out edge/demo/life.png
"""

import argparse
import sys
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

import matplotlib as mpl
import numpy as np

from edge.camera import read_clip
from edge.config import Config
from edge.demo.visit_clip import CLIP
from edge.people.compose import load_models, make_pipeline
from edge.people.outcomes import Arrived, Closed, Departed, Opened
from edge.progress import progress
from edge.values import Box, Image, MaskScore, Verdict

mpl.use("Agg")
from matplotlib import pyplot as plt

COLOURS = {Verdict.MASKED: "#2f9e5a", Verdict.NOT_MASKED: "#d5352f", Verdict.CANNOT_JUDGE: "#a0a0a0"}
FACES = 9
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass
class Life:
    """One person's time before the camera; times in s."""

    sights: list[tuple[float, float, Verdict]] = field(default_factory=list)
    """Time, pooled probability, verdict."""
    looks: list[tuple[float, float]] = field(default_factory=list)
    """Time and probability of each look that was classified."""
    faces: list[tuple[float, Image]] = field(default_factory=list)
    moments: list[tuple[float, str]] = field(default_factory=list)
    complied: bool = False


class Recorder:
    """Passes everything on to the classifier, and remembers its probability for each box."""

    def __init__(self, classifier: object) -> None:
        self._classifier = classifier
        self.scores: dict[Box | None, float] = {}

    def score(self, image: Image, box: Box | None, *, mirrored: bool) -> MaskScore:
        """See ``edge.people.protocols.Classifier``."""
        score: MaskScore = self._classifier.score(image, box, mirrored=mirrored)  # type: ignore[attr-defined]
        self.scores[box] = score.probability
        return score


def watch(clip: Path) -> Life:
    """The life of the clip's first violation that ends with a mask."""
    config = Config()
    pipeline = make_pipeline(config, load_models(config))
    pipeline.classifier = recorder = Recorder(pipeline.classifier)
    lives: dict[int, Life] = {}
    words = {Arrived: "comes", Opened: "violation.opened", Departed: "leaves"}
    for frame in progress(read_clip(clip, _EPOCH), "frames"):
        result, now = pipeline.process(frame), frame.captured_at
        for sight in result.sights:
            life, box = lives.setdefault(sight.track.id, Life()), sight.track.face.box
            life.sights.append((now, sight.score, sight.verdict))
            if box in recorder.scores:
                life.looks.append((now, recorder.scores[box]))
            x1, y1, x2, y2 = (int(max(0, v)) for v in _wider(box).corners)
            life.faces.append((now, frame.image[y1:y2, x1:x2]))
        for outcome in result.outcomes:
            life = lives.setdefault(outcome.track.id, Life())
            if isinstance(outcome, Closed):
                life.complied = life.complied or outcome.complied
                life.moments.append((now, f"violation.closed\n{'complied' if outcome.complied else 'left'}"))
            elif type(outcome) in words:
                track = outcome.track
                when = {Arrived: track.first_seen, Departed: track.last_seen}.get(type(outcome), now)
                life.moments.append((when, words[type(outcome)]))
    return next(life for life in lives.values() if life.complied)


def _wider(box: Box) -> Box:
    return Box(
        box.x1 - box.width / 3, box.y1 - box.height / 3, box.x2 + box.width / 3, box.y2 + box.height / 4
    )


def draw(life: Life, out: Path) -> None:
    """Faces above, probabilities below, the moments between them."""
    times, scores, verdicts = zip(*life.sights, strict=True)
    figure = plt.figure(figsize=(11, 4.6), dpi=130)
    grid = figure.add_gridspec(2, FACES, height_ratios=(1, 2), hspace=0.32, wspace=0.05)
    for column, index in enumerate(np.linspace(2, len(life.faces) - 4, FACES).astype(int)):
        axes = figure.add_subplot(grid[0, column])
        axes.imshow(life.faces[index][1])
        axes.set_title(f"{life.faces[index][0]:.1f} s", fontsize=8, color="#555555")
        axes.set_axis_off()
    axes = figure.add_subplot(grid[1, :])
    for start, end, verdict in zip(times, [*times[1:], times[-1]], verdicts, strict=True):
        axes.axvspan(start, end, color=COLOURS[verdict], alpha=0.18, linewidth=0)
    axes.step(
        times, scores, where="post", color="#333333", linewidth=1.8, label="the person: pooled evidence"
    )
    axes.plot(*zip(*life.looks, strict=True), "o", ms=4.5, color="#2b6cb0", label="one look: the classifier")
    for n, (when, what) in enumerate(life.moments):
        axes.axvline(when, color="#333333", linewidth=0.8, linestyle=":")
        axes.text(when, 1.06, what, fontsize=8, ha="left" if n == 1 else "center", va="bottom")
    axes.set(ylim=(-0.04, 1.04), xlim=(times[0] - 0.1, times[-1] + 0.3))
    axes.set_xlabel("seconds  (grey: cannot be judged yet, red: not masked, green: masked)")
    axes.set_ylabel("mask worn properly")
    axes.legend(loc="center", fontsize=8, framealpha=0.9)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.savefig(out, bbox_inches="tight")


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clip", type=Path, default=CLIP)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    draw(watch(args.clip), args.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
