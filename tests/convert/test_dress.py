"""Masks put on faces: where they end, what stays, what is said of them."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.training.dress import OVER_MOUTH, PROPER, UNDER_MOUTH, UNDER_NOSE, MaskPosition, dress, frontal
from convert.training.occlude import occlude
from edge.values import Image

PX = 128
POINTS = np.array([[44, 48], [84, 48], [64, 68], [50, 88], [78, 88]], dtype=np.float32)
NOSE, MOUTH, EYES, CHIN = (68, 64), (88, 64), (48, 64), (108, 64)
BARE = np.full((PX, PX, 3), (200, 160, 140), dtype=np.uint8)
WORN = BARE.copy()
WORN[56:120, 24:104] = (20, 60, 200)


def blue(picture: Image, at: tuple[int, int]) -> bool:
    return bool(picture[at][2] > picture[at][0])


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(
    ("wear", "covered", "bare"),
    [
        (PROPER, [NOSE, MOUTH, CHIN], [EYES]),
        (UNDER_NOSE, [MOUTH, CHIN], [EYES, NOSE]),
        (UNDER_MOUTH, [CHIN], [EYES, NOSE, MOUTH]),
        (OVER_MOUTH, [NOSE], [MOUTH, CHIN]),
    ],
)
def test_a_mask_covers_what_its_wear_says(
    wear: MaskPosition, covered: list[tuple[int, int]], bare: list[tuple[int, int]], seed: int
) -> None:
    picture, properly = dress(BARE, POINTS, WORN, POINTS, wear, np.random.default_rng(seed))
    if wear is not OVER_MOUTH:  # a short one may sit high or low
        assert [blue(picture, p) for p in covered] == [True] * len(covered)
    assert [blue(picture, p) for p in bare] == [False] * len(bare)
    assert properly is (wear is PROPER)


def test_the_lent_mask_follows_the_size_and_place_of_the_face() -> None:
    large = np.asarray(cv2.resize(WORN, (2 * PX, 2 * PX)), dtype=np.uint8)
    one, _ = dress(BARE, POINTS, WORN, POINTS, PROPER, np.random.default_rng(1))
    two, _ = dress(
        BARE, POINTS, np.asarray(large, dtype=np.uint8), 2 * POINTS, PROPER, np.random.default_rng(1)
    )
    assert np.abs(one.astype(int) - two).mean() < 2
    beside, there = np.roll(BARE, 16, 1), POINTS + np.array([16, 0])
    moved, _ = dress(beside, there, WORN, POINTS, PROPER, np.random.default_rng(1))
    assert np.abs(np.roll(one, 16, 1).astype(int) - moved)[:, 20:].mean() < 2


def test_a_mask_too_small_to_cover_nose_and_mouth_is_not_worn_properly() -> None:
    reaches_the_nose_only = WORN[:72]
    for seed in range(10):
        _, properly = dress(BARE, POINTS, reaches_the_nose_only, POINTS, PROPER, np.random.default_rng(seed))
        assert not properly


def test_a_bright_mask_is_dimmed_on_a_dark_face() -> None:
    dark = (BARE * 0.5).astype(np.uint8)
    bright, _ = dress(BARE, POINTS, WORN, POINTS, PROPER, np.random.default_rng(1))
    dim, _ = dress(dark, POINTS, WORN, POINTS, PROPER, np.random.default_rng(1))
    assert dim[MOUTH][2] < 0.7 * bright[MOUTH][2]


def test_only_frontal_upright_known_faces_are_dressed() -> None:
    straight = POINTS / PX
    profile, upside_down, tiny = straight.copy(), straight * (1, -1), straight * 0.3
    profile[2, 0] = straight[1, 0]
    unknown = np.full_like(straight, np.nan)
    rolled = (POINTS - 64) @ np.array([[0.8, 0.6], [-0.6, 0.8]]) / PX + 0.5
    faces = np.stack([straight, rolled, profile, upside_down, tiny, unknown]).astype(np.float32)
    assert frontal(faces).tolist() == [True, True, False, False, False, False]


@given(st.integers(0, 10_000))
def test_what_stands_before_a_face_leaves_its_eyes_and_the_original_alone(seed: int) -> None:
    face = np.random.default_rng(seed).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    before = face.copy()
    covered = occlude(face, np.random.default_rng(seed))
    assert (face == before).all()
    assert (covered != face).any()
    assert (covered[:19] == face[:19]).all()
    share = (covered != face).any(axis=2).mean()
    assert 0.005 < share < 0.5
