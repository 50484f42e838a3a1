import numpy as np
import pytest

from convert.measure.metrics import calibration_error, platt, share


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


def test_a_confident_liar_is_badly_calibrated() -> None:
    assert calibration_error(np.full(10, 0.95), np.zeros(10, dtype=bool), np.ones(10)) == pytest.approx(0.95)


def test_a_share_of_nothing_is_unknown() -> None:
    assert share(np.array([], dtype=np.bool_)) is None
    assert share(np.array([True, False])) == 0.5
