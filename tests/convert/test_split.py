from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.data.records import LABELS, SPLITS, Record
from convert.data.split import MAX_REPEAT, assign_splits, assign_weights, balance, group_by_ties

records = st.lists(
    st.builds(
        Record,
        path=st.just(Path("x.png")),
        label=st.sampled_from(LABELS),
        source=st.sampled_from(["a", "b", "maskon"]),
        group=st.integers(0, 30).map(str),
        sha256=st.just(""),
    ),
    min_size=1,
    max_size=120,
)


def many(source: str, label: str, groups: int, each: int = 1) -> list[Record]:
    names = [f"{source}-{label}-{g}" for g in range(groups)]
    return [Record(Path("x.png"), label, source, name, "") for name in names for _ in range(each)]


@given(records=records, seed=st.integers(0, 5))
def test_a_group_is_in_one_split_only(records: list[Record], seed: int) -> None:
    done = assign_splits(records, seed)
    assert [(r.group, r.label) for r in done] == [(r.group, r.label) for r in records]
    for group in {r.group for r in done}:
        splits = {r.split for r in done if r.group == group}
        assert len(splits) == 1
        assert splits <= set(SPLITS)


@given(records=records, seed=st.integers(0, 5))
def test_the_split_depends_on_the_seed_alone(records: list[Record], seed: int) -> None:
    assert assign_splits(records, seed) == assign_splits(list(records), seed)


def test_shares_are_seven_two_one_in_every_source_and_label() -> None:
    done = assign_splits(many("a", "masked", 100, each=3) + many("b", "not_masked", 200), seed=1)
    for source, total in (("a", 300), ("b", 200)):
        n = Counter(r.split for r in done if r.source == source)
        assert [n[s] / total for s in SPLITS] == [0.7, 0.2, 0.1]


def test_another_seed_gives_another_split() -> None:
    faces = many("a", "masked", 50)
    assert assign_splits(faces, 1) != assign_splits(faces, 2)


@pytest.mark.slow
@given(st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=3), min_size=1, max_size=12))
def test_faces_that_share_a_tie_share_a_group(ties: list[list[str]]) -> None:
    groups = group_by_ties(ties)
    for i, one in enumerate(ties):
        for j, other in enumerate(ties):
            if set(one) & set(other):
                assert groups[i] == groups[j]


def test_faces_without_a_common_tie_stay_apart() -> None:
    assert group_by_ties([["a", "b"], ["b", "c"], ["d"], ["c"]]) == ["a", "a", "d", "a"]


def test_both_sides_are_shown_equally_often_and_synthetic_masks_less() -> None:
    faces = many("a", "masked", 100) + many("a", "not_masked", 300)
    faces += many("real", "incorrect", 40) + many("maskon", "incorrect", 40)
    done = assign_weights(assign_splits(faces, seed=3))
    shown = balance(done)
    assert abs(shown["masked"] / shown["not_masked"] - 1) < 1e-9
    weight = {(r.source, r.label): r.weight for r in done}
    assert weight["real", "incorrect"] == 4 * weight["maskon", "incorrect"]
    assert weight["real", "incorrect"] > weight["a", "not_masked"]


def test_one_class_alone_keeps_a_weight() -> None:
    assert {r.weight for r in assign_weights(assign_splits(many("a", "masked", 10), 1))} == {0.5}


@pytest.mark.slow
@given(
    masked=st.integers(1, 40),
    plain=st.integers(1, 400),
    wrong=st.integers(0, 40),
    drawn=st.integers(0, 40),
)
def test_no_rare_class_breaks_the_balance(masked: int, plain: int, wrong: int, drawn: int) -> None:
    faces = many("a", "masked", masked) + many("a", "not_masked", plain)
    faces += many("a", "incorrect", wrong) + many("maskon", "incorrect", drawn)
    done = assign_weights([replace(r, split="train") for r in faces])
    shown = balance(done)
    assert abs(shown["masked"] / shown["not_masked"] - 1) < 1e-9
    assert max(r.weight for r in done) <= MAX_REPEAT + 1e-9
