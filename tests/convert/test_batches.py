"""What an epoch shows: whom, how often, and with which label."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from convert.data.dataset import Dataset
from convert.data.records import Record
from convert.training.batches import batches
from convert.training.recipes import RECIPES
from edge.errors import UsageError

Floats = NDArray[np.float32]

FRONTAL = np.array([[44, 48], [84, 48], [64, 68], [50, 88], [78, 88]], dtype=np.float32) / 128
SKIN, CLOTH = (200, 160, 140), (20, 60, 200)


def dataset(*, masked: int = 8, bare: int = 24, known: bool = True, donor_split: str = "train") -> Dataset:
    """Faces whose lower half is cloth where they are masked."""
    labels = ["masked"] * masked + ["not_masked"] * bare
    faces = np.full((len(labels), 128, 128, 3), SKIN, dtype=np.uint8)
    faces[:masked, 60:] = CLOTH
    splits = [donor_split] * masked + ["train"] * bare
    records = [
        Record(Path(f"{i}.png"), label, "made up", str(i), str(i), split=split)
        for i, (label, split) in enumerate(zip(labels, splits, strict=True))
    ]
    boxes = np.tile(np.array([0, 0, 1, 1], dtype=np.float32), (len(labels), 1))
    points = np.tile(FRONTAL if known else np.full_like(FRONTAL, np.nan), (len(labels), 1, 1))
    return Dataset(records, faces, boxes, points)


DRESSED = replace(RECIPES["talk"], batch=8, dressed=1.0)


def shown(data: Dataset, recipe: object = DRESSED, epochs: int = 8) -> tuple[Floats, Floats]:
    parts = [
        epoch.part(b)
        for epoch in (batches(data, recipe, 1, n) for n in range(epochs))  # type: ignore[arg-type]
        for b in range(len(epoch))
    ]
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])[:, 0]


@pytest.mark.slow
def test_bare_faces_get_a_mask_and_its_label() -> None:
    faces, labels = shown(dataset())
    cloth = faces[..., 2] > faces[..., 0]
    chin, nose = cloth[:, 84:92, 40:56].mean((1, 2)) > 0.5, cloth[:, 49:54, 46:50].mean((1, 2)) > 0.5
    assert (chin | nose).mean() > 0.95, "nobody stays bare"
    assert not labels[~nose].any(), "a mask that leaves the nose free is not worn properly"
    dressed_properly = (labels.sum() - 8 * 8) / (8 * 24)
    assert 0.2 < dressed_properly < 0.45


def test_without_dressing_the_labels_are_the_datasets() -> None:
    _, labels = shown(dataset(), replace(DRESSED, dressed=0.0), epochs=1)
    assert labels.sum() == 8


@pytest.mark.parametrize("data", [dataset(known=False), dataset(donor_split="test")])
def test_nobody_is_dressed_without_landmarks_or_with_a_mask_of_the_test_split(data: Dataset) -> None:
    faces, labels = shown(data, epochs=1)
    worn = (faces[:, 60:80, 30:66, 2] > faces[:, 60:80, 30:66, 0]).mean((1, 2)) > 0.5
    assert worn.tolist() == (labels > 0).tolist()


def test_an_epoch_is_a_function_of_seed_and_number_however_it_is_shared_out() -> None:
    epoch = batches(dataset(), DRESSED, 7, 3)
    whole, labels = epoch.part(2)
    again = batches(dataset(), DRESSED, 7, 3).part(2)
    assert (whole == again[0]).all()
    halves = [epoch.part(2, replica, 2) for replica in range(2)]
    assert (np.concatenate([h[0] for h in halves]) == whole).all()
    assert (np.concatenate([h[1] for h in halves]) == labels).all()
    other = batches(dataset(), DRESSED, 7, 4).part(2)
    assert (other[0] != whole).any()


def test_an_empty_training_split_is_refused() -> None:
    empty = dataset()
    with pytest.raises(UsageError, match="no training faces"):
        batches(replace(empty, records=[replace(r, split="val") for r in empty.records]), DRESSED, 1, 0)
