"""Boxes in the detector's own convention, and what a detector found of what is there."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from convert.face.boxes import iou_matrix, measure_offsets, to_own_convention
from convert.face.figures import at_threshold, detector_figures
from convert.face.matching import NEVER, PhotoFaces, average_precision, match, recall, threshold_at
from edge.values import Box

NONE = np.zeros((0, 4))
corner = st.floats(0, 90)
side = st.floats(1, 60)


@st.composite
def boxes(draw: st.DrawFn, most: int = 6) -> NDArray[Any]:
    rows = draw(st.lists(st.tuples(corner, corner, side, side), max_size=most))
    return np.array([[x, y, x + w, y + h] for x, y, w, h in rows]).reshape(-1, 4)


def row(box: list[float], score: float) -> NDArray[Any]:
    return np.array([*box, *range(10), score], dtype=np.float64)


@given(boxes(), boxes())
def test_overlaps_are_those_of_the_devices_boxes(a: NDArray[Any], b: NDArray[Any]) -> None:
    found = iou_matrix(a, b)
    assert found.shape == (len(a), len(b))
    for i, j in np.ndindex(found.shape):
        assert found[i, j] == pytest.approx(Box(*a[i]).iou(Box(*b[j])), abs=1e-9)


def test_the_offset_is_the_median_of_each_side_as_a_share_of_the_labels_height() -> None:
    rows = np.stack([row([10, 10, 30, 30], 0.9), row([50, 50, 70, 70], 0.9), row([0, 60, 20, 80], 0.2)])
    labelled = np.array([[10, 14, 30, 34], [50, 52, 70, 72], [0, 61, 20, 81]], dtype=np.float64)
    offsets = measure_offsets([(labelled, ("masked", "masked", "incorrect"), rows)])
    assert offsets["masked"] == pytest.approx([0, 0.15, 0, 0.15])
    assert offsets["incorrect"] == pytest.approx([0, 0, 0, 0])  # the detector was not sure of that one


def test_a_label_moves_by_the_offset_and_halfway_to_the_detectors_box() -> None:
    offsets = {"masked": np.array([0, 0.2, 0, 0.1])}
    labelled = np.array([[0, 20, 10, 30], [60, 20, 70, 30]], dtype=np.float64)
    truth = to_own_convention(
        labelled, ("masked", "masked"), row([0, 16, 10, 29], 0.9)[None], offsets, faces=NONE, not_faces=NONE
    )
    assert truth.boxes == pytest.approx(np.array([[0, 17, 10, 29], [60, 18, 70, 29]], dtype=np.float64))
    assert truth.points[0].ravel() == pytest.approx(range(10))
    assert np.isnan(truth.points[1]).all()
    assert len(truth.ignored) == 0


def test_what_the_original_is_sure_of_is_ignored_unless_somebody_saw_that_it_is_no_face() -> None:
    rows = np.stack([row([0, 0, 10, 10], 0.9), row([40, 0, 50, 10], 0.9), row([80, 0, 90, 10], 0.6)])
    hand, seen = np.array([[40.0, 0, 50, 11]]), np.array([[20.0, 0, 30, 10]])
    truth = to_own_convention(NONE, (), rows, {}, faces=seen, not_faces=hand)
    assert truth.ignored.tolist() == [[20, 0, 30, 10], [0, 0, 10, 10]]


def photo(labelled: list[list[float]], found: list[tuple[list[float], float]], **more: object) -> PhotoFaces:
    values: dict[str, object] = {
        "boxes": np.array(labelled, dtype=np.float64).reshape(-1, 4),
        "labels": ("masked",) * len(labelled),
        "ignored": NONE,
        "found": np.array([b for b, _ in found], dtype=np.float64).reshape(-1, 4),
        "scores": np.array([s for _, s in found], dtype=np.float64),
        **more,
    }
    return PhotoFaces(**values)  # type: ignore[arg-type]


A, B, C = [0.0, 0, 30, 30], [50.0, 0, 80, 30], [0.0, 50, 30, 80]


def test_hits_errors_and_what_is_neither() -> None:
    narrow = [90.0, 90, 100, 100]
    seen = photo([A, B, narrow], [(A, 0.9), (A, 0.8), (C, 0.7), (narrow, 0.6), ([60.0, 60, 70, 70], 0.5)])
    matches = match([seen], 0.5)
    # twice the same face: the second is an error; a narrow face and a narrow error count nothing
    assert list(zip(matches.score, matches.hit, strict=True)) == [(0.9, True), (0.8, False), (0.7, False)]
    assert matches.face_score.tolist() == [0.9, NEVER]
    ignored = match([photo([A], [(A, 0.9), (C, 0.7)], ignored=np.array([C]))], 0.5)
    assert ignored.hit.tolist() == [True]


def test_a_wanted_face_is_preferred_over_an_ignored_one() -> None:
    both = match([photo([A], [(A, 0.9)], ignored=np.array([A]))], 0.5)
    assert both.hit.tolist() == [True]


def test_precision_and_recall_of_a_known_case() -> None:
    matches = match([photo([A, B], [(A, 0.9), (C, 0.8), (B, 0.7)])], 0.5)
    assert average_precision(matches) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert threshold_at(matches, 0.5) == 0.8
    assert threshold_at(matches, 1.0) == 0.0
    assert recall(matches, 0.8) == 0.5
    assert recall(matches, 0.0) == 1.0
    assert recall(matches, 0.0, label="masked", widths_px=(0, 30)) != recall(
        matches, 0.0
    )  # NaN: none so narrow


def test_a_photo_that_counts_twice_is_like_the_photo_twice() -> None:
    one, other = photo([A, B], [(A, 0.9), (C, 0.85)]), photo([A], [(C, 0.8), (A, 0.7)])
    counted = match([one, other], 0.5)
    twice, counts = match([one, one, other], 0.5), np.array([2.0, 1.0])
    assert average_precision(counted, counts) == pytest.approx(average_precision(twice))
    for rate in (0.1, 0.4, 0.7, 1.0):
        threshold = threshold_at(twice, rate)
        assert threshold_at(counted, rate, counts) == threshold
        assert recall(counted, threshold, counts=counts) == pytest.approx(recall(twice, threshold))


@given(st.lists(boxes(), min_size=1, max_size=3), st.lists(boxes(), min_size=3, max_size=3), st.randoms())
def test_more_false_boxes_allowed_never_find_fewer_faces(
    labelled: list[NDArray[Any]], found: list[NDArray[Any]], random: object
) -> None:
    rng = np.random.default_rng(random.randrange(2**32))  # type: ignore[attr-defined]
    photos = [
        photo(list(b), [(list(f), float(s)) for f, s in zip(d, rng.random(len(d)), strict=True)])
        for b, d in zip(labelled, found, strict=False)
    ]
    matches = match(photos, 0.3, min_width_px=0)
    assert int(matches.hit.sum()) == int((matches.face_score > NEVER).sum())
    recalls = [recall(matches, threshold_at(matches, rate)) for rate in (0.0, 0.5, 1.0, 10.0)]
    assert all(a <= b or math.isnan(b) for a, b in pairwise(recalls))
    precision = average_precision(matches)
    assert math.isnan(precision) or 0 <= precision <= 1


def test_figures_have_intervals_around_them_and_say_where_nothing_can_be_counted() -> None:
    photos = [photo([A, B], [(A, 0.9), (C, 0.3 + 0.01 * i)]) for i in range(12)]
    figures = detector_figures(photos, seed=3)
    assert figures == detector_figures(photos, seed=3)
    assert figures["faces"] == {"masked": 24, "not_masked": 0, "incorrect": 0}
    assert figures["recall"] == {"value": 0.5, "low": 0.5, "high": 0.5}
    assert figures["recall_not_masked"] == {"value": None, "low": None, "high": None}
    assert figures["threshold"] == pytest.approx(0.3 + 0.01 * 10)
    own = at_threshold(photos, 0.35)
    assert own["recall_masked"] == 0.5
    assert own["false_boxes"] == pytest.approx(6 / 12, abs=0.09)
    assert "recall_incorrect" not in own
