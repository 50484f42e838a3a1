"""What is decided about people and their camera. Pure values: others count, report or show them."""

from dataclasses import dataclass

from edge.events import TamperReason
from edge.values import Track, Verdict


@dataclass(frozen=True, slots=True)
class Arrived:
    """A face was found often enough to be a person's."""

    track: Track


@dataclass(frozen=True, slots=True)
class Settled:
    """A person got a verdict, or another one."""

    track: Track
    verdict: Verdict
    score: float
    """Pooled probability that a mask is worn properly."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A violation starts."""

    track: Track
    score: float


@dataclass(frozen=True, slots=True)
class Closed:
    """A violation ends."""

    track: Track
    complied: bool
    """True: the mask went on; False: the person left."""
    duration_s: float
    announced: bool
    """The announcement was played while the violation was open."""


@dataclass(frozen=True, slots=True)
class Departed:
    """A person has left."""

    track: Track
    verdict: Verdict
    """The last verdict of the visit."""
    violated: bool
    """Whether a violation was opened during the visit; a visit has at most one."""


@dataclass(frozen=True, slots=True)
class Crossed:
    """A person walked over a counting line."""

    track: Track
    line: str
    inward: bool


@dataclass(frozen=True, slots=True)
class TamperChange:
    """A tampering with the camera was noticed, or is over; the fields of ``camera.tampered``."""

    opened: bool
    """True: it was noticed; False: it is over."""
    reason: TamperReason
    message: str
    """What is seen, in numbers, and what to do."""
    duration_s: float
    """From its start to this change."""


Outcome = Arrived | Settled | Opened | Closed | Departed | Crossed


def describe(outcome: Outcome) -> str:
    """An outcome in words, for logs and screens."""
    who = f"person {outcome.track.id}"
    if isinstance(outcome, Settled):
        return f"{who}: {outcome.verdict.value.replace('_', ' ')} (mask {outcome.score:.0%})"
    if isinstance(outcome, Opened):
        return f"{who}: violation opened"
    if isinstance(outcome, Closed):
        how = "the mask went on" if outcome.complied else "the person left"
        return f"{who}: violation closed after {outcome.duration_s:.1f} s, {how}"
    if isinstance(outcome, Crossed):
        return f"{who} goes {'in' if outcome.inward else 'out'} over {outcome.line}"
    return f"{who} comes" if isinstance(outcome, Arrived) else f"{who} has left"
