"""Events that were dropped: counted by reason and type until an ``events.dropped`` tells of them."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Literal

from edge.events import EventsDropped

Reason = Literal["rows", "bytes", "age", "disk"]
Account = dict[Reason, Counter[str]]
"""Why -> type -> how many."""


def loss(reason: Reason, kind: str, body: str) -> Account:
    """The account of one dropped event; where it was such a count itself, that lives on."""
    if kind != "events.dropped":
        return {reason: Counter({kind: 1})}
    data = json.loads(body)["data"]
    told = EventsDropped.model_validate({key: data[key] for key in EventsDropped.model_fields})
    return {told.reason: Counter(told.by_type)}


def added(*accounts: Mapping[Reason, Counter[str]]) -> Account:
    """The sum of accounts."""
    out: Account = {}
    for account in accounts:
        for reason, counts in account.items():
            out.setdefault(reason, Counter()).update(counts)
    return out


def total(account: Account) -> int:
    """How many events it counts."""
    return sum(sum(counts.values()) for counts in account.values())


def reports(account: Account) -> list[EventsDropped]:
    """The events that tell of them, one a reason."""
    return [
        EventsDropped(count=sum(counts.values()), by_type=dict(counts), reason=reason)
        for reason, counts in account.items()
    ]
