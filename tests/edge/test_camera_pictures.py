"""Damaged, cut-off and huge pictures: told apart before they are judged, counted, and never fatal."""

import io
import struct
import subprocess
import sys
import zlib
from datetime import datetime, timezone
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.camera import CameraSettings, Turn, read_clip, read_picture
from edge.camera.decoding import JpegDecoder
from edge.camera.kinds import open_source
from edge.camera.opencv import captured
from edge.camera.picture_headers import DamagedPictureError, jpeg_header, picture_size
from edge.camera.state import DamagedPicture
from edge.camera.v4l2 import _MJPG, _decoder
from edge.errors import CameraError
from edge.sim.camera import noisy_picture
from edge.sim.scripted_capture import ScriptedCapture, jpeg_bytes
from edge.values import Image

ROOT = Path(__file__).parents[2]
ENOUGH = 16_000_000
END = b"\xff\xd9"
WHOLE = jpeg_bytes(noisy_picture(1, 320, 240))


def with_size(jpeg: bytes, width: int, height: int) -> bytes:
    """The same JPEG with another size in its header."""
    at = jpeg.index(b"\xff\xc0")
    return jpeg[: at + 5] + struct.pack(">HH", height, width) + jpeg[at + 9 :]


def why(data: bytes, max_pixels: int = ENOUGH) -> str:
    with pytest.raises(DamagedPictureError) as e:
        JpegDecoder(max_pixels).decode(data)
    return str(e.value)


# ---- sizes without decoding


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "lossless WEBP", "progressive JPEG"])
@pytest.mark.parametrize("size", [(1, 1), (17, 300), (641, 483)])
def test_the_size_is_read_from_the_header(name: str, size: tuple[int, int]) -> None:
    file = io.BytesIO()
    options = {"lossless WEBP": {"lossless": True}, "progressive JPEG": {"progressive": True}}.get(name, {})
    PIL.Image.new("RGB", size, (10, 200, 30)).save(file, name.rsplit(maxsplit=1)[-1], **options)
    assert picture_size(file.getvalue()) == size


def test_the_size_of_a_webp_with_exif_is_its_canvas() -> None:
    file = io.BytesIO()
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    PIL.Image.new("RGB", (640, 480)).save(file, "WEBP", exif=exif)
    assert file.getvalue()[12:16] == b"VP8X"
    assert picture_size(file.getvalue()) == (640, 480)


def test_a_thumbnail_is_not_taken_for_the_picture() -> None:
    thumbnail = jpeg_bytes(noisy_picture(2, 32, 24))
    inside = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    assert picture_size(WHOLE[:2] + inside + WHOLE[2:]) == (320, 240)


@given(
    st.binary(max_size=400),
    st.sampled_from([b"", b"\xff\xd8", WHOLE[:200], b"\x89PNG\r\n\x1a\n", b"RIFF1234WEBPVP8X"]),
)
def test_any_bytes_have_a_size_or_are_damaged(rest: bytes, start: bytes) -> None:
    try:
        size = picture_size(start + rest)
    except DamagedPictureError:
        return
    assert size is None or len(size) == 2


# ---- whole or not


def test_a_whole_picture_is_decoded() -> None:
    image = JpegDecoder(ENOUGH).decode(WHOLE + bytes(5000))  # drivers give the rest of their buffer, too
    assert image.shape == (240, 320, 3)
    assert np.abs(image.astype(int) - noisy_picture(1, 320, 240)).mean() < 3


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("end", [b"", END])
def test_a_picture_that_is_cut_off_is_not_decoded(kept: float, end: bytes) -> None:
    assert "cut off" in why(WHOLE[: int(kept * len(WHOLE))] + end)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (bytes(20000), "is empty"),
        (b"<html>", "is not a JPEG"),
        (WHOLE[:300], "is cut off in its header"),
        (b"\xff\xd8\xff\xd9", "has no picture data"),
        (WHOLE[:4000] + WHOLE, "is damaged in its middle"),
        (with_size(WHOLE, 0, 240), "has no size in its header"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, reason: str) -> None:
    assert why(data) == reason


def test_a_grey_picture_is_whole() -> None:
    grey = np.full((48, 64, 3), 128, dtype=np.uint8)
    assert np.array_equal(JpegDecoder(ENOUGH).decode(jpeg_bytes(grey)), grey)


