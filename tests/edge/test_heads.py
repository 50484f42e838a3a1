"""One face a head."""

from hypothesis import given
from hypothesis import strategies as st

from edge.people.heads import head_of, one_a_head
from edge.values import Box, Face


def face(x: float, y: float, width: float = 60.0, score: float = 0.9) -> Face:
    return Face(Box(x - width / 2, y - 0.6 * width, x + width / 2, y + 0.6 * width), score)


MAN = face(300, 200, 80, 0.92)


def test_chin_hair_and_bow_tie_are_the_man_himself() -> None:
    chin, hair, tie = face(300, 240, 40, 0.65), face(262, 145, 66, 0.61), face(300, 268, 30, 0.7)
    assert one_a_head([chin, hair, MAN, tie]) == [MAN]


def test_people_beside_behind_and_before_him_are_others() -> None:
    beside, behind, child = face(300 + 100, 200, 78, 0.9), face(330, 105, 50, 0.7), face(300, 300, 60, 0.8)
    assert sorted(one_a_head([beside, behind, child, MAN]), key=lambda f: f.score) == sorted(
        [beside, behind, child, MAN], key=lambda f: f.score
    )


faces = st.lists(
    st.builds(face, st.floats(0, 600), st.floats(0, 400), st.floats(10, 120), st.floats(0.6, 1.0)), max_size=8
)


@given(faces)
def test_the_best_face_stays_and_no_two_share_a_head(found: list[Face]) -> None:
    kept = one_a_head(found)
    assert bool(kept) == bool(found)
    assert not found or kept[0].score == max(f.score for f in found)
    for n, better in enumerate(kept):
        head = head_of(better.box)
        for other in kept[n + 1 :]:
            x, y = other.box.center
            assert not (head.x1 <= x < head.x2 and head.y1 <= y < head.y2)
    assert one_a_head(kept) == kept


@given(faces, st.randoms(use_true_random=False))
def test_the_order_does_not_matter(found: list[Face], random: object) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert one_a_head(found) == one_a_head(shuffled)
