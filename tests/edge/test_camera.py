import itertools
import logging
import os
import queue
import random
import re
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Generator, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL.Image
import pytest

from edge.camera import (
    Camera,
    CameraSettings,
    CameraState,
    CameraStatus,
    Fault,
    SourceKind,
    Turn,
    UprightCheck,
    check_source,
    kind_of,
    rate_problems,
    read_clip,
    read_picture,
)
from edge.camera.capture import POLL_S
from edge.camera.checks import PictureCheck, is_black
from edge.camera.clips import CLIP, _warn_if_cut_off, open_clip
from edge.camera.csi import CSI
from edge.camera.gstreamer import GSTREAMER
from edge.camera.http import HTTP
from edge.camera.kinds import FORMS, KINDS, open_source
from edge.camera.pictures import PICTURES
from edge.camera.reader import Reader
from edge.camera.rtsp import RTSP
from edge.camera.shown import shown_source
from edge.camera.state import DamagedPicture
from edge.camera.v4l2 import V4L2, v4l2_device
from edge.cli import main
from edge.clock import SystemClock
from edge.errors import CameraError, UsageError
from edge.sim.camera import ScriptedSource, Step, noisy_picture
from edge.sim.manual_clock import ManualClock
from edge.values import Box, Face, Frame, Image

EPOCH = datetime(2026, 6, 1, 8, 0, tzinfo=timezone.utc)
RED = (255, 0, 0)


def until(camera: Camera, holds: Callable[[CameraStatus], bool]) -> list[Frame]:
    """Take frames until the status is as wanted; fails after some 20 s without."""
    frames = []
    for _ in range(2000):
        frame = camera.next(0.01)
        if frame:
            frames.append(frame)
        if holds(camera.status):
            return frames
    pytest.fail(f"never came; last status: {camera.status}")


def patiently(holds: Callable[[], bool]) -> None:
    """As ``until``, without taking frames."""
    pause = threading.Event()
    for _ in range(2000):
        if holds():
            return
        pause.wait(0.01)
    pytest.fail("never came")


def fault(wanted: Fault | None) -> Callable[[CameraStatus], bool]:
    return lambda s: s.fault is wanted


def even(color: tuple[int, int, int], width: int = 64, height: int = 48) -> Image:
    return np.full((height, width, 3), color, dtype=np.uint8)


def write_video(path: Path, pictures: list[Image], fps: float, codec: str = "mp4v") -> Path:
    height, width = pictures[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), fps, (width, height))
    assert writer.isOpened()
    for p in pictures:
        writer.write(cv2.cvtColor(p, cv2.COLOR_RGB2BGR))
    writer.release()
    return path


def greys(n: int) -> list[Image]:
    return [even((20 * i + 20,) * 3) for i in range(n)]


def fed(feed: "queue.SimpleQueue[Step | None]") -> Iterator[Step]:
    while (step := feed.get()) is not None:
        yield step


class Rig:
    """A live camera on a script, with a manual clock; pictures come one by one from the test."""

    def __init__(self, *scripts: list[Step], **settings: Any) -> None:
        self.clock = ManualClock()
        self.feeds: list[queue.SimpleQueue[Step | None]] = [queue.SimpleQueue() for _ in scripts]
        self.source = ScriptedSource(
            *(itertools.chain(s, fed(q)) for s, q in zip(scripts, self.feeds, strict=True))
        )
        self.camera = Camera(
            CameraSettings(
                **dict[str, Any](source="/dev/video0", backoff_min_s=0.001, backoff_max_s=0.002) | settings
            ),
            self.clock,
            rng=random.Random(1),
            open_source=self.source,
        )
        self.camera.start()

    def give(self, picture: Step, connection: int = 0) -> list[Frame]:
        """Let the camera take one more picture; what was delivered."""
        wanted = self.camera.status.frames + 1
        self.feeds[connection].put(picture)
        return until(self.camera, lambda s: s.frames == wanted)


@pytest.fixture
def rig() -> Iterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def make(*scripts: list[Step], **settings: float) -> Rig:
        made.append(Rig(*scripts, **settings))
        return made[-1]

    yield make
    for r in made:
        for q in r.feeds:
            q.put(None)
        r.camera.close()


# ---- what a source's text means


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("/dev/video0", V4L2),
        ("/dev/v4l/by-id/usb-046d_C270-video-index0", V4L2),
        ("rtsp://user:password@192.0.2.7:8554/stream1", RTSP),
        ("rtsps://192.0.2.7/stream1", RTSP),
        ("HTTP://192.0.2.7/video.mjpg", HTTP),
        ("https://192.0.2.7/video.mjpg", HTTP),
        ("picamera", CSI),
        ("gst:nvarguscamerasrc ! videoconvert ! appsink", GSTREAMER),
    ],
)
def test_live_kinds(source: str, kind: SourceKind) -> None:
    assert kind_of(source) is kind
    assert kind.live


