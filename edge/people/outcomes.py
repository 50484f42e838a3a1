"""What is decided about people: pure values, from ``policy`` to whoever counts, reports or shows them."""

from dataclasses import dataclass

from edge.values import Track, Verdict


@dataclass(frozen=True, slots=True)
class Arrived:
    """A person is really there."""

    track: Track


@dataclass(frozen=True, slots=True)
class Settled:
    """A person's verdict was found, or changed."""

    track: Track
    verdict: Verdict
    score: float
    """Pooled probability that a mask is worn properly."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A violation begins."""

    track: Track
    score: float


@dataclass(frozen=True, slots=True)
class Closed:
    """A violation ends."""

    track: Track
    complied: bool
    """The mask went on; else the person left."""
    duration_s: float
    announced: bool
    """The person had heard the announcement."""


@dataclass(frozen=True, slots=True)
class Departed:
    """A person has left."""

    track: Track
    verdict: Verdict
    """The last one."""
    violated: bool
    """A violation was opened during the visit: at most one is."""


@dataclass(frozen=True, slots=True)
class Crossed:
    """A person walked over a counting line."""

    track: Track
    line: str
    inward: bool


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
