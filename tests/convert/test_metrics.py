import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.metrics import calibration_error, lenient_threshold, platt, roc_auc, share


@given(st.lists(st.tuples(st.integers(-5, 5), st.booleans()), max_size=40))
def test_auc_is_the_share_of_pairs_in_the_right_order(rows: list[tuple[int, bool]]) -> None:
    pairs = [(a > b) + (a == b) / 2 for a, pa in rows for b, pb in rows if pa and not pb]
    wanted = sum(pairs) / len(pairs) if pairs else None
    scores = np.array([s for s, _ in rows], dtype=np.float64)
    found = roc_auc(scores, np.array([p for _, p in rows], dtype=np.bool_))
    assert found == (None if wanted is None else pytest.approx(wanted))


@pytest.mark.parametrize(("slope", "offset"), [(1.0, 0.0), (0.4, -1.0), (2.5, 0.7)])
def test_platt_finds_the_slope_and_offset_that_made_the_labels(slope: float, offset: float) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(0, 3, 20_000)
    p = 1 / (1 + np.exp(-(slope * x + offset)))
    positive = rng.random(len(x)) < p
    found = platt(x, positive, np.ones(len(x)))
    assert found == pytest.approx((slope, offset), abs=0.1)
    said = 1 / (1 + np.exp(-(found[0] * x + found[1])))
    assert calibration_error(said, positive, np.ones(len(x))) < 0.01


def test_platt_stays_finite_on_separable_scores() -> None:
    x = np.array([-3.0, -2.0, 2.0, 3.0])
    slope, offset = platt(x, x > 0, np.ones(4))
    assert 0.01 <= slope < 10
    assert abs(offset) < 1


def test_weights_count_as_repeats() -> None:
    x, positive = np.array([-1.0, 0.0, 1.0]), np.array([False, True, True])
    weighted = platt(x, positive, np.array([2.0, 1.0, 3.0]))
    repeated = platt(np.repeat(x, [2, 1, 3]), np.repeat(positive, [2, 1, 3]), np.ones(6))
    assert weighted == pytest.approx(repeated, abs=1e-6)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=300), st.floats(0.5, 1))
def test_the_threshold_accepts_the_share_that_is_wanted(said: list[float], wanted: float) -> None:
    p = np.array([*said, 0.99, 0.01])
    accept = np.array([*(True for _ in said), False, False])
    threshold = lenient_threshold(p, accept, wanted)
    assert 0.05 <= threshold <= 0.5
    accepted = (p[accept] >= threshold).mean()
    if threshold > 0.05:
        assert accepted >= wanted - 1e-9
    if threshold < 0.5:
        assert (p[accept] >= threshold + 0.011).mean() < wanted or len(said) * (1 - wanted) < 1


def test_of_a_hundred_masked_faces_two_may_be_refused() -> None:
    p = np.concatenate([[0.1, 0.2, 0.35], np.full(97, 0.9), np.full(50, 0.3)])
    assert lenient_threshold(p, np.arange(150) < 100, 0.98) == pytest.approx(0.35)
    assert lenient_threshold(p, np.arange(150) < 100, 0.97) == 0.5


def test_a_confident_liar_is_badly_calibrated() -> None:
    assert calibration_error(np.full(10, 0.95), np.zeros(10, dtype=bool), np.ones(10)) == pytest.approx(0.95)


def test_a_share_of_nothing_is_unknown() -> None:
    assert share(np.array([], dtype=np.bool_)) is None
    assert share(np.array([True, False])) == 0.5
