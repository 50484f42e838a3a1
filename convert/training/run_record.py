"""What a training run was made of: written when it starts, compared when it is resumed."""

import json
from pathlib import Path
from typing import Any

from convert.data.dataset import Dataset
from convert.data.records import fingerprint
from convert.training.recipes import Recipe
from edge.errors import UsageError
from edge.model.contract import sha256_of

PASSPORT = "train.json"
_LATER = "places_sha256"
"""Passports of before it was written are not held against a run."""


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
        "tensorflow": tf.__version__,
    }


def require_same(path: Path, now: dict[str, Any]) -> None:
    """Refuse to go on with a run that began otherwise.

    Raises:
        UsageError: the run differs from the record (it names how), or the record can't be read.
    """
    try:
        began = _flat(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as e:
        raise UsageError(
            f"{path}: can't be read ({e!r}), so how this run began is unknown; give another --out"
        ) from e
    wanted = _flat(json.loads(json.dumps(now)))
    began.setdefault(_LATER, wanted[_LATER])
    differs = [f"{k} was {began.get(k)}, now {wanted[k]}" for k in wanted if began.get(k) != wanted[k]]
    if differs:
        raise UsageError(
            f"{path}: this run began otherwise: {'; '.join(differs)}. --resume needs the same settings, data "
            "and weights; give another --out, or remove this run"
        )


def _flat(run_record: dict[str, Any]) -> dict[str, Any]:
    """What a result depends on; a weights file counts by its content, whatever its name."""
    flat = {**run_record, **{f"recipe.{k}": v for k, v in run_record["recipe"].items()}}
    flat["weights"] = run_record["weights_sha256"] or run_record["weights"]
    return {k: v for k, v in flat.items() if k not in ("recipe", "tensorflow", "weights_sha256")}
