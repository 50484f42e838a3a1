"""Scores where there are no faces: drawn as the released classifier gave them on its test split."""

import numpy as np

from edge.bench.motion import Wear
from edge.bench.sightings import Moment
from edge.values import Box, Image, MaskScore, sigmoid

_SHARES = (0.0, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.97, 0.98, 0.99, 1.0)
_PERSONS = {
    Wear.MASKED: (-5.5, -4.2, -0.4, 1.0, 2.2, 3.1, 3.5, 3.7, 3.8, 4.0, 4.2, 4.2, 4.3, 4.3, 4.4),
    Wear.BARE: (-5.8, -5.6, -5.5, -5.5, -5.4, -5.3, -5.1, -5.0, -4.7, -3.8, -3.0, -2.1, -1.8, -0.7, 0.9),
    Wear.WRONG: (-5.3, -5.0, -5.0, -4.9, -4.9, -4.5, -4.0, -2.7, -0.4, 1.2, 2.1, 2.2, 2.3, 3.2, 3.3),
}
"""Quantiles (at ``_SHARES``) of the mean log-odds of one person's looks: measured with ``--faces`` and the
manifest, seeds 1 and 2, on 520, 418 and 98 visits, model mask-1.0.0-fd6d9dde. Errors belong to persons: who
is misjudged is misjudged in nearly every look."""
_LOOKS = {Wear.MASKED: 0.5, Wear.BARE: 1.0, Wear.WRONG: 1.4}
"""Standard deviation of one person's looks, from the same visits (root mean square; the median is a half)."""
_NO_FACE = (-2.1, 2.0)
"""Mean and standard deviation on what is not a face."""


class ScoreModel:
    """Stands for the classifier; ``expect`` must be called with each moment before its looks are scored."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng((seed, 6))
        self._moment: dict[Box, tuple[int, Wear] | None] = {}
        self._persons: dict[tuple[int, Wear], float] = {}

    def expect(self, moment: Moment) -> None:
        """Take note of whose face is where."""
        self._moment = {
            s.face.box: None if s.visitor is None else (s.visitor.id, s.visitor.wears(moment.at_s))
            for s in moment.sightings
        }

    def score(self, image: Image, box: Box | None, *, mirrored: bool) -> MaskScore:  # noqa: ARG002 - it does not look
        """A score for the visitor whose box it is."""
        if box is None:
            raise ValueError("the model of scores knows faces by their boxes only")
        known = self._moment[box]
        if known is None:
            logit = float(self._rng.normal(*_NO_FACE))
        else:
            if known not in self._persons:
                self._persons[known] = float(np.interp(self._rng.uniform(), _SHARES, _PERSONS[known[1]]))
            logit = self._persons[known] + float(self._rng.normal(scale=_LOOKS[known[1]]))
        return MaskScore(sigmoid(logit), logit)
