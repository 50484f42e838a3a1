"""People are followed through what really happens at a door."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.people.tracks import Tracker
from edge.values import Box, Face


def face(x: float, y: float = 100.0, width: float = 60.0, score: float = 0.9) -> Face:
    return Face(Box(x, y, x + width, y + width * 1.2), score)


def walk(tracker: Tracker, frames: list[list[Face]], fps: float, start: float = 0.0) -> list[list[int]]:
    """The ids seen in each frame, in the order of the faces' x."""
    out = []
    for n, faces in enumerate(frames):
        seen = tracker.update(faces, start + n / fps).seen
        out.append([t.id for t in sorted(seen, key=lambda t: t.face.box.x1)])
    return out


def test_one_person_keeps_one_id_at_five_frames_a_second() -> None:
    ids = walk(Tracker(1.0), [[face(20 + 50 * n)] for n in range(8)], fps=5)
    assert ids == [[1]] * 8


def test_hidden_for_less_than_the_limit_is_the_same_person() -> None:
    frames = [[face(100 + 5 * n)] for n in range(5)] + [[]] * 8 + [[face(140)]]
    assert walk(Tracker(1.0), frames, fps=10)[-1] == [1]


def test_away_for_longer_is_somebody_new_and_the_old_one_is_gone() -> None:
    tracker = Tracker(1.0)
    tracker.update([face(100)], 0.0)
    update = tracker.update([face(100)], 1.1)
    assert [t.id for t in update.gone] == [1]
    assert [t.id for t in update.seen] == [2]


def test_two_people_who_cross_keep_their_ids() -> None:
    frames = []
    for n in range(21):
        left, right = face(20 + 20 * n, y=100), face(420 - 20 * n, y=118)
        # while one stands before the other, only the front one is found
        frames.append([left] if abs(left.box.x1 - right.box.x1) < 30 else [left, right])
    tracker = Tracker(1.0)
    first = walk(tracker, frames[:5], fps=10)[-1]
    last = walk(tracker, frames[5:], fps=10, start=0.5)[-1]
    assert first == [1, 2]
    assert last == [2, 1]


def test_after_a_cut_nobody_is_who_stood_there_before() -> None:
    tracker = Tracker(1.0)
    tracker.update([face(100)], 0.0)
    assert [t.id for t in tracker.cut()] == [1]
    assert [t.id for t in tracker.update([face(100)], 0.1).seen] == [2]


def test_a_far_face_is_somebody_else() -> None:
    tracker = Tracker(1.0)
    tracker.update([face(0)], 0.0)
    assert [t.id for t in tracker.update([face(400)], 0.1).seen] == [2]


def test_memory_is_bounded_whatever_the_detector_says() -> None:
    tracker = Tracker(1.0, max_tracks=8)
    crowd = [face(70 * n, y=70 * m) for n in range(9) for m in range(9)]
    seen = [tracker.update(crowd, 0.1 * n).seen for n in range(5)]
    assert [len(s) for s in seen] == [8] * 5


coordinates = st.floats(min_value=0, max_value=600)
scenes = st.lists(
    st.lists(st.builds(face, coordinates, coordinates, st.floats(20, 120), st.floats(0.6, 1.0)), max_size=5),
    min_size=1,
    max_size=8,
)


@given(scenes, st.randoms(use_true_random=False))
def test_the_order_of_the_faces_does_not_matter(scene: list[list[Face]], random: object) -> None:
    shuffled = [list(faces) for faces in scene]
    for faces in shuffled:
        random.shuffle(faces)  # type: ignore[attr-defined]
    a, b = Tracker(1.0), Tracker(1.0)
    for n, (one, other) in enumerate(zip(scene, shuffled, strict=True)):
        assert a.update(one, n / 10) == b.update(other, n / 10)


@given(scenes)
def test_a_face_belongs_to_one_person_and_a_person_has_one_face(scene: list[list[Face]]) -> None:
    tracker = Tracker(1.0)
    for n, faces in enumerate(scene):
        seen = tracker.update(faces, n / 10).seen
        assert len({t.id for t in seen}) == len(seen) == len(faces)
        assert sorted(map(repr, (t.face for t in seen))) == sorted(map(repr, faces))


@pytest.mark.slow
@pytest.mark.parametrize("shift_s", [0.5, 1024.0])
@given(scene=scenes)
def test_a_shift_in_time_does_not_matter(shift_s: float, scene: list[list[Face]]) -> None:
    a, b = Tracker(1.0), Tracker(1.0)
    for n, faces in enumerate(scene):
        # eighths of a second, so that adding the shift is exact
        one, other = a.update(faces, n / 8), b.update(faces, n / 8 + shift_s)
        assert [(t.id, t.face) for t in one.seen] == [(t.id, t.face) for t in other.seen]
        assert [t.id for t in one.gone] == [t.id for t in other.gone]


