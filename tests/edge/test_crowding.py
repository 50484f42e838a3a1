"""Crowds are noticed in time, and distances are as good as the module says.

``pytest -s tests/edge/test_crowding.py -k errors`` prints the table of errors.
"""

import math
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import config
from edge.people import crowding as module
from edge.people.crowding import CrowdingChange, CrowdingMonitor, nearest_m, position
from edge.values import Box, Face

SIZE = (640, 480)
FOV = 62.2
FOCAL_PX = 320 / math.tan(math.radians(FOV / 2))

Point3 = tuple[float, float, float]


@dataclass(frozen=True)
class Head:
    """A person's measures and where the head points, as seen from the camera."""

    eyes_m: float = 0.063
    face_m: float = 0.139
    nose: float = 0.72
    turn_deg: float = 0.0

    def seen_at(self, x: float, y: float, z: float, jitter: Callable[[], float] = lambda: 0.0) -> Face:
        """What a perfect detector finds, each coordinate off by ``jitter()`` px; (x, y, z) in m."""
        across = (z / math.hypot(x, z), 0.0, -x / math.hypot(x, z))  # level, and square to the line of sight
        r = math.hypot(x, y, z)
        ahead = (-x / r, -y / r, -z / r)
        yaw = math.radians(self.turn_deg)
        half, out = self.eyes_m / 2, self.nose * self.eyes_m / 2

        def pixel(along: float, toward: float, down: float) -> tuple[float, float]:
            px, py, pz = (
                c + along * a + toward * n for c, a, n in zip((x, y, z), across, ahead, strict=True)
            )
            py += down
            return 320 + FOCAL_PX * px / pz + jitter(), 240 + FOCAL_PX * py / pz + jitter()

        side, depth = half * math.cos(yaw), half * math.sin(yaw)
        left, right = pixel(-self.face_m / 2, 0, 0)[0], pixel(self.face_m / 2, 0, 0)[0]
        top, bottom = pixel(0, 0, -self.face_m * 0.62)[1], pixel(0, 0, self.face_m * 0.62)[1]
        eyes = pixel(-side, -depth, 0), pixel(side, depth, 0)
        nose = pixel(-out * math.sin(yaw), out * math.cos(yaw), 0.03)
        return Face(Box(left, top, right, bottom), 0.9, (*eyes, nose))


def heads(*places: Point3) -> list[Face]:
    return [Head().seen_at(*place) for place in places]


def crowd(people: int) -> list[Face]:
    return heads(*((2.0 * n - 3.0, 0.0, 6.0) for n in range(people)))


def play(
    crowding: CrowdingMonitor, people: Sequence[int], start: float = 0.0
) -> list[tuple[float, CrowdingChange]]:
    """So many people in each frame, eight frames a second (an exact number); changes with their time."""
    out = []
    for n, count in enumerate(people):
        out += [(n / 8, c) for c in crowding.update(crowd(count), SIZE, start + n / 8)]
    return out


def limit(max_people: int = 0, min_distance_m: float = 0.0, persist_s: float = 5.0) -> CrowdingMonitor:
    return CrowdingMonitor(
        config.CrowdingConfig(
            max_people=max_people, min_distance_m=min_distance_m, field_of_view_deg=FOV, persist_s=persist_s
        )
    )


# --- where people are ---


@pytest.mark.parametrize("place", [(0.0, 0.0, 2.0), (1.1, 0.4, 2.0), (-1.5, -0.5, 3.0), (0.0, 1.0, 2.5)])
def test_a_perfect_detector_places_a_mean_person_exactly(place: Point3) -> None:
    found = position(Head().seen_at(*place), SIZE, FOV)
    assert found == pytest.approx(place, rel=0.02, abs=0.01)


