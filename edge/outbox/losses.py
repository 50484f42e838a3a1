"""Counts dropped events by reason and type, until an ``events.dropped`` reports them."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Literal

from edge.events import EventsDropped

Reason = Literal["rows", "bytes", "age", "disk"]
Account = dict[Reason, Counter[str]]
"""Reason -> type of event -> how many."""


def loss(reason: Reason, kind: str, body: str) -> Account:
    """The account of one dropped event. For an ``events.dropped``, it is the account in that report."""
    if kind != "events.dropped":
        return {reason: Counter({kind: 1})}
    data = json.loads(body)["data"]
    report = EventsDropped.model_validate({key: data[key] for key in EventsDropped.model_fields})
    return {report.reason: Counter(report.by_type)}


def added(*accounts: Mapping[Reason, Counter[str]]) -> Account:
    """The sum of accounts."""
    out: Account = {}
    for account in accounts:
        for reason, counts in account.items():
            out.setdefault(reason, Counter()).update(counts)
    return out


def total(account: Account) -> int:
    """How many events an account counts."""
    return sum(sum(counts.values()) for counts in account.values())


def reports(account: Account) -> list[EventsDropped]:
    """The events that report an account, one for each reason."""
    return [
        EventsDropped(count=sum(counts.values()), by_type=dict(counts), reason=reason)
        for reason, counts in account.items()
    ]
