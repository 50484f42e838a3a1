"""One violation per person, never on a guess."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from edge.people.evidence import Rules
from edge.people.outcomes import Arrived, Closed, Departed, Opened, Outcome, Settled
from edge.people.policy import Policy
from edge.values import Box, Face, Look, MaskScore, Track, Verdict, sigmoid

RULES = Rules(min_looks=3, min_time_s=0.4, evidence=3.0, recheck_s=1.0)
FACE = Face(Box(0, 0, 60, 70), 0.9)
GOOD = Look(FACE, 1.0, None)
BLURRED = Look(FACE, 0.0, "blurred")


def visit(
    logits: Sequence[float | None],
    *,
    fps: float = 8,
    policy: Policy | None = None,
    track_id: int = 1,
    start: float = 0.0,
) -> list[Outcome]:
    """One person, one logit a frame (None: a look that can't be judged), who then leaves."""
    policy = policy or Policy(RULES, 0.0)
    out: list[Outcome] = []
    for n, logit in enumerate(logits):
        now = start + n / fps
        track = Track(track_id, FACE, start, now, n + 1)
        look = BLURRED if logit is None else GOOD
        if policy.wants(track, look, now):
            assert logit is not None
            policy.observe(track, look, MaskScore(sigmoid(logit), logit), now)
        out += policy.step([track], [], now)
    end = start + len(logits) / fps
    return out + policy.step([], [Track(track_id, FACE, start, end - 1 / fps, len(logits))], end)


def kinds(outcomes: Sequence[Outcome]) -> list[type[Outcome]]:
    return [type(o) for o in outcomes]


def test_the_life_of_a_violation_of_somebody_who_leaves() -> None:
    outcomes = visit([-3.0] * 16)
    assert kinds(outcomes) == [Arrived, Settled, Opened, Closed, Departed]
    assert isinstance(outcomes[3], Closed)
    assert not outcomes[3].complied
    assert isinstance(outcomes[4], Departed)
    assert outcomes[4].violated


def test_the_life_of_a_violation_of_somebody_who_complies() -> None:
    outcomes = visit([-3.0] * 16 + [3.0] * 24)
    assert kinds(outcomes) == [Arrived, Settled, Opened, Settled, Closed, Departed]
    assert isinstance(outcomes[4], Closed)
    assert outcomes[4].complied
    assert isinstance(outcomes[5], Departed)
    assert outcomes[5].verdict is Verdict.MASKED


def test_a_mask_that_comes_off_is_noticed() -> None:
    assert Opened in kinds(visit([3.0] * 16 + [-3.0] * 24))


def test_decides_within_seven_tenths_of_a_second_at_ten_frames_a_second() -> None:
    opened = [o for o in visit([-3.0] * 20, fps=10) if isinstance(o, Opened)]
    assert opened[0].track.last_seen <= 0.7


def test_one_wrong_frame_among_masked_ones_opens_nothing() -> None:
    assert Opened not in kinds(visit([3.0] * 5 + [-9.0] + [3.0] * 5))


def test_a_look_that_cannot_be_judged_is_never_classified() -> None:
    outcomes = visit([None] * 20)
    assert kinds(outcomes) == [Arrived, Departed]
    assert isinstance(outcomes[1], Departed)
    assert outcomes[1].verdict is Verdict.CANNOT_JUDGE


def test_a_flicker_of_the_detector_is_nobody() -> None:
    assert visit([-3.0, -3.0]) == []


def test_near_copies_of_one_look_are_not_independent_witnesses() -> None:
    policy = Policy(RULES, 0.0)
    for n in range(10):
        now = n / 1000
        policy.observe(Track(1, FACE, 0.0, now, n + 1), GOOD, MaskScore(sigmoid(-2.0), -2.0), now)
    # one look's worth and a tenth, not ten
    assert sigmoid(-2.3) < policy.score(1) < sigmoid(-2.1)


def test_a_settled_person_costs_one_look_a_second() -> None:
    policy = Policy(RULES, 0.0)
    asked = 0
    for n in range(80):
        now = n / 8
        track = Track(1, FACE, 0.0, now, n + 1)
        if policy.wants(track, GOOD, now):
            asked += 1
            policy.observe(track, GOOD, MaskScore(sigmoid(3.0), 3.0), now)
        policy.step([track], [], now)
    assert asked <= 4 + 10


def test_the_threshold_moves_the_decision() -> None:
    assert Opened in kinds(visit([1.0] * 20, policy=Policy(RULES, 2.0)))
    assert Opened not in kinds(visit([1.0] * 20, policy=Policy(RULES, 0.0)))


def test_outside_the_hours_nobody_is_asked_for_a_mask_until_they_begin() -> None:
    policy = Policy(RULES, 0.0)
    out: list[Outcome] = []
    for n in range(40):
        now = n / 8
        track = Track(1, FACE, 0.0, now, n + 1)
        if policy.wants(track, GOOD, now):
            policy.observe(track, GOOD, MaskScore(sigmoid(-3.0), -3.0), now)
        step = policy.step([track], [], now, alarms=now >= 3.0)
        assert now >= 3.0 or Opened not in kinds(step)
        out += step
    assert kinds(out) == [Arrived, Settled, Opened]


def test_whether_the_person_had_heard_the_announcement_is_told_at_the_end() -> None:
    for heard in (True, False):
        policy = Policy(RULES, 0.0)
        visit_until_opened = [-3.0] * 16
        for n, logit in enumerate(visit_until_opened):
            track = Track(1, FACE, 0.0, n / 8, n + 1)
            if policy.wants(track, GOOD, n / 8):
                policy.observe(track, GOOD, MaskScore(sigmoid(logit), logit), n / 8)
            policy.step([track], [], n / 8)
        if heard:
            policy.announced(1)
        policy.announced(99)  # somebody who has left: no mistake
        closed = policy.step([], [track], 3.0)[0]
        assert isinstance(closed, Closed)
        assert closed.announced is heard


logits = st.lists(st.one_of(st.none(), st.floats(-10, 10)), max_size=60)


@given(st.lists(st.one_of(st.none(), st.floats(0, 10)), max_size=60))
def test_evidence_for_a_mask_never_opens_a_violation(evidence: list[float | None]) -> None:
    assert Opened not in kinds(visit(evidence))


@given(logits)
def test_at_most_one_violation_a_visit_and_it_closes_exactly_once(evidence: list[float | None]) -> None:
    found = kinds(visit(evidence))
    assert found.count(Opened) <= 1
    assert found.count(Closed) == found.count(Opened)
    if Opened in found:
        assert found.index(Opened) < found.index(Closed)


@given(logits, st.integers(0, 1000))
def test_a_shift_in_time_does_not_matter(evidence: list[float | None], start: int) -> None:
    assert kinds(visit(evidence)) == kinds(visit(evidence, start=float(start)))


@given(st.lists(logits, max_size=6))
def test_nothing_is_remembered_of_those_who_left(visits: list[list[float | None]]) -> None:
    policy = Policy(RULES, 0.0)
    for n, evidence in enumerate(visits):
        visit(evidence, policy=policy, track_id=n + 1, start=100.0 * n)
    assert policy._people == {}


def follow(policy: Policy, track_id: int, logit: float, start: float, frames: int = 16) -> list[Outcome]:
    """The same track, looked at eight times a second; strangers get the next hundred's id."""
    out: list[Outcome] = []
    for n in range(frames):
        now = start + n / 8
        track = Track(track_id, FACE, 0.0, now, 10 + n)
        if policy.wants(track, GOOD, now):
            policy.observe(track, GOOD, MaskScore(sigmoid(logit), logit), now)
        gone = []
        if policy.strangers([track], now):
            new = replace(track, id=track_id + 100)
            gone = [policy.hand_over(track, new)]
            track, track_id = new, new.id
        out += policy.step([track], gone, now)
    return out


def test_a_verdict_does_not_ride_along_to_another_person() -> None:
    policy = Policy(RULES, 0.0)
    assert kinds(follow(policy, 1, -3.0, 0.0)) == [Arrived, Settled, Opened]
    before = Track(1, FACE, 0.0, 2.0, 26)
    policy.doubt(before, [])
    assert policy.verdict(1) is Verdict.CANNOT_JUDGE
    outcomes = follow(policy, 1, 3.0, 2.0)
    assert kinds(outcomes) == [Closed, Departed, Arrived, Settled]
    closed, departed, arrived, settled = outcomes
    assert isinstance(closed, Closed)
    assert isinstance(departed, Departed)
    assert isinstance(settled, Settled)
    assert not closed.complied
    assert closed.track.id == departed.track.id == 1
    assert closed.track.last_seen == 2.0
    assert departed.verdict is Verdict.NOT_MASKED
    assert (settled.track.id, settled.verdict) == (101, Verdict.MASKED)
    assert arrived.track.id == 101


def test_somebody_who_is_the_same_after_a_doubt_goes_on_as_before() -> None:
    policy = Policy(RULES, 0.0)
    follow(policy, 1, -3.0, 0.0)
    policy.doubt(Track(1, FACE, 0.0, 2.0, 26), [])
    assert follow(policy, 1, -3.0, 2.0) == []
    assert policy.verdict(1) is Verdict.NOT_MASKED


def test_on_probation_nothing_is_opened_by_what_was_seen_before() -> None:
    policy = Policy(RULES, 0.0)
    for n in range(3):
        track = Track(1, FACE, 0.0, n / 10, n + 1)
        policy.observe(track, GOOD, MaskScore(sigmoid(-3.0), -3.0), n / 10)
        assert policy.step([track], [], n / 10) == []
    policy.doubt(track, [])
    assert Opened not in kinds(follow(policy, 1, 3.0, 0.4))


def test_who_is_who_does_not_matter_where_the_same_is_known_of_both() -> None:
    policy = Policy(RULES, 0.0)
    follow(policy, 1, 3.0, 0.0)
    follow(policy, 2, 3.0, 0.0)
    policy.doubt(Track(1, FACE, 0.0, 2.0, 26), [2])
    assert policy.verdict(1) is Verdict.MASKED
    follow(policy, 3, -3.0, 0.0)
    policy.doubt(Track(1, FACE, 0.0, 2.0, 26), [3])
    assert policy.verdict(1) is Verdict.CANNOT_JUDGE


def test_a_visit_that_goes_on_has_no_second_violation_and_another_visit_has() -> None:
    for resumes, opened in ((1, 0), (None, 1)):
        policy = Policy(RULES, 0.0)
        visit([-3.0] * 16, policy=policy)
        out: list[Outcome] = []
        for n in range(16):
            track = Track(2, FACE, 4.0, 4.0 + n / 8, n + 1, resumes=resumes)
            policy.observe(track, GOOD, MaskScore(sigmoid(-3.0), -3.0), 4.0 + n / 8)
            out += policy.step([track], [], 4.0 + n / 8)
        assert kinds(out).count(Opened) == opened


def test_what_is_hardly_a_face_is_never_without_a_mask() -> None:
    sure, unsure = replace(FACE, score=0.9), replace(FACE, score=0.63)
    for shown, steadiness, opened in ((sure, 1.0, 1), (unsure, 1.0, 0), (sure, 0.55, 0)):
        policy, out = Policy(RULES, 0.0, 0.6), []
        for n in range(40):
            track = Track(1, shown, 0.0, n / 8, n + 1, steadiness=steadiness)
            policy.observe(track, Look(shown, 1.0, None), MaskScore(sigmoid(-6.0), -6.0), n / 8)
            out += policy.step([track], [], n / 8)
        assert kinds(out).count(Opened) == opened


def test_against_a_mask_a_hardly_sure_face_needs_more_looks() -> None:
    needed = []
    for score in (0.9, 0.66):
        shown, policy = replace(FACE, score=score), Policy(RULES, 0.0, 0.6)
        for n in range(40):
            track = Track(1, shown, 0.0, n / 8, n + 1)
            policy.observe(track, Look(shown, 1.0, None), MaskScore(sigmoid(-0.7), -0.7), n / 8)
            if any(isinstance(o, Opened) for o in policy.step([track], [], n / 8)):
                needed.append(n)
    assert len(needed) == 2
    assert needed[1] > needed[0]


def test_a_mask_is_seen_on_an_unsure_face_too() -> None:
    policy, shown = Policy(RULES, 0.0, 0.6), replace(FACE, score=0.61)
    for n in range(16):
        track = Track(1, shown, 0.0, n / 8, n + 1, steadiness=0.5)
        policy.observe(track, Look(shown, 1.0, None), MaskScore(sigmoid(3.0), 3.0), n / 8)
        policy.step([track], [], n / 8)
    assert policy.verdict(1) is Verdict.MASKED


@given(st.lists(st.tuples(st.sampled_from([-4.0, 4.0]), st.booleans()), max_size=60))
def test_whatever_is_doubted_violations_close_once_and_as_the_person_they_were_opened_for(
    film: list[tuple[float, bool]],
) -> None:
    policy, track_id, out = Policy(RULES, 0.0), 1, []
    for n, (logit, doubted) in enumerate(film):
        now = n / 8
        track = Track(track_id, FACE, 0.0, now, n + 1)
        if doubted:
            policy.doubt(track, [])
        policy.observe(track, GOOD, MaskScore(sigmoid(logit), logit), now)
        gone = []
        if policy.strangers([track], now):
            new = replace(track, id=track_id + 1)
            gone, track_id = [policy.hand_over(track, new)], new.id
            track = new
        out += policy.step([track], gone, now)
    out += policy.step([], [Track(track_id, FACE, 0.0, len(film) / 8, len(film) + 1)], len(film) / 8)
    opened = [o.track.id for o in out if isinstance(o, Opened)]
    assert [o.track.id for o in out if isinstance(o, Closed)] == opened
    assert len(set(opened)) == len(opened)
    assert policy._people == {}
