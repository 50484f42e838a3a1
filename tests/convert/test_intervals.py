from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.measure.intervals import (
    FIGURES,
    bootstrap_intervals,
    group_places,
    paired_bootstrap,
    point_figures,
)

Row = tuple[int, str, str]
LABELS = ("masked", "not_masked", "incorrect")
ROWS = st.lists(st.tuples(st.integers(-4, 4), st.sampled_from(LABELS), st.sampled_from("abc")), max_size=30)


def columns(rows: list[Row]) -> tuple[list[int], list[bool], list[str], list[str]]:
    return (
        [x for x, _, _ in rows],
        [x >= 0 for x, _, _ in rows],
        [y for _, y, _ in rows],
        [g for *_, g in rows],
    )


def by_hand(rows: list[Row]) -> dict[str, float | None]:
    """The definitions, as slowly as they read."""
    x, said, label, _ = columns(rows)
    of = {name: [(s, a) for s, a, y in zip(x, said, label, strict=True) if y == name] for name in LABELS}

    def share(flags: list[bool]) -> float | None:
        return sum(flags) / len(flags) if flags else None

    both = bool(of["masked"] and of["not_masked"])
    right = [a for _, a in of["masked"]] + [not a for _, a in of["not_masked"]]
    rates = [
        (share([s >= t for s, _ in of["not_masked"]]) or 0, share([s >= t for s, _ in of["masked"]]) or 0)
        for t in range(-5, 7)
    ]
    pairs = [(a > b) + (a == b) / 2 for a, _ in of["masked"] for b, _ in of["not_masked"]]
    return {
        "accuracy": share(right) if both else None,
        "roc_auc": sum(pairs) / len(pairs) if both else None,
        "tpr_at_fpr_0.01": max(tpr for fpr, tpr in rates if fpr <= 0.01) if both else None,
        "masked_accepted": share([a for _, a in of["masked"]]),
        "false_masked": share([a for _, a in of["not_masked"]]),
        "incorrect_refused": share([not a for _, a in of["incorrect"]]),
    }


