"""Finite sources: clips and folders of pictures."""

import itertools
import logging
import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.camera.kinds import pictures_in
from edge.camera.paths import open_regular, require_utf8
from edge.camera.state import Pictures
from edge.errors import CameraError
from edge.values import Frame, Image

DEFAULT_FPS = 25.0
"""For clips that don't tell."""
_MOST_PICTURES = 1e8
"""More of them in a clip are nonsense: some 40 days at 30 a second."""
_GIF = (b"GIF87a", b"GIF89a")
_WHOLE = 0.9
"""A clip that has this share of the pictures or of the time that it tells is whole: many tell but roughly."""
_log = logging.getLogger(__name__)


def read_clip(path: Path, epoch: datetime) -> Iterator[Frame]:
    """Every frame of a clip or GIF, as fast as it is asked for.

    Args:
        path: the file.
        epoch: the UTC moment at which the clip begins.

    Returns:
        Frames whose ``captured_at`` is media time in seconds from 0, ``taken`` the epoch plus that.

    Raises:
        CameraError: at once, if there is no picture in it.
    """
    return (
        Frame(image=image, seq=seq, captured_at=media_s, taken=epoch + timedelta(seconds=media_s))
        for seq, (image, media_s) in enumerate(open_clip(path))
    )


def read_picture(path: Path) -> Image:
    """One picture from a file, (H, W, 3) uint8 RGB, turned upright by its EXIF.

    Raises:
        CameraError: it is not a picture that can be read.
    """
    with open_regular(path) as file:
        try:
            data = file.read()
        except OSError as e:
            raise CameraError(f"{path}: can't be read: {e.strerror}.") from e
    if data.startswith(_GIF):
        raise CameraError(f"{path}: GIF pictures are not supported; for a moving one: maskgate replay {path}")
    try:
        bgr = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR) if data else None
    except cv2.error as e:  # its text is an assertion of OpenCV's, which tells nobody anything
        raise CameraError(
            f"{path}: not a readable picture: OpenCV refuses it; is it damaged, or larger than 2**30 pixels?"
        ) from e
    if bgr is None:
        raise CameraError(f"{path}: not a readable picture ({len(data)} bytes); is it damaged or no picture?")
    return to_rgb(bgr)


def open_clip(path: Path) -> Pictures:
    """The pictures of a clip, each with its media time in seconds; one that is cut off is told in the log.

    Raises:
        CameraError: at once, if it can't be read or there is no picture in it.
    """
    require_utf8(str(path))
    open_regular(path).close()  # FFmpeg would not say why it can't
    nothing = f"{path}: no video in it that OpenCV's FFmpeg can read. Give a clip (mp4, avi, mkv, gif ...)."
    return _begun(_decode(path), CameraError(nothing))


def open_pictures(path: Path, fps: float) -> Pictures:
    """A folder's pictures (or one picture) by name, ``fps`` a second; unreadable ones are logged and skipped.

    Raises:
        CameraError: at once, if none of them can be read.
        UsageError: there is none.
    """
    paths = pictures_in(path)
    return _begun(_load(paths, fps), CameraError(f"{path}: none of its {len(paths)} pictures can be read."))


def to_rgb(image: NDArray[Any]) -> Image:
    """OpenCV's BGR or grey uint8 as contiguous (H, W, 3) uint8 RGB."""
    how = cv2.COLOR_GRAY2RGB if image.ndim == 2 else cv2.COLOR_BGR2RGB
    return np.asarray(cv2.cvtColor(image, how), dtype=np.uint8)


def _decode(path: Path) -> Pictures:
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        fps = capture.get(cv2.CAP_PROP_FPS)
        sane = 0 < fps < 1000
        gap_s = 1.0 / (fps if sane else DEFAULT_FPS)
        told = capture.get(cv2.CAP_PROP_FRAME_COUNT) if sane else 0.0
        origin_s, last_s = 0.0, -gap_s
        for count in itertools.count():
            ok, bgr = capture.read()
            if not ok:
                _warn_if_cut_off(path, count, last_s + gap_s, told, told * gap_s)
                return
            told_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            if last_s < 0:
                origin_s = told_s
            # some containers tell no time, or the same one twice: then the frame rate has to do
            now_s = told_s - origin_s if math.isfinite(told_s) else 0.0
            last_s = now_s if now_s > last_s else last_s + gap_s
            yield to_rgb(bgr), last_s
    finally:
        capture.release()


def _warn_if_cut_off(path: Path, count: int, lasted_s: float, told: float, told_s: float) -> None:
    """Compare what came with what the container tells, which may be an estimate or nonsense."""
    # both must be short: with a changing rate the number may be an estimate, with a wrong one the time is
    if told < _MOST_PICTURES and 0 < count < _WHOLE * told - 1 and lasted_s < _WHOLE * told_s:
        _log.warning(
            "%s: only %d of its %d pictures can be read (%.1f of %.1f s); the file is cut off or damaged",
            path, count, told, lasted_s, told_s,
        )  # fmt: skip


def _load(paths: list[Path], fps: float) -> Pictures:
    shown = 0
    for path in paths:
        try:
            image = read_picture(path)
        except CameraError as e:
            _log.warning("%s: skipped", e)
            continue
        yield image, shown / fps
        shown += 1


def _begun(pictures: Pictures, otherwise: CameraError) -> Pictures:
    """The same pictures after making sure that there is a first one."""
    first = next(pictures, None)
    if first is None:
        raise otherwise

    def go_on() -> Pictures:
        yield first
        yield from pictures

    return go_on()