def test_file_kinds(tmp_path: Path) -> None:
    for name in ("clip.mp4", "moving.gif", "face.JPG"):
        (tmp_path / name).touch()
    assert kind_of(str(tmp_path / "clip.mp4")) is CLIP
    assert kind_of(str(tmp_path / "moving.gif")) is CLIP
    assert kind_of(str(tmp_path / "face.JPG")) is PICTURES
    assert kind_of(str(tmp_path)) is PICTURES
    assert not CLIP.live
    assert not PICTURES.live


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("missing.mp4", "'missing.mp4': no such file or folder"),
        ("missing.jpg", "'missing.jpg': no such file or folder"),
        ("0", "did you mean /dev/video0?"),
        (
            "ftp://host/clip.mp4",
            "ftp:// is not supported. A source is one of: /dev/video0, .*rtsp://.*picamera",
        ),
        ("", "the source is empty"),
        ("rtsp:///stream", "no valid host"),
        ("rtsp://admin:pa/55#word@host/stream", "%2F %23"),
        ("rtsp:/admin:pa55@host/stream", r"'\*\*\*': no such file or folder"),
        ("http:/admin:pa55@host/snap.jpg", r"'\*\*\*': no such file or folder"),
    ],
)
def test_what_is_not_a_source(source: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as e:
        check_source(CameraSettings(source))
    assert "55" not in str(e.value)


def test_a_path_that_can_not_be_looked_at_shows_no_password() -> None:
    with pytest.raises(CameraError, match=r"^\*\*\*: can't be read: File name too long"):
        kind_of("admin:pa55@" + "x" * 300)


def test_a_folder_without_pictures_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UsageError, match=rf"{tmp_path}.*no picture in this folder.*\.jpg"):
        check_source(CameraSettings(str(tmp_path)))


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("rtsp://192.0.2.7/stream1", "rtsp://192.0.2.7"),
        ("rtsp://admin:secret@192.0.2.7/stream1", "rtsp://192.0.2.7"),
        ("rtsp://admin:se@cret/@192.0.2.7/stream1", "rtsp://***"),
        ("http://192.0.2.7/video?usr=admin&pwd=secret", "http://192.0.2.7"),
        ("rtsp://192.0.2.7/user=admin&password=secret&channel=1", "rtsp://192.0.2.7"),
        ("/dev/video0", "/dev/video0"),
        ("admin:se@cret@192.0.2.7", "***"),
        ("rtsp:/192.0.2.7/user=admin&password=se&a=1", "***"),
        ("rtsp//192.0.2.7/live?pwd=secret", "***"),
        ("192.0.2.7/live?pwd=secret", "***"),
        ("clips/door@2x.mp4", "clips/door@2x.mp4"),
        ("/dev/v4l/by-path/usb-0:1:1.0-index0", "/dev/v4l/by-path/usb-0:1:1.0-index0"),
        (
            "gst:rtspsrc location=rtsp://me:se@cret@192.0.2.7/a user-pw=secret ! appsink",
            "gst:rtspsrc ...",
        ),
        ('gst:user-pw="secret ! secret" rtspsrc', "gst:*** ..."),
    ],
)
def test_secrets_are_not_shown(source: str, shown: str) -> None:
    assert shown_source(source) == shown


def test_the_table_names_each_kind_in_messages_and_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for kind in KINDS:
        assert kind.form in FORMS
        for start in kind.starts:
            assert start in text, f"maskgate run --help does not name {start}"


# ---- files


@pytest.mark.parametrize(("name", "codec"), [("clip.mp4", "mp4v"), ("clip.avi", "MJPG")])
def test_read_clip_gives_every_frame_with_its_media_time(tmp_path: Path, name: str, codec: str) -> None:
    clip = write_video(tmp_path / name, [even(RED), *greys(6)], 10, codec)
    frames = list(read_clip(clip, EPOCH))
    assert [f.seq for f in frames] == list(range(7))
    assert [f.captured_at for f in frames] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    assert frames[6].taken - EPOCH == pytest.approx(timedelta(seconds=0.6), abs=timedelta(milliseconds=1))
    assert [f.image.mean() for f in frames[1:]] == pytest.approx([20, 40, 60, 80, 100, 120], abs=4)
    first = frames[0].image
    assert (first.shape, first.dtype, first.flags.c_contiguous) == ((48, 64, 3), np.dtype("uint8"), True)
    assert first.mean(axis=(0, 1)) == pytest.approx(RED, abs=8)


