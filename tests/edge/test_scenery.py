"""A poster is learned, a person who stands still is not."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.people.scenery import FORGET_S, LEARN_S, Scenery
from edge.values import Box, Face


def at(x: float, y: float = 100.0, width: float = 60.0) -> Face:
    return Face(Box(x - width / 2, y - width / 2, x + width / 2, y + width / 2), 0.9)


def poster(n: int) -> Face:
    """Trembles by a hundredth of its width, as on a clip."""
    return at(100 + 0.6 * math.sin(7 * n), 100 + 0.6 * math.cos(5 * n), 60 + 0.6 * math.sin(3 * n))


def test_a_poster_is_a_person_until_it_is_learned() -> None:
    scenery = Scenery()
    people = [bool(scenery.people([poster(n)], n / 10)) for n in range(600)]
    learned = people.index(False)
    assert learned / 10 == pytest.approx(LEARN_S, abs=0.2)
    assert not any(people[learned:])


def test_passers_by_who_hide_a_poster_do_not_keep_it_from_being_learned() -> None:
    scenery, people = Scenery(), []
    for n in range(900):
        hidden = n % 100 >= 70
        faces = [at(20 + 5 * (n % 100), 300)] if hidden else [poster(n)]
        people.append(len(scenery.people(faces, n / 10)))
    assert sum(people[:300]) == 300
    assert [n % 100 >= 70 for n in range(500, 900)] == [bool(p) for p in people[500:]]


def test_somebody_who_stands_still_for_minutes_stays_a_person() -> None:
    scenery = Scenery()
    for n in range(3000):
        sway = 60 * 0.06 * math.sin(2 * math.pi * n / 10 / 6)  # a centimetre, once in six seconds
        assert scenery.people([at(100 + sway)], n / 10)


def test_somebody_who_walks_past_a_learned_poster_is_seen() -> None:
    scenery = Scenery()
    for n in range(400):
        scenery.people([poster(n)], n / 10)
    walker = [len(scenery.people([poster(n), at(4.0 * n)], 40 + n / 10)) for n in range(60)]
    assert sum(walker) >= 55
    assert scenery.people([at(100, width=90)], 50.0)


def test_a_poster_that_was_taken_down_is_forgotten() -> None:
    scenery = Scenery()
    for n in range(400):
        scenery.people([poster(n)], n / 10)
    assert scenery.people([poster(0)], 40.0 + FORGET_S - 1) == []
    assert scenery.people([poster(0)], 40.0 + 2 * FORGET_S + 1)


def test_memory_is_bounded() -> None:
    scenery = Scenery()
    for n in range(2000):
        scenery.people([at(n % 997, n % 613, 20 + n % 50)], n / 1000)
    assert len(scenery._places) <= 64


paths = st.lists(st.tuples(st.floats(0, 600), st.floats(0, 400), st.floats(15, 90)), max_size=40)


@given(paths)
def test_within_the_time_to_learn_everybody_is_a_person(path: list[tuple[float, float, float]]) -> None:
    scenery = Scenery()
    for n, (x, y, width) in enumerate(path):
        face = at(x, y, width)
        assert scenery.people([face], n * 0.5) == [face]


@given(st.floats(0, 600), st.floats(15, 90), st.floats(0, 1e6))
def test_neither_place_nor_size_nor_time_of_day_matters(x: float, width: float, start_s: float) -> None:
    scenery = Scenery()
    left = [len(scenery.people([at(x, 50, width)], start_s + n / 4)) for n in range(200)]
    assert left[: int(4 * LEARN_S) - 2] == [1] * (int(4 * LEARN_S) - 2)
    assert left[-1] == 0