def test_a_part_that_is_lost_is_noticed_by_its_restart_markers() -> None:
    bgr = noisy_picture(1, 320, 240)
    jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_RST_INTERVAL, 20])[1].tobytes()
    header = jpeg_header(jpeg)
    second, third = jpeg.index(b"\xff\xd1", header.data_at), jpeg.index(b"\xff\xd2", header.data_at)
    assert JpegDecoder(ENOUGH).decode(jpeg).shape == (240, 320, 3)
    assert why(jpeg[:second] + jpeg[third:]) == "lacks a part in its middle"


def test_only_a_camera_that_always_leaves_out_the_end_marker_may_do_so() -> None:
    without_end = JpegDecoder(ENOUGH)
    for _ in range(10):
        assert without_end.decode(WHOLE[:-2]).shape == (240, 320, 3)
    with_end = JpegDecoder(ENOUGH)
    with_end.decode(WHOLE)
    with pytest.raises(DamagedPictureError, match="is cut off"):
        with_end.decode(WHOLE[:-2])


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
def test_a_changed_byte_gives_a_picture_or_a_reason(at: int, value: int) -> None:
    data = bytearray(WHOLE)
    data[at] = value
    try:
        image = JpegDecoder(ENOUGH).decode(bytes(data))
    except DamagedPictureError:
        return
    assert image.size <= 3 * ENOUGH


# ---- memory


def test_a_picture_that_is_too_large_is_refused_by_its_header() -> None:
    bomb = with_size(WHOLE, 16000, 16000)
    assert why(bomb) == "has 16000 x 16000 px, more than the 16 megapixels that are allowed"
    assert JpegDecoder(320 * 240).decode(WHOLE).shape == (240, 320, 3)
    assert "more than" in why(WHOLE, 320 * 240 - 1)


def test_a_picture_with_two_sizes_is_damaged() -> None:
    at = WHOLE.index(b"\xff\xc0")
    frame = WHOLE[at : at + 19]
    twice = WHOLE[:at] + frame[:5] + struct.pack(">HH", 9000, 9000) + frame[9:] + WHOLE[at:]
    assert why(twice) == "has a damaged header"


def png_of(width: int, height: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["png", "webp", "jpg"])
def test_a_photo_that_is_too_large_is_named_with_its_size(tmp_path: Path, kind: str) -> None:
    webp = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + (15999).to_bytes(3, "little") * 2
    content = {
        "png": png_of(16000, 16000),
        "webp": webp,
        "jpg": with_size(WHOLE, 16000, 16000),
    }[kind]
    path = tmp_path / f"bomb.{kind}"
    path.write_bytes(content)
    wanted = "has 16000 x 16000 px, more than the 100 megapixels"
    with pytest.raises(CameraError, match=rf"bomb\.{kind}: not a readable picture.*{wanted}"):
        read_picture(path)


READ = """
import sys
from pathlib import Path
from edge.camera import read_picture

read_picture(Path(sys.argv[1]))
"""


