"""What the looks at one person say together. Pure: no I/O, no clock.

Each look adds the classifier's log-odds, measured from its threshold. The step is limited, so that no single
frame decides. It is weighted by how well the look could be judged, and by the time since the last look, so
that a fast camera's near-copies do not count as independent looks.

What is not a face is never masked, so evidence for *not masked* needs a face: it counts by the detector's
score, and settles only on faces that are found surely and steadily. Hands, hair and chins on clips are found
in 47 to 62 % of the frames at the lowest scores; faces in 91 % and more.
"""

from dataclasses import dataclass

from edge.values import Look, Track, Verdict

_MAX_LOOK = 3.0
"""Log-odds that one look may add at most, so that no single look settles a person against the others."""
_MAX_EVIDENCE_FACTOR = 2.0
"""Evidence saturates at this multiple of what settles a person, so that a change of mind stays possible."""
_INDEPENDENT_S = 0.1
"""Looks closer together than this share their weight: on clips errors in neighbouring frames are the same."""
_FULL_CERTAINTY = 0.2
"""A look at a face this certain counts fully against a mask: a score of 0.68 where the least is 0.6."""
_MIN_CERTAINTY = 0.125
"""The mean certainty from which it is a face: a score of 0.65 where the least is 0.6."""
_MIN_STEADINESS = 0.65
"""A face is found in at least this share of the recent frames."""


@dataclass(frozen=True, slots=True)
class Rules:
    """When looks become a verdict; units as in ``edge.config.Decision``."""

    min_looks: int
    min_time_s: float
    evidence: float
    recheck_s: float


@dataclass(slots=True)
class Evidence:
    """Of one person, since the person came, or since it was last unsure whether it is the same person."""

    value: float = 0.0
    """Log-odds that a mask is worn properly, relative to the classifier's threshold."""
    looks: int = 0
    first_s: float = 0.0
    last_s: float = float("-inf")
    certainty: float = 0.0
    """Mean over the looks."""
    masked_lately: bool = True
    """What the last look said alone."""

    def add(self, look: Look, margin: float, certainty: float, limit: float, now: float) -> None:
        """Take in the classifier's opinion of one look.

        Args:
            look: which can be judged.
            margin: the classifier's log-odds less those of its threshold.
            certainty: of the face, see ``certainty_of``.
            limit: the evidence that settles a person.
            now: the frame's ``captured_at``.
        """
        if self.looks == 0:
            self.first_s = now
        weight = look.quality * min(1.0, (now - self.last_s) / _INDEPENDENT_S)
        if margin < 0:
            weight *= min(1.0, certainty / _FULL_CERTAINTY)
        step = weight * max(-_MAX_LOOK, min(_MAX_LOOK, margin))
        most = limit * _MAX_EVIDENCE_FACTOR
        self.value = max(-most, min(most, self.value + step))
        self.certainty = (self.certainty * self.looks + certainty) / (self.looks + 1)
        self.looks += 1
        self.last_s = now
        self.masked_lately = margin >= 0

    def verdict(self, track: Track, rules: Rules, now: float) -> Verdict | None:
        """What it is enough for; None: for nothing yet."""
        if self.looks < rules.min_looks or now - self.first_s < rules.min_time_s:
            return None
        if abs(self.value) < rules.evidence:
            return None
        if self.value > 0:
            return Verdict.MASKED
        surely_a_face = self.certainty >= _MIN_CERTAINTY and track.steadiness >= _MIN_STEADINESS
        return Verdict.NOT_MASKED if surely_a_face else None


def certainty_of(score: float, least_score: float) -> float:
    """How sure the detector is of a face: 0 at the least score that it reports, 1 at a score of 1."""
    return max(0.0, min(1.0, (score - least_score) / (1.0 - least_score)))