def test_a_person_who_turns_away_for_two_seconds_goes_on_with_the_visit() -> None:
    tracker = Tracker(1.0)
    for n in range(10):
        tracker.update([face(100)], n / 10)
    assert [t.id for t in tracker.update([], 2.0).gone] == [1]
    (back,) = tracker.update([face(110)], 2.9).seen
    assert (back.id, back.resumes) == (2, 1)
    (other,) = tracker.update([face(110), face(400)], 3.0).seen[1:]
    assert other.resumes is None


@pytest.mark.parametrize(
    ("place", "at_s"), [((300.0, 60.0), 3.0), ((100.0, 120.0), 3.0), ((100.0, 60.0), 6.0)]
)
def test_elsewhere_in_another_size_or_too_late_it_is_a_visit_of_its_own(
    place: tuple[float, float], at_s: float
) -> None:
    tracker = Tracker(1.0)
    for n in range(10):
        tracker.update([face(100)], n / 10)
    tracker.update([], 2.0)
    (x, width) = place
    assert tracker.update([face(x, width=width)], at_s).seen[0].resumes is None


def test_after_a_cut_no_visit_goes_on() -> None:
    tracker = Tracker(1.0)
    tracker.update([face(100)], 0.0)
    tracker.update([], 1.5)
    tracker.cut()
    assert tracker.update([face(100)], 2.0).seen[0].resumes is None


def test_a_jump_after_a_gap_is_in_doubt_and_a_return_to_the_same_place_is_not() -> None:
    for x, doubted in ((105.0, []), (190.0, [1])):
        tracker = Tracker(1.0)
        for n in range(10):
            tracker.update([face(100)], n / 10)
        update = tracker.update([face(x)], 1.6)
        assert [t.id for t in update.seen] == [1]
        assert [d.track for d in update.doubts] == doubted


def test_two_who_could_have_changed_places_are_in_doubt() -> None:
    tracker = Tracker(1.0)
    for n in range(5):
        assert tracker.update([face(100 + 12 * n), face(240 - 12 * n)], n / 10).doubts == ()
    doubts = tracker.update([face(172), face(176)], 0.7).doubts
    assert {d.track: d.rivals for d in doubts} == {1: (2,), 2: (1,)}


@pytest.mark.parametrize("fps", [5, 10, 30, 60])
@pytest.mark.parametrize("width", [16.0, 30.0, 60.0])
def test_a_walker_seen_from_the_side_is_one_person(fps: int, width: float) -> None:
    # nine face widths a second, the first frame without any known speed
    frames = [[face(20 + 9 * width * n / fps, width=width)] for n in range(2 * fps)]
    tracker = Tracker(1.0)
    updates = [tracker.update(faces, n / fps) for n, faces in enumerate(frames)]
    assert [[t.id for t in u.seen] for u in updates] == [[1]] * (2 * fps)
    assert all(u.doubts == () for u in updates)


def test_a_stream_that_stalls_for_half_a_second_and_jumps_keeps_its_walker() -> None:
    tracker = Tracker(1.0)
    times = [n / 10 for n in range(10)] + [1.4 + n / 10 for n in range(5)]
    ids = {t.id for s in times for t in tracker.update([face(20 + 120 * s)], s).seen}
    assert ids == {1}


def test_steadiness_is_the_share_of_the_recent_frames() -> None:
    tracker = Tracker(1.0)
    for n in range(101):
        seen = tracker.update([face(100)] if n % 2 == 0 else [], n / 10).seen
    assert seen[0].steadiness == pytest.approx(0.5, abs=0.05)
    for n in range(101, 160):
        (track,) = tracker.update([face(100)], n / 10).seen
    assert track.steadiness > 0.95


def test_somebody_else_gets_a_track_of_its_own() -> None:
    tracker = Tracker(1.0)
    tracker.update([face(100)], 0.0)
    other = tracker.split(1)
    assert other.id == 2
    assert [t.id for t in tracker.update([face(102)], 0.1).seen] == [2]


def test_whether_anybody_is_found_where_expected() -> None:
    tracker = Tracker(1.0)
    assert not tracker.finds([face(100)], 0.0)
    tracker.update([face(100), face(300)], 0.0)
    assert tracker.finds([face(105)], 0.1)
    assert not tracker.finds([face(200)], 0.1)
    assert not tracker.finds([], 0.1)
    assert not tracker.finds([face(100), face(300)], 0.9)
