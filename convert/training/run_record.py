"""What a training run was made of: written when it starts, compared when it is resumed."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from convert.data.dataset import Dataset
from convert.data.records import fingerprint
from convert.training.augment import RANGES
from convert.training.recipes import Recipe
from edge.errors import UsageError
from edge.model.contract import sha256_of

RUN_RECORD = "train.json"
_LATER = ("places_sha256", "augment_ranges")
"""Older records lack these; that does not stop a run from being resumed."""


def run_record(dataset: Dataset, weights: str, recipe: Recipe, seed: int) -> dict[str, Any]:
    """Everything that a run's result depends on, ready for JSON."""
    import tensorflow as tf  # noqa: PLC0415  takes seconds to import

    settings = {k: getattr(recipe, k) for k in Recipe.__slots__}
    return {
        "recipe": {**settings, "augment": recipe.augment.__name__},
        "seed": seed,
        "weights": weights if weights in ("imagenet", "random") else Path(weights).name,
        "weights_sha256": sha256_of(Path(weights)) if Path(weights).is_file() else None,
        "dataset_sha256": fingerprint(dataset.records),
        "places_sha256": dataset.places_sha256(),
        "augment_ranges": asdict(RANGES),
        "tensorflow": tf.__version__,
    }


def require_same(path: Path, now: dict[str, Any]) -> None:
    """Refuse to resume a run that started with other settings, data or weights.

    Raises:
        UsageError: the run differs from the record (it names how), or the record can't be read.
    """
    try:
        started = _flat(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as e:
        raise UsageError(
            f"{path}: can't be read ({e!r}), so how this run started is unknown; give another --out"
        ) from e
    wanted = _flat(json.loads(json.dumps(now)))
    started = {**{k: wanted[k] for k in _LATER if k in wanted}, **started}
    differs = [f"{k} was {started.get(k)}, now {wanted[k]}" for k in wanted if started.get(k) != wanted[k]]
    if differs:
        raise UsageError(
            f"{path}: this run started with other settings: {'; '.join(differs)}. --resume needs the same "
            "settings, data and weights; give another --out, or remove this run"
        )


def _flat(run_record: dict[str, Any]) -> dict[str, Any]:
    """What a result depends on; a weights file counts by its content, whatever its name."""
    flat = {**run_record, **{f"recipe.{k}": v for k, v in run_record["recipe"].items()}}
    flat["weights"] = run_record["weights_sha256"] or run_record["weights"]
    return {k: v for k, v in flat.items() if k not in ("recipe", "tensorflow", "weights_sha256")}
