"""Where faces count and who crosses a line, however the zone or the line was drawn."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edge.config import CountingLine, Zone
from edge.errors import ConfigError
from edge.people.zones import MARGIN, Crossing, LineCounter, ZoneHit, Zones
from edge.values import Box

Point = tuple[float, float]

# a grid on which all sums and products are exact, so that mirrored and moved things are exactly so
grid = st.integers(0, 64).map(lambda n: n / 64)
points = st.tuples(grid, grid)
polygons = st.lists(points, min_size=3, max_size=7)
paths = st.lists(points, min_size=1, max_size=30)

L_SHAPE = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.5), (0.5, 0.5), (0.5, 0.9), (0.1, 0.9))
DOOR = CountingLine(name="door", start=(0.0, 0.5), end=(1.0, 0.5))


def zone(polygon: Sequence[Point], name: str = "lobby", min_face_width_px: float | None = None) -> Zone:
    return Zone(name=name, polygon=tuple(polygon), min_face_width_px=min_face_width_px)


def face_at(x: float, y: float) -> Box:
    """In a picture of 640x480; x and y as shares."""
    return Box(x * 640 - 16, y * 480 - 16, x * 640 + 16, y * 480 + 16)


def holds(polygon: Sequence[Point], point: Point) -> bool:
    return Zones([zone(polygon)], "entrance").of(face_at(*point), 640, 480) is not None


def walk(line: CountingLine, path: Sequence[Point]) -> list[str]:
    counter = LineCounter([line])
    return ["in" if c.inward else "out" for p in path for c in counter.update(1, p)]


def net(counts: Sequence[str]) -> int:
    return counts.count("in") - counts.count("out")


def test_without_zones_everything_is_in_the_default_one() -> None:
    assert Zones([], "entrance").of(face_at(0.0, 1.0), 640, 480) == ZoneHit("entrance", None)


def test_with_zones_what_is_outside_all_of_them_is_nowhere() -> None:
    zones = Zones([zone(L_SHAPE, min_face_width_px=40.0)], "entrance")
    assert zones.of(face_at(0.3, 0.7), 640, 480) == ZoneHit("lobby", 40.0)
    assert zones.of(face_at(0.7, 0.7), 640, 480) is None


POSTER = Zone(name="poster", polygon=((0.6, 0.2), (0.9, 0.2), (0.9, 0.6), (0.6, 0.6)), ignore=True)


def test_an_ignored_zone_takes_its_faces_out_of_all_others() -> None:
    whole = zone(((0, 0), (1, 0), (1, 1), (0, 1)))
    for zones in (Zones([whole, POSTER], "entrance"), Zones([POSTER, whole], "entrance")):
        assert zones.of(face_at(0.7, 0.4), 640, 480) is None
        assert zones.of(face_at(0.5, 0.4), 640, 480) == ZoneHit("lobby", None)


def test_ignored_zones_alone_leave_the_rest_of_the_picture_as_one_zone() -> None:
    zones = Zones([POSTER], "entrance")
    assert zones.of(face_at(0.7, 0.4), 640, 480) is None
    assert zones.of(face_at(0.5, 0.4), 640, 480) == ZoneHit("entrance", None)


@given(polygons, points)
def test_a_face_is_either_in_a_zone_or_ignored_by_it(polygon: list[Point], point: Point) -> None:
    counting = zone(polygon)
    ignoring = counting.model_copy(update={"ignore": True})
    where = [Zones([z], "entrance").of(face_at(*point), 640, 480) for z in (counting, ignoring)]
    assert [hit is None for hit in where].count(True) == 1


def test_the_first_zone_that_holds_a_face_has_it() -> None:
    whole = ((0, 0), (1, 0), (1, 1), (0, 1))
    zones = Zones([zone(L_SHAPE, "first"), zone(whole, "second")], "entrance")
    hits = [zones.of(face_at(x, 0.7), 640, 480) for x in (0.3, 0.7)]
    assert [hit.name for hit in hits if hit] == ["first", "second"]


@given(polygons, points, st.integers(0, 6))
def test_neither_the_first_corner_nor_the_winding_matters(
    polygon: list[Point], point: Point, first: int
) -> None:
    first %= len(polygon)
    turned = polygon[first:] + polygon[:first]
    assert holds(turned, point) == holds(polygon, point)
    assert holds(turned[::-1], point) == holds(polygon, point)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=7))
def test_nor_does_it_on_an_edge_where_rounding_decides(polygon: list[Point]) -> None:
    (ax, ay), (bx, by) = polygon[:2]
    x, y = ax + (bx - ax) / 3, ay + (by - ay) / 3
    there, back = (Zones([zone(corners)], "entrance") for corners in (polygon, polygon[::-1]))
    assert there.of(Box(x, y, x, y), 1, 1) == back.of(Box(x, y, x, y), 1, 1)


@pytest.mark.parametrize("x", [0.2, 0.5, 0.8])
def test_a_corner_at_the_height_of_the_face_is_one_corner(x: float) -> None:
    diamond = ((0.5, 0.1), (0.9, 0.5), (0.5, 0.9), (0.1, 0.5))
    assert holds(diamond, (x, 0.5))
    assert not holds(diamond, (x / 64, 0.5))


@given(polygons, points, st.integers(-16, 16), st.integers(-16, 16))
def test_a_zone_that_moves_with_the_face_still_holds_it(
    polygon: list[Point], point: Point, dx: int, dy: int
) -> None:
    def moved(p: Point) -> Point:
        return p[0] / 2 + 0.25 + dx / 64, p[1] / 2 + 0.25 + dy / 64

    assert holds([moved(p) for p in polygon], moved(point)) == holds(polygon, point)


eighths = st.integers(1, 7).map(lambda n: n / 8)


@given(eighths, eighths, eighths)
def test_a_face_on_the_edge_that_two_zones_share_is_in_one_of_them(
    top: float, bottom: float, y: float
) -> None:
    left = ((0, 0), (top, 0), (bottom, 1), (0, 1))
    right = ((top, 0), (1, 0), (1, 1), (bottom, 1))
    on_the_edge = (top + (bottom - top) * y, y)
    assert holds(left, on_the_edge) != holds(right, on_the_edge)


def test_from_left_to_right_of_the_line_goes_in_and_back_goes_out() -> None:
    counter = LineCounter([DOOR])
    assert counter.update(1, (0.5, 0.3)) == []
    assert counter.update(1, (0.5, 0.7)) == [Crossing("door", inward=True)]
    assert counter.update(1, (0.5, 0.3)) == [Crossing("door", inward=False)]


def test_past_the_end_of_a_line_is_not_across_it() -> None:
    short = CountingLine(name="door", start=(0.2, 0.5), end=(0.4, 0.5))
    assert walk(short, [(0.5, 0.3), (0.5, 0.7)]) == []
    assert walk(short, [(0.3, 0.3), (0.3, 0.7)]) == ["in"]
    assert walk(short, [(0.3, 0.47), (0.3, 0.53)]) == ["in"]
    # steps that are small against the margin: what counts is where the line itself was passed
    assert walk(short, [(0.41, 0.3), (0.41, 0.49), (0.41, 0.51), (0.39, 0.515), (0.3, 0.7)]) == []
    assert walk(short, [(0.39, 0.3), (0.39, 0.49), (0.39, 0.51), (0.41, 0.515), (0.5, 0.7)]) == ["in"]
    around_and_back_through = [
        (0.41, 0.49),
        (0.41, 0.51),
        (0.39, 0.51),
        (0.39, 0.49),
        (0.41, 0.49),
        (0.41, 0.51),
    ]
    assert walk(short, [(0.41, 0.3), *around_and_back_through, (0.41, 0.7)]) == []


def test_around_the_end_and_across_again_needed_a_way_back() -> None:
    short = CountingLine(name="door", start=(0.2, 0.5), end=(0.4, 0.5))
    around = [(0.3, 0.3), (0.3, 0.7), (0.9, 0.7), (0.9, 0.3)]
    assert walk(short, [*around, *around]) == ["in", "in"]


def test_who_dithers_on_the_line_is_counted_once() -> None:
    dither = [(0.5, 0.5 + d * MARGIN * 0.9) for d in (-1, 1, 0, 1, -1, 1, -1)]
    assert walk(DOOR, [(0.5, 0.3), *dither]) == []
    assert walk(DOOR, [(0.5, 0.3), *dither, (0.5, 0.7), *dither]) == ["in"]
    assert walk(DOOR, [(0.5, 0.3), *dither, (0.5, 0.7), *dither, (0.5, 0.3)]) == ["in", "out"]


def test_a_step_that_ends_on_the_line_is_finished_by_the_next() -> None:
    assert walk(DOOR, [(0.5, 0.3), (0.5, 0.5), (0.5, 0.7)]) == ["in"]
    assert walk(DOOR, [(0.5, 0.3), (0.5, 0.5), (0.5, 0.3)]) == []


def test_each_line_and_each_person_is_counted_alone() -> None:
    counter = LineCounter([DOOR, CountingLine(name="stairs", start=(0.5, 1.0), end=(0.5, 0.0))])
    counter.update(1, (0.4, 0.4))
    counter.update(2, (0.4, 0.6))
    assert counter.update(1, (0.6, 0.6)) == [Crossing("door", inward=True), Crossing("stairs", inward=True)]
    assert counter.update(2, (0.4, 0.7)) == []


def test_a_person_who_left_is_forgotten() -> None:
    counter = LineCounter([DOOR])
    counter.update(1, (0.5, 0.3))
    counter.forget(1)
    counter.forget(1)
    assert counter.update(1, (0.5, 0.7)) == []


def test_memory_is_bounded_and_the_longest_unseen_go_first() -> None:
    counter = LineCounter([DOOR])
    for track in range(1000):
        counter.update(track, (0.5, 0.3))
        counter.update(0, (0.5, 0.3))
    assert len(counter._walks) == 256
    assert counter.update(0, (0.5, 0.7)) == [Crossing("door", inward=True)]


def test_a_line_without_length_is_a_mistake_in_the_configuration() -> None:
    with pytest.raises(ConfigError, match=r"lines: 'door' starts and ends at \[0\.5, 0\.5\].*Example: start"):
        LineCounter([CountingLine(name="door", start=(0.5, 0.5), end=(0.5, 0.5))])


@given(points, points, paths)
def test_in_the_mirror_in_is_out(start: Point, end: Point, path: list[Point]) -> None:
    assume(start != end)
    seen = walk(CountingLine(name="door", start=start, end=end), path)
    mirrored = CountingLine(name="door", start=(1 - start[0], start[1]), end=(1 - end[0], end[1]))
    swapped = ["out" if c == "in" else "in" for c in seen]
    assert walk(mirrored, [(1 - x, y) for x, y in path]) == swapped
    assert walk(CountingLine(name="door", start=end, end=start), path) == swapped


@given(points, points, paths, st.integers(-16, 16), st.integers(-16, 16))
def test_a_line_that_moves_with_the_path_counts_the_same(
    start: Point, end: Point, path: list[Point], dx: int, dy: int
) -> None:
    def half(p: Point, by: Point = (0.0, 0.0)) -> Point:
        return p[0] / 2 + 0.25 + by[0], p[1] / 2 + 0.25 + by[1]

    assume(start != end)
    here = CountingLine(name="door", start=half(start), end=half(end))
    by = dx / 64, dy / 64
    there = CountingLine(name="door", start=half(start, by), end=half(end, by))
    assert walk(here, [half(p) for p in path]) == walk(there, [half(p, by) for p in path])


@given(paths)
def test_a_path_that_ends_on_the_side_where_it_began_counts_nothing_net(path: list[Point]) -> None:
    assume(abs(path[0][1] - 0.5) > MARGIN)
    below = path[0][1] > 0.5
    counts = walk(DOOR, [*path, (0.5, 0.9 if below else 0.1)])
    assert net(counts) == 0
    assert net(walk(DOOR, [*path, (0.5, 0.1 if below else 0.9)])) == (-1 if below else 1)


@pytest.mark.slow
@given(paths)
def test_nobody_crosses_twice_the_same_way_in_a_row(path: list[Point]) -> None:
    counts = walk(DOOR, path)
    assert all(a != b for a, b in pairwise(counts))
