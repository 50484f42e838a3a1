"""Training crops, and the boxes that somebody looked at."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from convert.data.annotations import read_annotations
from convert.data.candidates import Notes
from convert.export.artifact import drawn_faces
from convert.face.batches import MOST_FACES, make_batch
from convert.face.boxes import Truth
from convert.face.crops import SIDE_PX, CropSource, Mix
from convert.face.empty import empty_pictures
from convert.face.negatives import draw_negative
from convert.face.reviewed import COLUMNS, DEFAULT_REVIEWED, read_reviewed
from convert.face.scenes import SHARES, TrainingScene, deal
from convert.face.wear import wear_drawn_mask
from edge.errors import UsageError

BARE = np.array([[110.0, 45, 210, 185]])
POINTS = np.array([[[142.0, 100], [178, 100], [160, 120], [148, 148], [172, 148]]])
PLAIN = Mix(long_side_px=(319, 321), near=0, wrong=0, empty=0, negatives=0, masks=0, turned=0, bare=0)


def scene(image: NDArray[Any] | None = None, label: str = "not_masked") -> TrainingScene:
    picture = np.full((240, 320, 3), 90, np.uint8) if image is None else image
    return TrainingScene(
        picture, Truth(BARE, POINTS, (label,), np.zeros((0, 4))), np.array([[5.0, 5, 30, 40]])
    )


def rows_and_columns(box: NDArray[Any], margin: float) -> tuple[slice, slice]:
    x1, y1, x2, y2 = np.clip(np.add(box, [-margin, -margin, margin, margin]), 0, SIDE_PX).astype(int)
    return slice(y1, y2), slice(x1, x2)


@pytest.mark.slow
def test_a_box_stays_on_its_face_at_every_scale_and_in_the_mirror() -> None:
    image = np.zeros((240, 320, 3), np.uint8)
    x1, y1, x2, y2 = BARE[0].astype(int)
    image[y1:y2, x1:x2] = 255
    mix = Mix(near=0.5, wrong=0, empty=0, negatives=0, masks=0, turned=0)
    found = 0
    for seed in range(40):
        crop = CropSource([scene(image)], [], mix).draw(np.random.default_rng(seed))
        for box, points in zip(crop.boxes, crop.points, strict=True):
            found += 1
            outside = np.ones(crop.image.shape[:2], dtype=bool)
            outside[rows_and_columns(box, 4)] = False
            inside = crop.image[rows_and_columns(box, -4)]
            assert np.median(inside) > 2 * np.median(crop.image[outside]) + 5
            around = outside.copy()
            around[:] = False
            around[rows_and_columns(box, 12)] = True
            edge = crop.image[around & outside]
            assert edge.size == 0 or np.median(inside) > 1.5 * np.median(edge) + 5
            assert points[0, 0] < points[1, 0]  # the right eye is left in the picture, mirrored or not
            assert (points >= box[:2] - 1).all()
            assert (points <= box[2:] + 1).all()
    assert found > 20


@pytest.mark.slow
def test_a_face_cut_by_the_crop_is_ignored_and_a_sliver_is_no_face() -> None:
    kinds = set()
    for seed in range(200):
        crop = CropSource([scene()], [], Mix(near=1, empty=0, wrong=0, negatives=0)).draw(
            np.random.default_rng(seed)
        )
        for boxes, least, most in ((crop.boxes, 0.65, 1.01), (crop.ignored, 0.25, 0.65)):
            for box in boxes:
                seen = np.prod(np.clip(np.minimum(box[2:], SIDE_PX) - np.maximum(box[:2], 0), 0, None))
                assert least <= seen / np.prod(box[2:] - box[:2]) <= most
                kinds.add(most)
    assert kinds == {1.01, 0.65}


def test_a_crop_is_a_function_of_the_random_source_alone() -> None:
    source = CropSource([scene()], empty_pictures()[:2], Mix(empty=0.3, negatives=0.9))
    one, same, other = (make_batch(source, 3, seed, 5) for seed in (1, 1, 2))
    for a, b in zip(one, same, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (one[0] != other[0]).any()
    assert one[0].shape == (3, SIDE_PX, SIDE_PX, 3)
    assert one[1].shape == (3, MOST_FACES, 4)


@pytest.mark.slow
def test_drawn_things_never_hide_a_face() -> None:
    for seed in range(30):
        clean = CropSource([scene()], [], PLAIN).draw(np.random.default_rng(seed))
        mix = Mix(**{**{k: getattr(PLAIN, k) for k in Mix.__slots__}, "negatives": 1.0})
        full = CropSource([scene()], [], mix).draw(np.random.default_rng(seed))
        np.testing.assert_allclose(clean.boxes, full.boxes)


def test_a_drawn_mask_covers_the_mouth_and_leaves_the_eyes() -> None:
    for seed in range(20):
        picture = drawn_faces(240, 320, 2)[1]
        before = picture.copy()
        assert wear_drawn_mask(picture, BARE[0], POINTS[0], np.random.default_rng(seed))
        changed = (picture != before).any(axis=2)
        assert changed[140:156, 150:170].mean() > 0.9
        assert changed[92:100, 136:146].mean() < 0.2
    unknown = np.full((5, 2), np.nan)
    assert not wear_drawn_mask(picture, BARE[0], unknown, np.random.default_rng(1))
    assert not wear_drawn_mask(picture, BARE[0] / 50, POINTS[0] / 50, np.random.default_rng(1))


@settings(max_examples=60)
@given(st.integers(0, 2**32))
def test_things_that_are_no_faces_are_pictures_of_the_right_range(seed: int) -> None:
    patch, alpha = draw_negative(np.random.default_rng(seed))
    assert patch.shape[:2] == alpha.shape
    assert 16 <= len(patch) <= 180
    assert patch.min() >= 0
    assert patch.max() <= 255
    assert alpha.min() >= 0
    assert 0.5 < alpha.max() <= 1.0001


@given(st.integers(1, 900), st.integers(0, 99))
def test_every_photo_is_in_one_split(count: int, seed: int) -> None:
    splits = deal(count, seed)
    assert list(splits) == list(SHARES)
    assert sorted(i for part in splits.values() for i in part) == list(range(count))
    assert all(abs(len(splits[k]) - count * share) <= 1 for k, share in SHARES.items())


def test_the_boxes_that_were_looked_at_are_read_by_collection() -> None:
    known = read_reviewed("frames")
    assert len(known) > 100
    assert sum(len(r.not_faces) for r in known.values()) > 50
    assert not set(known) & set(read_reviewed("frames_ilc"))
    assert read_reviewed("nothing") == {}


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ("frames,a.jpg,1,2,3,4,maybe", "line 2: 'frames,a.jpg,1,2,3,4,maybe' has not 7 columns"),
        ("frames,a.jpg,1,2,3,not", "line 2: .* has not 7 columns"),
        ("frames,a.jpg,1,2,x,4,not", "line 2: a box is four numbers"),
    ],
)
def test_a_bad_line_is_named(row: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "reviewed.csv"
    path.write_text(f"{','.join(COLUMNS)}\n{row}\n")
    with pytest.raises(UsageError, match=text):
        read_reviewed("frames", path)
    path.write_text("file,box\n")
    with pytest.raises(UsageError, match="line 1: is 'file,box', wanted"):
        read_reviewed("frames", path)
    with pytest.raises(UsageError, match="can't be read"):
        read_reviewed("frames", tmp_path / "none.csv")
    assert DEFAULT_REVIEWED.is_file()


def test_yolo_labels_are_shares_of_the_photo(tmp_path: Path) -> None:
    import cv2  # noqa: PLC0415

    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    with pytest.raises(UsageError, match=r"classes\.txt: can't be read"):
        read_annotations(tmp_path, Notes())
    (tmp_path / "classes.txt").write_text("mask\nno_mask\n")
    cv2.imwrite(str(tmp_path / "images/a.png"), np.zeros((50, 100, 3), np.uint8))
    (tmp_path / "labels/a.txt").write_text("1 0.5 0.5 0.2 0.4\n0 0.1 0.2 0.2 0.4\n")
    (tmp_path / "labels/b.txt").write_text("0 0.5 0.5 0.2 0.4\n")
    cv2.imwrite(str(tmp_path / "images/c.png"), np.zeros((50, 100, 3), np.uint8))
    (tmp_path / "labels/c.txt").write_text("7 0.5 0.5 0.2 0.4\n")
    notes = Notes()
    (photo,) = read_annotations(tmp_path, notes)
    assert photo.path.name == "a.png"
    assert [name for name, _ in photo.boxes] == ["no_mask", "mask"]
    assert photo.boxes[0][1] == pytest.approx([40, 15, 60, 35])
    assert photo.boxes[1][1] == pytest.approx([0, 0, 20, 20])
    assert notes.left_out == {"broken annotation": 2}
