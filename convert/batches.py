"""From a dataset to what Keras is fed."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert import network
from convert.augment import plain
from convert.dataset import Dataset
from convert.recipes import Recipe
from edge.errors import UsageError


def epoch_order(weights: NDArray[np.float64], seed: int, epoch: int) -> NDArray[np.intp]:
    """Which faces an epoch shows, shuffled: each floor(weight) times, and once more by chance of the rest."""
    rng = np.random.default_rng([seed, epoch])
    times = np.floor(weights + rng.random(len(weights))).astype(np.intp)
    return rng.permutation(np.repeat(np.arange(len(weights)), times))


def batches(dataset: Dataset, recipe: Recipe, seed: int, epoch: int) -> Any:  # noqa: ANN401  Keras has no types
    """One epoch of the training split; a function of seed and epoch alone.

    Raises:
        UsageError: the split is empty.
    """
    from tensorflow import keras  # noqa: PLC0415  takes seconds to import

    rows = dataset.indices("train")
    if not len(rows):
        raise UsageError("the dataset has no training faces")
    weights = np.array([dataset.records[i].weight if recipe.weighted else 1.0 for i in rows])
    labels = np.array([[dataset.records[i].positive] for i in rows], dtype=np.float32)
    length = max(1, int(weights.sum()) // recipe.batch)
    order = np.resize(epoch_order(weights, seed, epoch), length * recipe.batch)

    class Batches(keras.utils.Sequence):  # type: ignore[misc]
        """float32 (N, 96, 96, 3) pixels and (N, 1) labels."""

        def __len__(self) -> int:
            return length

        def __getitem__(self, number: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
            rng = np.random.default_rng([seed, epoch, number])
            chosen = order[number * recipe.batch : (number + 1) * recipe.batch]
            faces = [
                recipe.augment(dataset.faces[rows[i]], dataset.boxes[rows[i]], network.SIZE, rng)
                for i in chosen
            ]
            return np.stack(faces).astype(np.float32), labels[chosen]

    return Batches()


def plain_arrays(dataset: Dataset, split: str) -> tuple[NDArray[np.uint8], NDArray[np.float32]] | None:
    """(N, 96, 96, 3) uint8 inputs and (N, 1) float32 labels of a split, unchanged; None where it is empty."""
    rows = dataset.indices(split)
    if not len(rows):
        return None
    rng = np.random.default_rng(0)
    faces = [plain(dataset.faces[i], dataset.boxes[i], network.SIZE, rng) for i in rows]
    return np.stack(faces), np.array([[dataset.records[i].positive] for i in rows], dtype=np.float32)
