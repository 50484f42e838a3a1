"""From a dataset to what Keras is fed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convert.data.dataset import FACE_PX, Dataset
from convert.training import network
from convert.training.augment import plain
from convert.training.dress import CHANCES, WEARS, dress, frontal
from convert.training.recipes import Recipe
from edge.errors import UsageError
from edge.values import Image

Batch = tuple[NDArray[np.float32], NDArray[np.float32]]
"""(N, 96, 96, 3) pixels from 0 to 255, and (N, 1) labels."""


def epoch_order(weights: NDArray[np.float64], seed: int, epoch: int) -> NDArray[np.intp]:
    """Which faces an epoch shows, shuffled: each floor(weight) times, and once more by chance of the rest."""
    rng = np.random.default_rng([seed, epoch])
    times = np.floor(weights + rng.random(len(weights))).astype(np.intp)
    return rng.permutation(np.repeat(np.arange(len(weights)), times))


@dataclass(frozen=True, eq=False, slots=True)
class Epoch:
    """One epoch of the training split in batches; a function of its seed and number alone."""

    dataset: Dataset
    recipe: Recipe
    seed: int
    number: int
    order: NDArray[np.intp]
    """(batches * recipe.batch,) rows of the dataset."""
    bare: NDArray[np.bool_]
    """(rows,) whom a mask can be put on."""
    donors: NDArray[np.intp]
    """Rows of the training split whose mask can be lent."""

    def __len__(self) -> int:
        return len(self.order) // self.recipe.batch

    def part(self, batch: int, replica: int = 0, replicas: int = 1) -> Batch:
        """What one of ``replicas`` devices trains on in a batch; together they see the whole of it, once.

        A face's augmentation depends on its place in the epoch, not on who makes it.
        """
        places = np.arange(batch * self.recipe.batch, (batch + 1) * self.recipe.batch)
        mine = np.array_split(places, replicas)[replica]
        faces, labels = zip(*(self._face(int(i)) for i in mine), strict=True)
        return np.stack(faces), np.array(labels, dtype=np.float32)[:, None]

    def _face(self, place: int) -> tuple[NDArray[np.float32], bool]:
        rng, row = np.random.default_rng([self.seed, self.number, place]), self.order[place]
        picture, positive = self.dataset.faces[row], self.dataset.records[row].positive
        if self.bare[row] and rng.random() < self.recipe.dressed:
            picture, positive = self._dress(row, rng)
        face = self.recipe.augment(picture, self.dataset.boxes[row], network.SIZE, rng)
        return face.astype(np.float32), positive

    def _dress(self, row: int, rng: np.random.Generator) -> tuple[Image, bool]:
        donor, wear = rng.choice(self.donors), WEARS[rng.choice(len(WEARS), p=CHANCES)]
        (bare, points), (worn, worn_points) = (
            (self.dataset.faces[i], self.dataset.points[i] * FACE_PX) for i in (row, donor)
        )
        return dress(bare, points, worn, worn_points, wear, rng)


def batches(dataset: Dataset, recipe: Recipe, seed: int, epoch: int) -> Epoch:
    """One epoch of the training split.

    Raises:
        UsageError: the split is empty.
    """
    rows = dataset.indices("train")
    if not len(rows):
        raise UsageError("the dataset has no training faces")
    weights = np.array([dataset.records[i].weight if recipe.weighted else 1.0 for i in rows])
    length = max(1, int(weights.sum()) // recipe.batch)
    order = np.resize(epoch_order(weights, seed, epoch), length * recipe.batch)
    labels = np.array([r.label for r in dataset.records])
    straight = frontal(dataset.points)
    donors = rows[straight[rows] & (labels[rows] == "masked")]
    bare = straight & (labels == "not_masked") & bool(len(donors))
    return Epoch(dataset, recipe, seed, epoch, rows[order], bare, donors)


def plain_arrays(dataset: Dataset, split: str) -> tuple[NDArray[np.uint8], NDArray[np.float32]] | None:
    """(N, 96, 96, 3) uint8 inputs and (N, 1) float32 labels of a split, unchanged; None where it is empty."""
    rows = dataset.indices(split)
    if not len(rows):
        return None
    rng = np.random.default_rng(0)
    faces = [plain(dataset.faces[i], dataset.boxes[i], network.SIZE, rng) for i in rows]
    return np.stack(faces), np.array([[dataset.records[i].positive] for i in rows], dtype=np.float32)
