"""Which faces belong together, which split they go to, and how much each weighs in training. Pure."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from convert.data.records import SPLITS, Record

SHARES = {"train": 0.7, "val": 0.2, "test": 0.1}
SYNTHETIC_SOURCES = {"maskon"}
"""Drawn masks: they teach less than real ones, and too many of them cost properly masked faces."""
SYNTHETIC_WEIGHT = 0.25
INCORRECT_SHARE = 0.4
"""Of the not-masked side of an epoch, the share of wrongly worn masks."""
MAX_REPEAT = 6.0
"""No face is shown more often than this in an epoch, however rare its class."""


Stratum = tuple[str, str]
"""Source and label."""


def group_by_ties(ties: Sequence[Sequence[str]]) -> list[str]:
    """One group name a face: faces that share any tie, even through others, are one group."""
    parent: dict[str, str] = {}

    def root(x: str) -> str:
        parent.setdefault(x, x)
        while parent[x] != x:
            parent[x] = parent[parent[x]]
            x = parent[x]
        return x

    for names in ties:
        roots = sorted(root(n) for n in names)
        for other in roots[1:]:
            parent[root(other)] = root(roots[0])
    return [root(names[0]) for names in ties]


def assign_splits(records: Sequence[Record], seed: int) -> list[Record]:
    """Set ``split``: 0.7 train, 0.2 val, 0.1 test of each source and label, by group, never by face.

    The largest groups are placed first, each where its source and label lack most, so that the shares come
    out even where groups are large.
    """
    members: dict[str, list[Record]] = defaultdict(list)
    for r in records:
        members[r.group].append(r)
    names = sorted(members)
    shuffled = [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
    totals = Counter(_stratum(r) for r in records)
    placed: Counter[tuple[str, Stratum]] = Counter()
    where: dict[str, str] = {}
    for name in sorted(shuffled, key=lambda n: -len(members[n])):
        strata = Counter(_stratum(r) for r in members[name])

        def lack(split: str, strata: Mapping[Stratum, int] = strata) -> float:
            return sum(
                n * (SHARES[split] - placed[split, s] / totals[s]) / SHARES[split] for s, n in strata.items()
            )

        where[name] = max(SPLITS, key=lack)
        placed.update({(where[name], s): n for s, n in strata.items()})
    return [replace(r, split=where[r.group]) for r in records]


def _stratum(record: Record) -> Stratum:
    return record.source, record.label


def assign_weights(records: Sequence[Record]) -> list[Record]:
    """Set ``weight`` so that an epoch of the training split shows both sides equally often.

    ``incorrect`` makes up ``INCORRECT_SHARE`` of the not-masked side, synthetic ones count less. The mean
    weight over the training split is 1 unless ``MAX_REPEAT`` cuts it; then the other side is shown less too.
    """
    train = [r for r in records if r.split == "train"]
    raw = {label: sum(_raw(r) for r in train if r.label == label) for label in {r.label for r in train}}
    shares = {"masked": 0.5, "not_masked": 0.5 * (1 - INCORRECT_SHARE), "incorrect": 0.5 * INCORRECT_SHARE}
    if "incorrect" not in raw:
        shares["not_masked"] = 0.5
    factor = {label: shares[label] * len(train) / total for label, total in raw.items()}
    weighted = [replace(r, weight=min(MAX_REPEAT, _raw(r) * factor.get(r.label, 1.0))) for r in records]
    shown = balance(weighted)
    fewest = min(shown.values())
    if fewest == 0:  # a side is missing: there is nothing to match
        return weighted
    times = {True: fewest / shown["masked"], False: fewest / shown["not_masked"]}
    return [replace(r, weight=r.weight * times[r.positive]) for r in weighted]


def _raw(record: Record) -> float:
    return SYNTHETIC_WEIGHT if record.source in SYNTHETIC_SOURCES else 1.0


def balance(records: Sequence[Record]) -> dict[str, float]:
    """Faces an epoch shows, on average, of each side (``masked``, ``not_masked`` with ``incorrect``)."""
    train = [r for r in records if r.split == "train"]
    return {
        "masked": sum(r.weight for r in train if r.positive),
        "not_masked": sum(r.weight for r in train if not r.positive),
    }