@pytest.mark.slow
def test_opencv_refuses_the_same_in_files_whose_header_is_not_read_here(tmp_path: Path) -> None:
    path = tmp_path / "large.pgm"
    with path.open("wb") as file:
        file.write(b"P5 11000 10000 255\n")
        file.truncate(110_000_100)
    done = subprocess.run(
        [sys.executable, "-c", READ, path], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (
        "is refused by OpenCV, as damaged pictures and those of more than 100 megapixels are" in done.stderr
    )


# ---- which way up


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_photos_are_turned_upright_by_their_exif(tmp_path: Path, kind: str, orientation: int) -> None:
    picture = PIL.Image.fromarray(
        cv2.resize(noisy_picture(3, 6, 4, 120), (60, 40), interpolation=cv2.INTER_NEAREST)
    )
    picture.paste((250, 20, 20), (0, 0, 20, 12))
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{kind.lower()}"
    picture.save(path, kind, exif=exif, **({"lossless": True} if kind == "WEBP" else {}))
    wanted = np.asarray(PIL.ImageOps.exif_transpose(PIL.Image.open(path)))
    got = read_picture(path)
    assert got.shape == wanted.shape
    assert np.abs(got.astype(int) - wanted).mean() < 4


# ---- what OpenCV has opened


def test_a_picture_that_opencv_does_not_give_is_damaged_and_the_next_one_is_taken() -> None:
    bgr = noisy_picture(1)
    broken = [None, np.empty((0, 0), dtype=np.uint8), cv2.error("jpeg"), np.zeros((4, 4), dtype=np.uint16)]
    capture = ScriptedCapture([bgr, *broken, bgr])
    stream = captured(capture, CameraSettings("/dev/video0"), "broke off")
    seen = [next(stream)[0] for _ in range(6)]
    assert [isinstance(p, DamagedPicture) for p in seen] == [False, True, True, True, True, False]
    with pytest.raises(CameraError, match=r"/dev/video0: broke off\."):
        next(stream)
    assert capture.released


def test_an_mjpg_camera_is_decoded_here() -> None:
    def raw(data: bytes) -> Image:
        return np.frombuffer(data, dtype=np.uint8)[None]

    capture = ScriptedCapture([raw(WHOLE), raw(WHOLE[:5000]), raw(WHOLE)], {cv2.CAP_PROP_FOURCC: _MJPG})
    stream = captured(capture, CameraSettings("/dev/video0"), "broke off", _decoder(capture, ENOUGH))
    first, second, third = (next(stream)[0] for _ in range(3))
    assert capture.properties[cv2.CAP_PROP_CONVERT_RGB] == 0
    assert isinstance(first, np.ndarray)
    assert isinstance(third, np.ndarray)
    assert second == DamagedPicture("is cut off")
    assert np.array_equal(first, third)


def test_a_camera_that_gives_too_large_pictures_is_not_read() -> None:
    size = {cv2.CAP_PROP_FRAME_WIDTH: 9000.0, cv2.CAP_PROP_FRAME_HEIGHT: 9000.0}
    capture = ScriptedCapture([noisy_picture(1)], size)
    with pytest.raises(
        CameraError, match=r"/dev/video0: a picture has 9000 x 9000 px, more than .* set a smaller"
    ):
        next(captured(capture, CameraSettings("/dev/video0"), "broke off"))
    assert capture.released


# ---- as the camera was mounted, and as the phone was held


CORNERS = np.zeros((48, 64, 3), dtype=np.uint8)
CORNERS[:24, :32] = (250, 20, 20)
CORNERS[24:, 32:] = (20, 20, 250)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_pictures_are_turned_clockwise_and_then_mirrored(tmp_path: Path, rotate: int, *, flip: bool) -> None:
    PIL.Image.fromarray(CORNERS).save(tmp_path / "a.png")
    wanted = PIL.Image.fromarray(CORNERS).rotate(-rotate, expand=True)
    wanted = PIL.ImageOps.mirror(wanted) if flip else wanted
    settings = CameraSettings(str(tmp_path), rotate=rotate, flip=flip)
    ((image, _),) = open_source(settings)
    assert isinstance(image, np.ndarray)
    assert image.flags.c_contiguous
    assert np.array_equal(image, np.asarray(wanted))


@pytest.mark.parametrize(
    ("angle", "matrix"), [(0, (1, 0, 0, 1)), (90, (0, 1, -1, 0)), (180, (-1, 0, 0, -1)), (270, (0, -1, 1, 0))]
)
def test_a_clip_from_a_phone_is_turned_by_its_display_matrix(
    tmp_path: Path, angle: int, matrix: tuple[int, int, int, int]
) -> None:
    path = tmp_path / "clip.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, (64, 48))
    for _ in range(3):
        writer.write(cv2.cvtColor(CORNERS, cv2.COLOR_RGB2BGR))
    writer.release()
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44  # ISO 14496-12, 8.3.2: the matrix of a track, a b u c d v x y w
    a, b, c, d = (value << 16 for value in matrix)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    wanted = np.asarray(PIL.Image.fromarray(CORNERS).rotate(-angle, expand=True)).astype(int)
    epoch = datetime(2026, 6, 1, tzinfo=timezone.utc)
    (image, *_) = (frame.image for frame in read_clip(path, epoch))
    assert image.shape == wanted.shape
    assert np.abs(image - wanted).mean() < 12
    (turned, *_) = (frame.image for frame in read_clip(path, epoch, Turn(90)))
    assert turned.shape == (image.shape[1], image.shape[0], 3)
