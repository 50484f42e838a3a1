"""Faces are given to people over all pairs, and doubt is reported."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.people.assignment import assign
from edge.people.matching import match
from edge.people.movement import Movement, correct, first_movement, predict
from edge.values import Box, Face, Track

numbers = st.one_of(st.floats(0, 100), st.sampled_from([0.0, 1.0, 1.0, 50.0]))


@st.composite
def matrices(draw: st.DrawFn) -> list[list[float]]:
    rows = draw(st.integers(0, 4))
    columns = draw(st.integers(rows, 5)) if rows else 0
    return [[draw(numbers) for _ in range(columns)] for _ in range(rows)]


@given(matrices())
def test_no_other_assignment_costs_less(costs: list[list[float]]) -> None:
    found = assign(costs)
    assert len(set(found)) == len(found) == len(costs)
    cost = sum(row[j] for row, j in zip(costs, found, strict=True))
    columns = range(len(costs[0]) if costs else 0)
    best = min(
        (sum(row[j] for row, j in zip(costs, p, strict=True)) for p in permutations(columns, len(costs))),
        default=0.0,
    )
    assert cost == pytest.approx(best)


def test_more_rows_than_columns_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="2 rows"):
        assign([[1.0], [2.0]])


def face(x: float, width: float = 60.0) -> Face:
    return Face(Box(x - width / 2, 100, x + width / 2, 100 + width), 0.9)


def person(track_id: int, xs: list[float], fps: float = 10.0) -> Movement:
    """Seen at these places, the last one at 0 s."""
    start = -(len(xs) - 1) / fps
    movement = first_movement(Track(track_id, face(xs[0]), start, start, 1))
    for n, x in enumerate(xs[1:], start=1):
        now = start + n / fps
        movement = correct(predict(movement, now), Track(track_id, face(x), start, now, n + 1))
    return movement


def matched(people: list[Movement], xs: list[float], now: float = 0.1) -> dict[int, tuple[int, bool]]:
    """Each person's face and whether it is sure."""
    found = match({m.track.id: predict(m, now) for m in people}, [face(x) for x in xs], now)
    return {m.track: (m.face, not m.rivals) for m in found}


def test_the_first_pair_does_not_take_what_the_second_needs() -> None:
    # the second face is a little nearer to the first person, who is the only one that can have the first face
    people = [person(1, [100] * 8), person(2, [170] * 8)]
    assert {t: i for t, (i, _) in matched(people, [64, 134]).items()} == {1: 0, 2: 1}


def test_two_who_stand_apart_are_sure_and_two_who_could_have_changed_places_are_not() -> None:
    apart = [person(1, [100] * 8), person(2, [300] * 8)]
    assert matched(apart, [102, 299]) == {1: (0, True), 2: (1, True)}
    close = [person(1, [100, 100]), person(2, [130, 130])]
    assert all(not sure for _, sure in matched(close, [114, 116]).values())


def test_a_face_where_a_hidden_person_may_be_is_not_sure_to_be_the_visible_ones() -> None:
    hidden, visible = person(1, [130, 130, 130]), person(2, [100, 100])
    assert matched([hidden, visible], [115])[2] == (0, False)


def test_people_who_cross_at_speed_keep_their_faces() -> None:
    people = [person(1, [20, 50, 80, 110, 140]), person(2, [300, 270, 240, 210, 180])]
    assert matched(people, [150, 170]) == {1: (1, True), 2: (0, True)}


@given(st.lists(st.floats(0, 600), max_size=6), st.lists(st.floats(0, 600), max_size=6))
def test_a_face_has_one_person_and_a_person_one_face(places: list[float], xs: list[float]) -> None:
    people = {n: first_movement(Track(n, face(x), 0.0, 0.0, 1)) for n, x in enumerate(places)}
    found = match({n: predict(m, 0.1) for n, m in people.items()}, [face(x) for x in xs], 0.1)
    assert len({m.track for m in found}) == len({m.face for m in found}) == len(found)
    assert all(m.track not in m.rivals for m in found)