def test_read_clip_keeps_the_pace_of_a_gif(tmp_path: Path) -> None:
    first, *rest = [PIL.Image.fromarray(p) for p in greys(4)]
    first.save(tmp_path / "a.gif", save_all=True, append_images=rest, duration=[100, 300, 50, 100])
    frames = list(read_clip(tmp_path / "a.gif", EPOCH))
    assert [f.captured_at for f in frames] == pytest.approx([0, 0.1, 0.4, 0.45])
    assert [round(f.image.mean()) for f in frames] == [20, 40, 60, 80]


@pytest.mark.parametrize(("name", "codec"), [("a.avi", "MJPG"), ("a.mkv", "MJPG")])
def test_a_clip_that_is_cut_off_is_logged(
    tmp_path: Path, name: str, codec: str, caplog: pytest.LogCaptureFixture
) -> None:
    clip = write_video(tmp_path / name, [noisy_picture(n) for n in range(40)], 10, codec)
    assert len(list(read_clip(clip, EPOCH))) == 40
    assert caplog.messages == []
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    count = len(list(read_clip(clip, EPOCH)))
    (message,) = caplog.messages
    assert message.startswith(f"{clip}: only {count} of its 40 pictures")


@pytest.mark.parametrize(
    ("count", "lasted_s", "stated", "stated_s", "messages"),
    [
        (25, 1.0, 650, 26.0, 1),
        (640, 25.6, 650, 26.0, 0),
        (29, 2.0, 60, 2.0, 0),  # a changing rate: the number is the time by the highest one
        (60, 2.0, 60, 9.0, 0),  # a wrong rate: the time is an estimate
        (3, 0.1, 4, 0.2, 0),
        (3, 0.1, 9e18, 3e17, 0),
        (3, 0.1, -9e18, -3e17, 0),
        (3, 0.1, 0, 0, 0),
    ],
)
def test_only_a_clip_that_lacks_pictures_and_time_is_called_cut_off(
    count: int,
    lasted_s: float,
    stated: float,
    stated_s: float,
    messages: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    _warn_if_cut_off(Path("a.mkv"), count, lasted_s, stated, stated_s)
    wanted = [
        "a.mkv: only 25 of its 650 pictures can be read (1.0 of 26.0 s); the file is cut off or damaged"
    ]
    assert caplog.messages == wanted[:messages]


@pytest.mark.parametrize("content", [None, b"", b"no video at all"])
def test_an_unreadable_clip_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "bad.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CameraError, match=r"bad\.mp4: no "):
        read_clip(path, EPOCH)


NOISY = """
import contextlib, sys
from pathlib import Path
from edge.camera import CameraSettings, read_clip
from edge.camera.kinds import open_source
from edge.clock import SystemClock
from edge.errors import CameraError

frames = list(read_clip(Path(sys.argv[1]), SystemClock().utc()))
with contextlib.suppress(CameraError):
    next(open_source(CameraSettings(source="http://admin:secret@127.0.0.1:1/x")))
print(len(frames))
"""


@pytest.mark.slow
def test_neither_opencv_nor_ffmpeg_prints(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", [noisy_picture(i) for i in range(8)], 10)
    data = bytearray(clip.read_bytes())
    middle = data.index(b"mdat") + 12000
    data[middle : middle + 500 : 7] = bytes(len(data[middle : middle + 500 : 7]))
    clip.write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-c", NOISY, str(clip)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert 1 <= int(done.stdout) <= 8


@pytest.mark.parametrize("content", [None, b"", b"no picture"])
def test_an_unreadable_picture_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "bad.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CameraError, match=r"bad\.jpg: (not a readable picture|no such file)"):
        read_picture(path)


def test_a_pipe_or_folder_is_named_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    for read in (read_picture, open_clip):
        with pytest.raises(CameraError, match=r"pipe\.jpg: is neither a file nor a folder, but a pipe"):
            read(tmp_path / "pipe.jpg")
        with pytest.raises(CameraError, match=rf"{tmp_path}: is a folder"):
            read(tmp_path)
        with pytest.raises(CameraError, match="can't be read: File name too long"):
            read(tmp_path / ("x" * 300))
    with pytest.raises(UsageError, match=r"pipe\.jpg': is neither"):
        kind_of(str(tmp_path / "pipe.jpg"))


def test_a_gif_is_not_a_picture(tmp_path: Path) -> None:
    PIL.Image.fromarray(even(RED)).save(tmp_path / "a.gif")
    with pytest.raises(CameraError, match=r"a\.gif: GIF pictures are not supported.*maskgate replay"):
        read_picture(tmp_path / "a.gif")


def test_a_picture_that_opencv_refuses_is_explained_in_words(tmp_path: Path) -> None:
    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 0, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )
    (tmp_path / "bomb.png").write_bytes(bomb)
    with pytest.raises(
        CameraError, match=r"bomb\.png: not a readable picture.*40000 x 40000 px, more than the 100 mega"
    ) as e:
        read_picture(tmp_path / "bomb.png")
    assert "CV_IO" not in str(e.value)


def test_a_picture_is_read_as_rgb(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "red.png"), even(RED)[..., ::-1])
    assert np.array_equal(read_picture(tmp_path / "red.png"), even(RED))


