"""Pauses between attempts."""

import random

from hypothesis import given
from hypothesis import strategies as st

from edge.backoff import Backoff

seconds = st.floats(0.001, 1000)
pauses = st.tuples(seconds, seconds).map(lambda pair: Backoff(min(pair), max(pair)))
failures = st.integers(1, 10**9)


def test_pauses_double_until_the_limit() -> None:
    assert [Backoff(0.5, 30).limit_s(n) for n in range(9)] == [0, 0.5, 1, 2, 4, 8, 16, 30, 30]


def test_there_is_no_pause_before_the_first_failure() -> None:
    assert Backoff(0.5, 30).pause_s(0, random.Random(1)) == 0


@given(pauses, failures, st.integers())
def test_a_pause_is_between_half_and_all_of_its_limit_and_never_too_long(
    backoff: Backoff, count: int, seed: int
) -> None:
    limit = backoff.limit_s(count)
    assert backoff.first_s <= limit <= backoff.longest_s
    assert limit / 2 <= backoff.pause_s(count, random.Random(seed)) <= limit


@given(pauses, failures)
def test_pauses_never_get_shorter_with_more_failures(backoff: Backoff, count: int) -> None:
    assert backoff.limit_s(count) <= backoff.limit_s(count + 1)


@given(st.integers())
def test_two_devices_with_other_random_sources_come_back_at_other_moments(seed: int) -> None:
    backoff = Backoff(1, 64)
    first, second = random.Random(seed), random.Random(seed + 1)
    drawn = [[backoff.pause_s(n, rng) for n in range(1, 8)] for rng in (first, second)]
    assert drawn[0] != drawn[1]


def test_the_same_source_gives_the_same_pauses() -> None:
    backoff = Backoff(1, 64)
    assert [backoff.pause_s(n, random.Random(7)) for n in range(9)] == [
        backoff.pause_s(n, random.Random(7)) for n in range(9)
    ]