def faces(n: int, seed: int = 0) -> dict[str, Any]:
    """Faces of both sides, 10 % of each judged wrongly."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(["masked", "not_masked"], n // 2)
    logits = np.where(labels == "masked", 1.2816, -1.2816) + rng.normal(0, 1, n)
    return {"logits": logits, "accepted": logits >= 0, "labels": labels, "groups": np.full(n, "")}


@given(ROWS)
def test_the_figures_are_what_they_say(rows: list[Row]) -> None:
    x, said, label, _ = columns(rows)
    assert point_figures(x, said, label) == pytest.approx(by_hand(rows))


@pytest.mark.slow
@given(ROWS)
def test_the_area_under_the_curve_is_that_of_scikit_learn(rows: list[Row]) -> None:
    from sklearn.metrics import roc_auc_score  # noqa: PLC0415  takes two seconds, of every collection

    x, accepted, label, _ = columns(rows)
    both = np.isin(label, ["masked", "not_masked"])
    if len(set(np.asarray(label)[both])) == 2:
        reference = roc_auc_score(np.asarray(label)[both] == "masked", np.asarray(x)[both])
        assert point_figures(x, accepted, label)["roc_auc"] == pytest.approx(reference)


def test_the_rate_at_one_percent_lets_in_one_of_a_hundred_and_not_two() -> None:
    plain, masked = [9.0, 7.0, *np.zeros(98)], [10.0, 8.0, 8.0, 6.0]
    labels = ["not_masked"] * 100 + ["masked"] * 4
    logits = [*plain, *masked]
    found = point_figures(logits, [True] * 104, labels)
    assert found["tpr_at_fpr_0.01"] == 0.75
    tied = [9.0, 8.0, *np.zeros(98), *masked]
    assert point_figures(tied, [True] * 104, labels)["tpr_at_fpr_0.01"] == 0.25


@given(ROWS, st.integers(0, 9))
def test_an_interval_spans_figures_of_whole_groups(rows: list[Row], seed: int) -> None:
    """With one resample, both bounds are the figures of some faces that come group by group."""
    x, said, label, group = columns(rows)
    found = bootstrap_intervals(x, said, label, group, resamples=1, seed=seed)
    n = len(set(group))
    drawn = np.random.default_rng(seed).integers(n, size=n)
    names = sorted(set(group))
    repeated = by_hand([r for i in drawn for r in rows if r[2] == names[i]])
    for figure in FIGURES:
        if repeated[figure] is None:
            assert found[figure] is None
        elif figure == "roc_auc" or repeated[figure] not in (0, 1):
            assert found[figure] == pytest.approx((repeated[figure],) * 2)


def test_single_faces_vary_as_a_binomial() -> None:
    f = faces(2000)
    value = point_figures(f["logits"], f["accepted"], f["labels"])["accuracy"]
    bounds = bootstrap_intervals(**f)["accuracy"]
    assert value is not None
    assert bounds is not None
    reach = 1.96 * np.sqrt(value * (1 - value) / 2000)
    assert bounds == pytest.approx((value - reach, value + reach), abs=0.003)


@pytest.mark.slow
def test_ten_faces_of_each_photo_say_no_more_than_one() -> None:
    f = faces(200)
    f["groups"] = np.arange(200).astype(str)
    ten: dict[str, Any] = {name: np.repeat(column, 10) for name, column in f.items()}
    one, many = bootstrap_intervals(**f), bootstrap_intervals(**ten)
    assert many["accuracy"] == pytest.approx(one["accuracy"], abs=0.01)
    alone = bootstrap_intervals(**{**ten, "groups": np.full(2000, "")})
    width = {"photo": np.ptp(many["accuracy"] or ()), "face": np.ptp(alone["accuracy"] or ())}
    assert width["photo"] > 2.5 * width["face"]


@pytest.mark.parametrize(("accepted", "wanted"), [(True, (0.9289, 1.0)), (False, (0.0, 0.0711))])
def test_no_exception_in_fifty_photos_is_not_certainty(
    *, accepted: bool, wanted: tuple[float, float]
) -> None:
    groups = np.repeat(np.arange(50), 2).astype(str)
    found = bootstrap_intervals(np.zeros(100), np.full(100, accepted), ["masked"] * 100, groups)
    assert found["masked_accepted"] == pytest.approx(wanted, abs=1e-4)
    assert found["false_masked"] is None


def test_resamples_without_a_class_are_left_out() -> None:
    found = bootstrap_intervals(
        [1, 2, -1], [True, True, False], ["masked", "masked", "not_masked"], ["", "", ""]
    )
    assert found["roc_auc"] == (1.0, 1.0)
    assert all(bounds is None for bounds in bootstrap_intervals([], [], [], []).values())


@pytest.mark.slow
def test_the_same_seed_gives_the_same_interval() -> None:
    f = faces(100)
    assert bootstrap_intervals(**f) == bootstrap_intervals(**f)
    assert bootstrap_intervals(**f) != bootstrap_intervals(**f, seed=1)


@pytest.mark.slow
def test_two_models_are_compared_on_the_same_resamples() -> None:
    f = faces(400)
    pushed = f["logits"] + np.where(f["labels"] == "masked", 0.4, -0.4)
    logits, accepted = (f["logits"], pushed), (f["accepted"], pushed >= 0)
    found = paired_bootstrap(logits, accepted, f["labels"], f["groups"])
    assert found["accuracy"] is not None
    assert found["roc_auc"] is not None
    assert found["accuracy"][0] > 0
    assert found["roc_auc"][0] > 0
    assert found["incorrect_refused"] is None
    back = paired_bootstrap(logits[::-1], accepted[::-1], f["labels"], f["groups"])
    assert back["accuracy"] == pytest.approx((-found["accuracy"][1], -found["accuracy"][0]))
    alone = bootstrap_intervals(**f)["accuracy"]
    assert np.ptp(found["accuracy"]) < np.ptp(alone or ())
    same = paired_bootstrap((pushed, pushed), (pushed > 0, pushed > 0), f["labels"], f["groups"])
    assert same["accuracy"] == (0.0, 0.0)


def test_a_face_without_a_group_is_its_own() -> None:
    count, place = group_places(["a", "", "b", "a", ""])
    assert count == 4
    assert place[0] == place[3]
    assert len({int(place[i]) for i in (0, 1, 2, 4)}) == 4