def test_a_clip_is_played_like_a_camera_and_its_last_frame_is_delivered(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", greys(6), 50)
    camera = Camera(CameraSettings(source=str(clip)), SystemClock())
    camera.start()
    until(camera, lambda s: s.state is CameraState.LIVE)
    seen = []
    while not camera.ended:
        frame = camera.next(10.0)
        assert frame or camera.ended
        seen += [frame] if frame else []
    last = seen[-1]
    assert last.seq == 5
    assert last.image.mean() == pytest.approx(120, abs=4)
    assert camera.status.state is CameraState.ENDED
    assert camera.status.frames == 6
    assert camera.next(10.0) is None  # at once
    camera.close()


def test_a_frame_that_nobody_took_keeps_a_clip_from_being_ended(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", greys(2), 50)
    camera = Camera(CameraSettings(source=str(clip)), SystemClock())
    camera.start()
    patiently(lambda: camera.status.state is CameraState.ENDED)
    assert not camera.ended
    frame = camera.next(0)
    assert frame is not None
    assert frame.seq == 1
    assert camera.ended
    camera.close()


def test_pictures_are_paced_by_their_due_times() -> None:
    clock = ManualClock()

    class Pauses(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            clock.advance(timeout or 0)
            return self.is_set()

    shown: list[float] = []

    def deliver(_reader: Reader, _picture: object) -> bool:
        shown.append(clock.monotonic())
        if len(shown) == 2:
            clock.advance(0.25)  # the decoder was slow: the next one is late, the one after it in time again
        return True

    def pictures() -> Generator[tuple[Image, float], None, None]:
        yield from ((even(RED), due_s) for due_s in (0.0, 0.5, 0.7, 1.5))

    clock.advance(7)
    reader = Reader(pictures, deliver, clock, Pauses())
    reader.start()
    reader.join(10)
    assert reader.ended
    assert shown == pytest.approx([7.0, 7.5, 7.75, 8.5])


def test_a_folder_skips_what_it_cannot_read_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for n, picture in enumerate(greys(2)):
        cv2.imwrite(str(tmp_path / f"{n}.png"), picture)
    (tmp_path / "00.jpg").write_bytes(b"broken")
    camera = Camera(CameraSettings(source=str(tmp_path), fps=20), SystemClock())
    with caplog.at_level(logging.WARNING):
        camera.start()
        frames = until(camera, lambda s: s.state is CameraState.ENDED)
    assert np.array_equal(frames[-1].image, greys(2)[1])
    assert camera.status.frames == 2
    skipped = [r.getMessage() for r in caplog.records]
    assert len(skipped) == 1
    assert "00.jpg: not a readable picture" in skipped[0]
    camera.close()


def test_files_without_any_picture_fail_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"broken")
    (tmp_path / "bad.mp4").write_bytes(b"broken")
    with pytest.raises(CameraError, match="none of its 1 pictures can be read"):
        Camera(CameraSettings(source=str(tmp_path)), SystemClock()).start()
    with pytest.raises(CameraError, match=r"bad\.mp4: no video in it"):
        Camera(CameraSettings(source=str(tmp_path / "bad.mp4")), SystemClock()).start()


# ---- frozen and black


def test_black_is_dark_and_even() -> None:
    assert is_black(noisy_picture(1, level=3), 12)
    assert not is_black(noisy_picture(1, level=40), 12)
    lamp = noisy_picture(1, level=0)
    lamp[8:32, 8:24] = 60  # a night picture with one lit window
    assert lamp.mean() < 12
    assert not is_black(lamp, 12)


def test_a_picture_must_be_black_for_a_while() -> None:
    check = PictureCheck(frozen_after_s=100, dark_below=12)
    dark = [noisy_picture(i, level=3) for i in range(5)]
    assert [check.look(dark[i], t) for i, t in enumerate((0.0, 1.9, 2.0))] == [None, None, Fault.BLACK]
    assert check.look(noisy_picture(9), 3.0) is None
    assert [check.look(dark[3], 60.0), check.look(dark[4], 61.9)] == [None, None]


def test_one_changed_pixel_is_a_change() -> None:
    check = PictureCheck(frozen_after_s=10, dark_below=12)
    still = noisy_picture(1)
    moved = still.copy()
    moved[21, 33, 1] ^= 1
    assert [check.look(still.copy(), t) for t in (0.0, 9.9, 10.0)] == [None, None, Fault.FROZEN]
    assert check.look(moved, 10.1) is None


def test_a_frozen_camera_is_a_fault_whose_frames_are_held_back(rig: Callable[..., Rig]) -> None:
    r = rig([], frozen_after_s=10.0, read_timeout_s=1e6, backoff_max_s=1e6)
    assert len(r.give(noisy_picture(1))) == 1
    r.clock.advance(6)
    assert len(r.give(noisy_picture(1))) == 1
    assert r.camera.status.state is CameraState.LIVE
    r.clock.advance(6)
    assert r.give(noisy_picture(1)) == []
    status = r.camera.status
    assert (status.state, status.fault, status.since) == (CameraState.FAULT, Fault.FROZEN, 12.0)
    assert "/dev/video0: the picture has not changed for 10 s" in status.message
    (frame,) = r.give(noisy_picture(2))
    assert frame.seq == 3
    assert (r.camera.status.state, r.camera.status.message) == (CameraState.LIVE, "")


def test_a_frozen_camera_is_opened_again_and_stays_frozen_until_it_moves(rig: Callable[..., Rig]) -> None:
    r = rig([], [], frozen_after_s=10.0, read_timeout_s=1e6, backoff_max_s=30.0)
    r.give(noisy_picture(1))
    r.clock.advance(41)
    r.give(noisy_picture(1))
    until(r.camera, lambda s: s.reconnects == 1)
    assert r.give(noisy_picture(1), connection=1) == []
    assert r.camera.status.fault is Fault.FROZEN
    assert len(r.give(noisy_picture(2), connection=1)) == 1
    assert r.camera.status.state is CameraState.LIVE


def test_a_black_camera_is_a_fault_and_recovers(rig: Callable[..., Rig]) -> None:
    r = rig([], read_timeout_s=1e6)
    r.give(noisy_picture(1, level=3))
    assert r.camera.status.state is CameraState.LIVE
    r.clock.advance(2.5)
    assert len(r.give(noisy_picture(2, level=3))) == 1
    assert r.camera.status.fault is Fault.BLACK
    assert "uncover the lens" in r.camera.status.message
    r.give(noisy_picture(3))
    assert r.camera.status.state is CameraState.LIVE


def test_a_still_clip_is_neither_frozen_nor_black(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "still.avi", [even((0, 0, 0))] * 4, 50, "MJPG")
    settings = CameraSettings(source=str(clip), frozen_after_s=0.001)
    camera = Camera(settings, SystemClock())
    camera.start()
    states = set()
    while not camera.ended:
        camera.next(0.01)
        states.add(camera.status.fault)
    assert states == {None}
    camera.close()


# ---- how fast


def status_at(fps: float, state: CameraState = CameraState.LIVE, frames: int = 100) -> CameraStatus:
    return CameraStatus("rtsp://192.0.2.7", state, None, "", 0.0, fps, 640, 480, frames, 0)


@pytest.mark.parametrize(
    ("camera", "judged_fps", "words"),
    [
        (status_at(15.0), 14.8, []),
        (status_at(15.0), None, []),
        (status_at(13.5), 1.8, ["this device judges 1.8 of the 13.5 pictures a second"]),
        (status_at(60.0), 12.0, []),
        (
            status_at(0.5),
            0.5,
            ["rtsp://192.0.2.7: gives 0.5 pictures a second, too few .* least 2 are needed"],
        ),
        (status_at(1.9), 0.1, ["gives 1.9 pictures", "judges 0.1 of the 1.9"]),
        (status_at(0.5, frames=4), None, []),
        (status_at(0.5, CameraState.FAULT), 0.0, []),
        (status_at(0.0), 0.0, []),
    ],
)
def test_too_few_pictures_are_a_problem(
    camera: CameraStatus, judged_fps: float | None, words: list[str]
) -> None:
    problems = rate_problems(camera, judged_fps, min_looks=3)
    assert len(problems) == len(words)
    for problem, word in zip(problems, words, strict=True):
        assert re.search(word, problem)


# ---- upright


def face_scores(scores: dict[tuple[int, int], float]) -> Callable[[Image], list[Face]]:
    """A detector that finds one face, with a score that depends on where the picture's red corner is."""

    def find(image: Image) -> list[Face]:
        corners = [(row, column) for row in (0, -1) for column in (0, -1) if image[row, column, 0] > 200]
        score = scores.get(corners[0], 0.0)
        return [Face(Box(0, 0, 9, 9), score)] if score else []

    return find


TOP_LEFT = even((10, 10, 10))
TOP_LEFT[:8, :8] = 255


@pytest.mark.parametrize(
    ("corner", "rotate", "flip", "wanted"),
    [
        ((0, -1), 0, False, 90),
        ((-1, -1), 0, False, 180),
        ((-1, 0), 0, False, 270),
        ((0, -1), 270, False, 0),
        ((0, -1), 0, True, 270),
    ],
)
def test_a_camera_that_hangs_the_wrong_way_is_named_with_the_setting(
    corner: tuple[int, int], rotate: int, *, flip: bool, wanted: int
) -> None:
    check = UprightCheck(face_scores({(0, 0): 0.8, corner: 0.92}), Turn(rotate, flip))
    for second in range(72):  # each of three angles four times
        check.look(TOP_LEFT, second)
    assert check.problem is None
    for second in range(72, 100):
        check.look(TOP_LEFT, second)
    assert str(check.problem).endswith(f"write rotate = {wanted} into [camera]")
    turned_right = face_scores({(0, 0): 0.92, corner: 0.8})
    check._find = turned_right
    for second in range(100, 200):
        check.look(TOP_LEFT, second)
    assert check.problem is None


@pytest.mark.parametrize("scores", [{}, {(0, 0): 0.9}, {(0, 0): 0.9, (0, -1): 0.93}, {(0, -1): 0.7}])
def test_an_upright_or_empty_picture_is_not_turned(scores: dict[tuple[int, int], float]) -> None:
    check = UprightCheck(face_scores(scores), Turn())
    for second in range(600):
        check.look(TOP_LEFT, second)
    assert check.problem is None


# ---- the capture


def test_only_the_newest_frame_is_kept(rig: Callable[..., Rig]) -> None:
    never = threading.Event()
    r = rig([noisy_picture(1), noisy_picture(2), noisy_picture(3), never])
    patiently(lambda: r.camera.status.frames == 3)
    frame = r.camera.next(0)
    assert frame is not None
    assert (frame.seq, frame.captured_at, frame.taken) == (2, 0.0, r.clock.utc())
    assert np.array_equal(frame.image, noisy_picture(3))
    assert r.camera.next(0.01) is None
    assert (r.camera.status.width, r.camera.status.height) == (64, 48)
    never.set()


def test_fps_is_measured(rig: Callable[..., Rig]) -> None:
    r = rig([])
    for n in range(5):
        r.give(noisy_picture(n))
        r.clock.advance(0.125)
    assert r.camera.status.fps == pytest.approx(8.0)
    r.clock.advance(6)
    until(r.camera, fault(Fault.NO_FRAMES))
    assert r.camera.status.fps == 0


def test_a_reader_that_hangs_is_abandoned_and_never_delivers_again(rig: Callable[..., Rig]) -> None:
    hang = threading.Event()
    r = rig([noisy_picture(1), hang, noisy_picture(666)], [])
    until(r.camera, lambda s: s.frames == 1)
    r.clock.advance(5.1)
    until(r.camera, fault(Fault.NO_FRAMES))
    assert r.camera.status.message.startswith("/dev/video0: no picture for 5 s; check")
    until(r.camera, lambda s: s.reconnects == 1)
    hang.set()
    frames = r.give(noisy_picture(2), connection=1)
    frames += until(r.camera, lambda _: r.source.closed == 1)  # the old one saw that nobody wants its picture
    assert [f.image.tolist() for f in frames] == [noisy_picture(2).tolist()]
    assert (r.camera.status.frames, r.source.closed) == (2, 1)


def test_an_opening_that_hangs_is_a_fault(rig: Callable[..., Rig]) -> None:
    hang = threading.Event()
    r = rig([hang], [], open_timeout_s=10.0)
    r.clock.advance(9.9)
    assert r.camera.next(3 * POLL_S) is None
    opening = r.camera.status.state
    assert opening is CameraState.OPENING
    r.clock.advance(0.2)
    until(r.camera, fault(Fault.CANNOT_OPEN))
    r.give(noisy_picture(1), connection=1)
    assert r.camera.status.state is CameraState.LIVE
    hang.set()


def test_no_more_than_two_readers_hang_at_a_time(rig: Callable[..., Rig]) -> None:
    hangs = [threading.Event(), threading.Event()]
    r = rig([hangs[0]], [hangs[1]], [noisy_picture(1)])
    r.clock.advance(11)
    until(r.camera, lambda s: s.reconnects == 1)
    r.clock.advance(11)
    assert r.camera.next(4 * POLL_S) is None  # time for many attempts, each after a pause of 2 ms
    assert r.source.opened == 2
    hangs[0].set()
    r.feeds[0].put(None)
    until(r.camera, lambda s: s.state is CameraState.LIVE)
    assert r.source.opened == 3
    hangs[1].set()


class Waits(threading.Event):
    """Remembers how long it was waited for, and does not."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        if timeout not in {None, POLL_S}:
            self.pauses.append(timeout or 0)
        return super().wait(0.001)


def test_attempts_come_at_growing_random_intervals() -> None:
    stop = Waits()
    settings = CameraSettings(source="/dev/video0", backoff_min_s=0.5, backoff_max_s=4.0)
    camera = Camera(settings, ManualClock(), stop, random.Random(3), ScriptedSource())
    camera.start()
    until(camera, lambda s: s.reconnects >= 20)
    camera.close()
    longest = [0.5, 1.0, 2.0, *[4.0] * 17]
    assert all(most / 2 <= p <= most for p, most in zip(stop.pauses[:20], longest, strict=True))
    assert len(set(stop.pauses[3:20])) == 17
    assert camera.status.fault is Fault.CANNOT_OPEN


def test_a_connection_that_worked_for_long_starts_the_intervals_again() -> None:
    stop, clock = Waits(), ManualClock()

    def long_and_lost() -> Iterator[Step]:
        yield noisy_picture(1)
        clock.advance(4.1)
        yield noisy_picture(2)
        yield CameraError("lost")

    source = ScriptedSource([CameraError("no")], [CameraError("no")], [CameraError("no")], long_and_lost())
    settings = CameraSettings(source="/dev/video0", backoff_min_s=0.5, backoff_max_s=4.0)
    camera = Camera(settings, clock, stop, random.Random(3), source)
    camera.start()
    until(camera, lambda s: s.reconnects >= 4)
    camera.close()
    assert stop.pauses[2] >= 1.0
    assert stop.pauses[3] <= 0.5


def test_a_camera_that_drops_after_a_few_good_seconds_is_never_waited_for_long() -> None:
    stop, clock = Waits(), ManualClock()

    def good_and_lost() -> Iterator[Step]:
        yield noisy_picture(1)
        clock.advance(2.1)
        yield noisy_picture(2)
        yield CameraError("lost")

    source = ScriptedSource(*(good_and_lost() for _ in range(8)))
    settings = CameraSettings(source="/dev/video0", backoff_min_s=0.5, backoff_max_s=30.0)
    camera = Camera(settings, clock, stop, random.Random(3), source)
    camera.start()
    until(camera, lambda s: s.reconnects >= 8)
    camera.close()
    assert all(pause <= 0.5 for pause in stop.pauses[:8])


def test_a_damaged_picture_is_skipped_and_counted(
    rig: Callable[..., Rig], caplog: pytest.LogCaptureFixture
) -> None:
    cut = DamagedPicture("is cut off")
    r = rig([noisy_picture(1), cut, cut, noisy_picture(2)])
    frames = until(r.camera, lambda s: s.frames == 2)
    assert [f.seq for f in frames] == sorted({f.seq for f in frames})
    assert np.array_equal(frames[-1].image, noisy_picture(2))
    assert (r.camera.status.damaged, r.camera.status.fault) == (2, None)
    assert [m for m in caplog.messages if "cut off" in m] == [
        "/dev/video0: a picture is cut off, and was skipped; more of them on this connection are only counted"
    ]


def test_a_stream_of_only_damaged_pictures_is_a_fault_that_says_so(rig: Callable[..., Rig]) -> None:
    cut = DamagedPicture("is cut off")
    r = rig([noisy_picture(1), cut], [cut], [])
    until(r.camera, lambda s: s.damaged == 1)
    r.clock.advance(4.9)
    assert r.camera.next(3 * POLL_S) is None
    assert r.camera.status.fault is None
    r.clock.advance(0.2)
    until(r.camera, fault(Fault.NO_FRAMES))
    assert "no picture that can be used for 5 s: the last one is cut off" in r.camera.status.message
    until(r.camera, lambda s: s.damaged == 2)
    r.feeds[0].put(None)  # the abandoned reader ends
    r.clock.advance(10.1)
    until(r.camera, fault(Fault.CANNOT_OPEN))
    assert "the last one is cut off" in r.camera.status.message
    until(r.camera, lambda s: s.reconnects == 2)
    r.give(noisy_picture(2), connection=2)
    assert r.camera.status.state is CameraState.LIVE


def test_the_shared_stop_ends_everything_at_once(rig: Callable[..., Rig]) -> None:
    stop = threading.Event()
    settings = CameraSettings(source="/dev/video0", backoff_min_s=3600, backoff_max_s=3600)
    camera = Camera(settings, ManualClock(), stop, open_source=ScriptedSource())
    camera.start()
    until(camera, fault(Fault.CANNOT_OPEN))
    before = [t.name for t in threading.enumerate()]
    assert "camera" in before
    stop.set()
    assert camera.next(3600) is None
    camera.close()
    assert "camera" not in [t.name for t in threading.enumerate()]
    assert not camera.ended


def test_close_does_not_wait_for_a_driver_that_hangs(rig: Callable[..., Rig]) -> None:
    hang = threading.Event()
    r = rig([noisy_picture(1), hang])
    until(r.camera, lambda s: s.frames == 1)
    r.camera.close()
    assert "camera-reader" in [t.name for t in threading.enumerate()]
    hang.set()


# ---- devices: a real V4L2 or CSI camera can't be had here; what can go wrong before one can


def test_a_camera_that_is_not_there_is_named() -> None:
    camera = Camera(CameraSettings(source="/dev/video77", backoff_min_s=0.01), SystemClock())
    camera.start()
    until(camera, lambda s: s.reconnects >= 1)
    status = camera.status
    camera.close()
    assert (status.state, status.fault) == (CameraState.FAULT, Fault.CANNOT_OPEN)
    assert status.message.startswith("/dev/video77: no such device. ")


def test_links_by_id_are_followed_and_what_is_present_is_listed(tmp_path: Path) -> None:
    by_id = tmp_path / "v4l" / "by-id"
    by_id.mkdir(parents=True)
    (tmp_path / "video3").symlink_to("/dev/null")  # a character device that everybody may open
    (by_id / "usb-cam-index0").symlink_to("../../video3")
    (by_id / "usb-gone-index0").symlink_to("../../video5")
    assert v4l2_device(by_id / "usb-cam-index0", tmp_path) == Path("/dev/null")
    with pytest.raises(CameraError, match="no such device") as e:
        v4l2_device(by_id / "usb-gone-index0", tmp_path)
    assert f"Present are: {tmp_path}/video3, {by_id}/usb-cam-index0" in str(e.value)


def test_a_file_is_not_a_device(tmp_path: Path) -> None:
    (tmp_path / "video0").touch()
    with pytest.raises(CameraError, match=r"is not a device\. There is no .*is a camera plugged in\?$"):
        v4l2_device(tmp_path / "video0", tmp_path / "empty")


def test_without_permission_the_group_is_named(tmp_path: Path) -> None:
    device = tmp_path / "video0"
    device.touch(mode=0o000)
    nobody, us = 65534, os.geteuid()
    if us == 0:
        os.seteuid(nobody)  # root may open everything
    try:
        with pytest.raises(CameraError, match=r"no permission.*group video.*usermod -aG video"):
            v4l2_device(device)
    finally:
        os.seteuid(us)


def test_opencv_refuses_a_device_that_is_not_a_camera() -> None:
    camera = Camera(CameraSettings(source="/dev/null"), SystemClock())
    camera.start()
    until(camera, fault(Fault.CANNOT_OPEN))
    camera.close()
    assert (
        "/dev/null: is not a camera that gives pictures, or another program uses it" in camera.status.message
    )


def test_an_opencv_without_gstreamer_is_named() -> None:
    source = "gst:rtspsrc location=rtsp://me:pass@192.0.2.7/a ! decodebin ! videoconvert ! appsink"
    with pytest.raises(CameraError, match=r"built without GStreamer.*apt install python3-opencv") as failed:
        next(open_source(CameraSettings(source=source)))
    assert str(failed.value).startswith("gst:rtspsrc ...: ")


def test_missing_picamera2_is_named_with_its_package() -> None:
    camera = Camera(CameraSettings(source="picamera"), SystemClock())
    camera.start()
    until(camera, fault(Fault.CANNOT_OPEN))
    camera.close()
    assert "apt install python3-picamera2" in camera.status.message
    assert "--system-site-packages" in camera.status.message


PICAMERA2 = '''
import numpy as np

class Picamera2:
    """Keeps picamera2's promises: the formats' byte order, and no picture before the start."""

    history = []

    def create_video_configuration(self, main, controls):
        return {"main": main, "controls": controls}

    def configure(self, configuration):
        self.main = configuration["main"]
        self.history.append(configuration)

    def start(self):
        self.history.append("start")

    def capture_array(self, name):
        assert (name, self.history[-1]) == ("main", "start")
        width, height = self.main["size"]
        red = {"BGR888": (255, 0, 0), "RGB888": (0, 0, 255)}[self.main["format"]]
        return np.full((height, width, 3), red, dtype=np.uint8)

    def close(self):
        self.history.append("close")
'''


def test_a_csi_camera_gives_rgb_and_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "picamera2.py").write_text(PICAMERA2)
    monkeypatch.syspath_prepend(tmp_path)
    try:
        camera = Camera(CameraSettings(source="picamera", width=64, height=48, fps=12), SystemClock())
        camera.start()
        (frame, *_) = until(camera, lambda s: s.state is CameraState.LIVE)
        camera.close()
        history = sys.modules["picamera2"].Picamera2.history
    finally:
        sys.modules.pop("picamera2", None)
    assert np.array_equal(frame.image, even(RED))
    main = {"format": "BGR888", "size": (64, 48)}
    assert history == [{"main": main, "controls": {"FrameRate": 12}}, "start", "close"]
