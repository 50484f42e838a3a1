"""Counts lost events by reason and type, until an ``events.dropped`` reports them."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import ValidationError

from edge.events import EventsDropped
from edge.values import counted

Reason = Literal["rows", "bytes", "age", "disk", "damaged"]
NUMBERS_MAX = 100
"""A report names at most this many numbers of lost events."""
UNKNOWN = "unknown"
"""Stands for the type of an event that can't be read any more."""


@dataclass(frozen=True, slots=True)
class Losses:
    """Events that were lost for one reason."""

    counts: Counter[str] = field(default_factory=Counter)
    """Type of event -> how many."""
    numbers: tuple[int, ...] = ()
    """Their numbers in order, if the reason is ``damaged``; the first ``NUMBERS_MAX``."""

    def __add__(self, other: "Losses") -> "Losses":
        """Both together."""
        numbers = sorted({*self.numbers, *other.numbers})[:NUMBERS_MAX]
        return Losses(self.counts + other.counts, tuple(numbers))


Account = dict[Reason, Losses]
"""Reason -> what was lost."""


def loss(reason: Reason, kind: str, body: bytes | str) -> Account:
    """The account of one dropped event. For an ``events.dropped``, it is the account in that report."""
    if kind == "events.dropped":
        try:
            data = json.loads(body)["data"]
            report = EventsDropped.model_validate(
                {k: data[k] for k in EventsDropped.model_fields if k in data}
            )
        except (ValueError, KeyError, TypeError, ValidationError):  # the report itself is damaged
            return {reason: Losses(Counter({kind: 1}))}
        numbers = tuple(int(number) for number in report.sequences)
        return {report.reason: Losses(Counter(report.by_type), numbers)}
    return {reason: Losses(Counter({kind: 1}))}


def damage(numbers: Sequence[int], count: int) -> Account:
    """The account of events that a damaged file has lost; empty if ``count`` is 0.

    Args:
        numbers: their numbers in order, as far as they are known.
        count: how many they are.
    """
    if not count:
        return {}
    return {"damaged": Losses(Counter({UNKNOWN: count}), tuple(numbers[:NUMBERS_MAX]))}


def added(*accounts: Mapping[Reason, Losses]) -> Account:
    """The sum of accounts."""
    out: Account = {}
    for account in accounts:
        for reason, losses in account.items():
            out[reason] = out.get(reason, Losses()) + losses
    return out


def total(account: Mapping[Reason, Losses]) -> int:
    """How many events an account counts."""
    return sum(losses.counts.total() for losses in account.values())


def reports(account: Mapping[Reason, Losses]) -> list[EventsDropped]:
    """The events that report an account, one for each reason."""
    return [
        EventsDropped(
            count=losses.counts.total(),
            by_type=dict(losses.counts),
            reason=reason,
            sequences=[f"{number:012d}" for number in losses.numbers],
        )
        for reason, losses in account.items()
    ]


def in_words(account: Account) -> str:
    """An account as the end of a sentence that begins with the outbox; empty if nothing was lost."""
    bounds: Account = {reason: lost for reason, lost in account.items() if reason != "damaged"}
    if bounds:
        dropped = counted(total(bounds), "event")
        return (
            f"reached its bounds ({', '.join(bounds)}) and dropped {dropped}, the oldest summaries first: it "
            "empties when the broker is reached"
        )
    if account:
        lost = counted(total(account), "event")
        return f"was damaged and lost {lost}: the next event reports it; check the disk or SD card"
    return ""
