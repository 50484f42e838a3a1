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