@pytest.mark.parametrize("turn_deg", [-45.0, -30.0, -15.0, 15.0, 30.0, 45.0])
def test_a_turned_head_is_not_taken_for_one_farther_away(turn_deg: float) -> None:
    turned = Head(turn_deg=turn_deg).seen_at(0.5, 0.0, 2.0)
    eyes_alone = Face(Box(0, 0, 0, 0), 0.9, turned.landmarks)
    uncorrected = Face(Box(0, 0, 0, 0), 0.9, (*turned.landmarks[:2], middle(*turned.landmarks[:2])))
    true = math.hypot(0.5, 2.0)
    assert distance(eyes_alone) == pytest.approx(true, rel=0.03)
    assert distance(uncorrected) == pytest.approx(true / math.cos(math.radians(turn_deg)), rel=0.03)


def distance(face: Face) -> float:
    found = position(face, SIZE, FOV)
    assert found is not None
    return math.hypot(*found)


def middle(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    return (a[0] + b[0]) / 2, (a[1] + b[1]) / 2


def test_a_profile_and_a_face_without_landmarks_are_measured_by_the_box() -> None:
    front = Head().seen_at(0.3, 0.0, 2.0)
    without = Face(front.box, 0.9)
    profile = Head(turn_deg=80.0).seen_at(0.3, 0.0, 2.0)
    assert distance(without) == pytest.approx(math.hypot(0.3, 2.0), rel=0.01)
    assert position(profile, SIZE, FOV) == position(without, SIZE, FOV)
    one_eye = Face(front.box, 0.9, ((300.0, 200.0),) * 3)
    assert position(one_eye, SIZE, FOV) == position(without, SIZE, FOV)


def test_a_face_without_size_can_not_be_placed() -> None:
    nothing = Face(Box(100, 100, 100, 100), 0.9)
    assert position(nothing, SIZE, FOV) is None
    assert nearest_m([nothing, *heads((0.0, 0.0, 2.0))], SIZE, FOV) is None


def test_the_nearest_pair_is_the_nearest_in_space_not_in_the_picture() -> None:
    overlapping = [(0.0, 0.0, 2.0), (0.2, 0.0, 5.0)]
    assert nearest_m(heads(*overlapping), SIZE, FOV) == pytest.approx(3.0, rel=0.02)
    assert nearest_m(heads(*overlapping, (0.9, 0.0, 2.0)), SIZE, FOV) == pytest.approx(0.9, rel=0.02)
    assert nearest_m(heads((0.0, 0.0, 2.0)), SIZE, FOV) is None
    assert nearest_m([], SIZE, FOV) is None


def test_a_picture_of_another_size_says_the_same() -> None:
    faces = heads((0.0, 0.0, 2.0), (0.8, 0.1, 2.5))
    twice = [
        Face(Box(*(2 * v for v in f.box.corners)), f.score, tuple((2 * x, 2 * y) for x, y in f.landmarks))
        for f in faces
    ]
    assert nearest_m(twice, (1280, 960), FOV) == pytest.approx(nearest_m(faces, SIZE, FOV))


places = st.lists(
    st.tuples(st.floats(-2, 2), st.floats(-1, 1), st.floats(1, 6)), min_size=0, max_size=6, unique=True
)


@given(places.flatmap(lambda found: st.tuples(st.just(found), st.permutations(found))))
def test_the_order_of_the_faces_does_not_matter(orders: tuple[list[Point3], list[Point3]]) -> None:
    first, second = (nearest_m(heads(*order), SIZE, FOV) for order in orders)
    assert first == second


@given(places)
def test_the_mirror_image_of_a_crowd_is_as_crowded(found: list[Point3]) -> None:
    here, mirrored = (
        nearest_m(heads(*((sign * x, y, z) for x, y, z in found)), SIZE, FOV) for sign in (1, -1)
    )
    assert (here is None) == (mirrored is None) == (len(found) < 2)
    assert (here or 0.0) == pytest.approx(mirrored or 0.0, rel=1e-6, abs=1e-6)


# --- when it is an event ---


def test_off_by_default() -> None:
    assert play(CrowdingMonitor(config.CrowdingConfig()), [50] * 100) == []


def test_too_many_for_long_enough_is_one_event_and_so_is_its_end() -> None:
    changes = play(limit(max_people=3), [3] * 16 + [5] * 8 + [4] * 80 + [3] * 80)
    assert [(t, c.opened, c.people, c.duration_s) for t, c in changes] == [
        (2 + 5, True, 4, 5),
        (13 + 5, False, 5, 16),
    ]


def test_the_next_crowd_starts_afresh() -> None:
    crowding = limit(max_people=1, persist_s=0.0)
    wide = heads((-2.0, 0.0, 6.0), (0.0, 0.0, 6.0), (2.0, 0.0, 6.0))
    close = heads((0.0, 0.0, 2.0), (0.5, 0.0, 2.0))
    frames = [wide, [], close, []]
    changes = [c for n, faces in enumerate(frames) for c in crowding.update(faces, SIZE, float(n))]
    assert [(c.opened, c.people) for c in changes] == [(True, 3), (False, 3), (True, 2), (False, 2)]
    assert [c.nearest_m for c in changes] == [pytest.approx(m, rel=0.02) for m in (2.0, 2.0, 0.5, 0.5)]


def test_just_as_many_as_allowed_is_no_crowd() -> None:
    assert play(limit(max_people=3), [3] * 100) == []


def test_shorter_than_that_is_none() -> None:
    assert play(limit(max_people=3), ([4] * 39 + [0] * 41) * 5) == []


def test_brief_interruptions_cost_time_but_do_not_start_it_again() -> None:
    changes = play(limit(max_people=3), ([4] * 9 + [3]) * 8 + ([0] * 9 + [4]) * 8)
    # one frame in ten speaks against, so ten count for eight: 40 are full at the 48th, gone at the 127th
    assert [(t, c.opened, c.duration_s) for t, c in changes] == [(6.0, True, 6.0), (15.875, False, 15.875)]


def test_a_gap_is_not_counted_as_time_in_which_it_was_crowded() -> None:
    crowding = limit(max_people=3)
    crowding.update(crowd(4), SIZE, 0.0)
    assert crowding.update(crowd(4), SIZE, 3600.0) == []
    assert [c.opened for n in range(40) for c in crowding.update(crowd(4), SIZE, 3600 + n / 8)] == [True]


def test_without_persistence_every_frame_decides() -> None:
    changes = play(limit(max_people=1, persist_s=0.0), [1, 2, 1, 2])
    assert [(t, c.opened) for t, c in changes] == [(0.125, True), (0.25, False), (0.375, True)]


def test_too_close_is_crowded_too_and_says_how_close() -> None:
    crowding = limit(min_distance_m=1.0, persist_s=1.0)
    close, apart = heads((0.0, 0.0, 2.0), (0.8, 0.0, 2.0)), heads((-0.7, 0.0, 2.0), (0.7, 0.0, 2.0))
    changes = [c for n in range(24) for c in crowding.update(close if n < 12 else apart, SIZE, n / 8)]
    assert [(c.opened, c.people) for c in changes] == [(True, 2), (False, 2)]
    assert [c.nearest_m for c in changes] == [pytest.approx(0.8, rel=0.02)] * 2


def test_without_a_pair_that_can_be_measured_no_distance_is_told() -> None:
    crowding = limit(max_people=1, persist_s=0.0)
    assert [c.nearest_m for c in crowding.update([Face(Box(9, 9, 9, 9), 0.9)] * 2, SIZE, 0.0)] == [None]


counts = st.lists(st.integers(0, 4), max_size=200)


@given(counts, st.integers(0, 10_000))
def test_a_time_shift_does_not_matter(people: list[int], shift: int) -> None:
    here, there = (limit(max_people=2, persist_s=0.5) for _ in range(2))
    assert play(here, people) == play(there, people, start=float(shift))


@given(counts)
def test_events_open_and_close_in_turn_and_a_quiet_place_ends_the_last(people: list[int]) -> None:
    crowding = limit(max_people=2, persist_s=0.5)
    opened = [c.opened for _, c in play(crowding, [*people, *[0] * 8])]
    assert opened == [n % 2 == 0 for n in range(len(opened))]
    assert len(opened) % 2 == 0


@pytest.mark.parametrize("wrong_by", [0.9, 1.1])
def test_a_wrong_field_of_view_stretches_depth_and_leaves_the_rest(wrong_by: float) -> None:
    along, across = heads((0.0, 0.0, 2.0), (0.1, 0.0, 3.0)), heads((-0.5, 0.0, 2.5), (0.5, 0.0, 2.5))
    depth, width = (nearest_m(pair, SIZE, FOV * wrong_by) for pair in (along, across))
    assert depth == pytest.approx(1.0 * (1.13 if wrong_by < 1 else 1 / 1.13), rel=0.02)
    assert width == pytest.approx(1.0, rel=0.02)


@given(counts)
def test_nobody_is_told_of_a_crowd_that_was_not_there(people: list[int]) -> None:
    assert play(limit(max_people=4, persist_s=0.0), people) == []


def test_memory_is_bounded() -> None:
    crowding = limit(max_people=1)
    play(crowding, [2] * 2000)
    assert len(crowding._distances) == 256


# --- how good the distances are ---


def random_head(rng: random.Random) -> Head:
    """An adult: eyes 63 +- 3.6 mm apart, face +- 5 % wide, nose +- 10 % long; turned by up to 30 degrees."""
    return Head(
        rng.gauss(0.063, 0.0036), rng.gauss(0.139, 0.007), rng.gauss(0.72, 0.072), rng.uniform(-30, 30)
    )


def errors(face_px: int, one_behind_the_other: bool, frames: int) -> tuple[float, float]:  # noqa: FBT001
    """(median error, what nine of ten errors stay below) of a pair 1 m apart, in percent of it.

    Each coordinate is off by 1 px (standard deviation), independently in each frame; the median of the frames
    counts.
    """
    rng = random.Random(1)
    far = FOCAL_PX * 0.139 / face_px
    dx, dz = (0.1, math.sqrt(0.25 - 0.01)) if one_behind_the_other else (0.5, 0.0)
    places = (-dx, 0.0, far - dz), (dx, 0.0, far + dz)
    found = []
    for _ in range(150):
        pair = random_head(rng), random_head(rng)
        looks = [
            [head.seen_at(*place, lambda: rng.gauss(0, 1)) for head, place in zip(pair, places, strict=True)]
            for _ in range(frames)
        ]
        found.append(median(100 * (nearest_m(look, SIZE, FOV) or math.inf) - 100 for look in looks))
    return median(found), sorted(map(abs, found))[int(0.9 * len(found))]


@pytest.mark.slow
def test_the_errors_are_what_the_module_says() -> None:
    rows = re.findall(
        r"^(\d+) px, ([\d.]+) m +(\d+) % +(\d+) % +(\d+) % +(\d+) %$", module.__doc__ or "", re.MULTILINE
    )
    documented = {int(px): [float(v) for v in rest] for px, *rest in rows}
    assert list(documented) == [60, 45, 30, 20]
    for px, (far, *percents) in documented.items():
        measured = [errors(px, behind, frames) for behind in (False, True) for frames in (1, 25)]
        far_m = FOCAL_PX * 0.139 / px
        print(f"\n{px} px, {far_m:.1f} m", *(f"{p90:.0f} % ({bias:+.0f})" for bias, p90 in measured))  # noqa: T201 - what -s is for
        assert far_m == pytest.approx(far, abs=0.06)
        assert [p90 for _, p90 in measured] == pytest.approx(percents, rel=0.15, abs=2)
