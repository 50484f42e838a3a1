import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.training.augment import Augment, as_the_device_sees, flip_and_rotate, plain
from convert.training.batches import epoch_order
from edge.model.preprocess import face_input
from edge.values import Box

FACE = np.random.default_rng(5).integers(0, 256, (128, 128, 3), dtype=np.uint8)
WHOLE = np.array([0, 0, 1, 1], dtype=np.float32)


@pytest.mark.parametrize("augment", [plain, flip_and_rotate, as_the_device_sees])
def test_an_input_has_the_models_size_and_depends_on_the_seed_alone(augment: Augment) -> None:
    for seed in range(60):
        one, two = (augment(FACE, WHOLE, (96, 96), np.random.default_rng(seed)) for _ in range(2))
        assert one.shape == (96, 96, 3)
        assert one.dtype == np.uint8
        assert (one == two).all()


def test_stored_pictures_are_not_changed() -> None:
    before = FACE.copy()
    for seed in range(40):
        as_the_device_sees(FACE, WHOLE, (96, 96), np.random.default_rng(seed))
    assert (before == FACE).all()


def test_plain_is_what_the_device_cuts() -> None:
    box = np.array([0.25, 0.25, 0.75, 0.5], dtype=np.float32)
    wanted = face_input(FACE, Box(32, 32, 96, 64), (96, 96), 0.0)
    assert (plain(FACE, box, (96, 96), np.random.default_rng(0)) == wanted).all()


@given(st.lists(st.floats(0, 6), min_size=1, max_size=50), st.integers(0, 9))
def test_an_epoch_shows_each_face_as_often_as_its_weight(weights: list[float], epoch: int) -> None:
    order = epoch_order(np.array(weights), 1, epoch)
    shown = np.bincount(order, minlength=len(weights))
    assert (np.abs(shown - np.array(weights)) <= 1).all()


def test_epochs_differ() -> None:
    weights = np.ones(100)
    assert (epoch_order(weights, 1, 0) != epoch_order(weights, 1, 1)).any()
