"""Finite sources: clips and folders of pictures."""

import logging
import math
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.camera.kinds import pictures_in
from edge.camera.state import Pictures
from edge.errors import CameraError
from edge.values import Frame, Image

DEFAULT_FPS = 25.0
"""For clips that don't tell."""
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
    try:
        data = np.frombuffer(path.read_bytes(), dtype=np.uint8)
        bgr = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except (OSError, cv2.error) as e:
        raise CameraError(f"{path}: not a readable picture: {e}") from e
    if bgr is None:
        raise CameraError(f"{path}: not a readable picture ({data.size} bytes); is it damaged or no picture?")
    return to_rgb(bgr)


def open_clip(path: Path) -> Pictures:
    """The pictures of a clip, each with its media time in seconds.

    Raises:
        CameraError: at once, if there is no picture in it.
    """
    found = "no such file" if not path.is_file() else "no video in it that OpenCV's FFmpeg can read"
    return _begun(_decode(path), CameraError(f"{path}: {found}. Give a video file (mp4, avi, mkv, gif ...)."))


def open_pictures(path: Path, fps: float) -> Pictures:
    """A folder's pictures (or one picture) by name, ``fps`` a second; unreadable ones are logged and skipped.

    Raises:
        CameraError: at once, if none of them can be read.
        UsageError: there is none.
    """
    paths = pictures_in(path)
    return _begun(_load(paths, fps), CameraError(f"{path}: none of its {len(paths)} pictures can be read."))


def repeated(play: Callable[[], Pictures], gap_s: float) -> Pictures:
    """A finite source for ever: after its last picture and ``gap_s`` it starts again."""
    start_s = 0.0
    while True:
        last_s = 0.0
        for image, due_s in play():
            last_s = due_s
            yield image, start_s + due_s
        start_s += last_s + gap_s


def to_rgb(image: NDArray[Any]) -> Image:
    """OpenCV's BGR or grey uint8 as contiguous (H, W, 3) uint8 RGB."""
    how = cv2.COLOR_GRAY2RGB if image.ndim == 2 else cv2.COLOR_BGR2RGB
    return np.asarray(cv2.cvtColor(image, how), dtype=np.uint8)


def _decode(path: Path) -> Pictures:
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        fps = capture.get(cv2.CAP_PROP_FPS)
        gap_s = 1.0 / (fps if 0 < fps < 1000 else DEFAULT_FPS)
        origin_s, last_s = 0.0, -gap_s
        while True:
            ok, bgr = capture.read()
            if not ok:
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
