"""Error rates of parts of the faces: by source, width, brightness, blur, and by ``slice_*`` of a manifest."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from convert.data.records import LABELS
from convert.measure.metrics import share
from convert.measure.scoring import Scored

EDGES: dict[str, tuple[int, ...]] = {
    "width_px": (20, 30, 40, 60, 100),
    "brightness": (25, 60, 90, 120, 150, 180),
    "sharpness": (10, 100, 300, 1000, 2000),
}
"""Where one slice ends and the next starts. The first ones are the device's own limits as they ship: it does
not judge faces below."""


def rates(faces: Sequence[Scored]) -> dict[str, Any]:
    """Shares of each class, None where it is missing, and how many faces each stands on."""
    accepted = {
        label: np.array([f.accepted for f in faces if f.record.label == label], dtype=np.bool_)
        for label in LABELS
    }
    return {
        "masked_accepted": share(accepted["masked"]),
        "false_masked": share(accepted["not_masked"]),
        "incorrect_refused": share(~accepted["incorrect"]),
        "faces": len(faces),
        "counts": {label: len(flags) for label, flags in accepted.items()},
    }


def by_source(faces: Iterable[Scored]) -> dict[str, dict[str, Any]]:
    """``rates`` of each source, by name."""
    parts = defaultdict(list)
    for f in faces:
        parts[f.record.source].append(f)
    return {source: rates(parts[source]) for source in sorted(parts)}


def by_slice(faces: Sequence[Scored]) -> dict[str, dict[str, dict[str, Any]]]:
    """``rates`` by what is sliced and by slice: measured ones first, in order of size, where faces are."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for what, edges in EDGES.items():
        place = np.searchsorted(edges, [getattr(f, what) for f in faces], side="right")
        found[what] = {
            _name(edges, i): rates([f for f, p in zip(faces, place, strict=True) if p == i])
            for i in np.unique(place)
        }
    for what in sorted({name for f in faces for name in f.record.slices}):
        values = sorted({f.record.slices[what] for f in faces if what in f.record.slices})
        found[what] = {v: rates([f for f in faces if f.record.slices.get(what) == v]) for v in values}
    return found


def _name(edges: Sequence[int], place: int) -> str:
    if place == 0:
        return f"under {edges[0]}"
    if place == len(edges):
        return f"{edges[-1]} and more"
    return f"{edges[place - 1]} to {edges[place]}"
