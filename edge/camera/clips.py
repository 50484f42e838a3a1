"""Clips: video files and moving GIFs."""

import itertools
import logging
import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import cv2

from edge.camera.opencv import to_rgb
from edge.camera.orientation import Turn
from edge.camera.paths import open_regular, require_utf8
from edge.camera.source_kind import SourceKind
from edge.camera.started import started
from edge.camera.state import CameraSettings, DamagedPicture, Pictures
from edge.errors import CameraError
from edge.values import Frame

DEFAULT_FPS = 25.0
"""Pictures a second of a clip that does not state a rate."""
_MOST_PICTURES = 1e8
"""A container that states more pictures is wrong: it would play for 40 days at 30 a second."""
_WHOLE = 0.9
"""A clip with this share of the stated pictures, or of the stated time, is whole: many state it roughly."""
_AS_IT_IS = Turn()
_log = logging.getLogger(__name__)


def read_clip(path: Path, epoch: datetime, turn: Turn = _AS_IT_IS) -> Iterator[Frame]:
    """Read every frame of a clip or GIF, as fast as the caller asks.

    Args:
        path: the file.
        epoch: the UTC moment at which the clip starts.
        turn: how its pictures are turned, besides what the clip itself asks for.

    Returns:
        Frames whose ``captured_at`` is media time in seconds from 0, ``taken`` the epoch plus that.

    Raises:
        CameraError: at once, if there is no picture in it.
    """
    whole = ((image, at_s) for image, at_s in open_clip(path) if not isinstance(image, DamagedPicture))
    return (
        Frame(image=turn.upright(image), seq=seq, captured_at=at_s, taken=epoch + timedelta(seconds=at_s))
        for seq, (image, at_s) in enumerate(whole)
    )


def open_clip(path: Path) -> Pictures:
    """The pictures of a clip, each with its media time in seconds. A clip that is cut off is logged.

    Raises:
        CameraError: at once, if it can't be read or there is no picture in it.
    """
    require_utf8(str(path))
    open_regular(path).close()  # FFmpeg would not say why it can't be opened
    nothing = f"{path}: no video in it that OpenCV's FFmpeg can read. Give a clip (mp4, avi, mkv, gif ...)."
    return started(_decode(path), CameraError(nothing))


def _decode(path: Path) -> Pictures:
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        turn = _as_held(capture)
        fps = capture.get(cv2.CAP_PROP_FPS)
        sane = 0 < fps < 1000
        gap_s = 1.0 / (fps if sane else DEFAULT_FPS)
        stated = capture.get(cv2.CAP_PROP_FRAME_COUNT) if sane else 0.0
        origin_s, last_s = 0.0, -gap_s
        for count in itertools.count():
            ok, bgr = capture.read()
            if not ok:
                _warn_if_cut_off(path, count, last_s + gap_s, stated, stated * gap_s)
                return
            stated_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            if last_s < 0:
                origin_s = stated_s
            # some containers state no time, or the same one twice: the frame rate replaces it
            now_s = stated_s - origin_s if math.isfinite(stated_s) else 0.0
            last_s = now_s if now_s > last_s else last_s + gap_s
            yield DamagedPicture("can't be decoded") if bgr is None else turn.upright(to_rgb(bgr)), last_s
    finally:
        capture.release()


def _as_held(capture: cv2.VideoCapture) -> Turn:
    """How a phone was held, from the display matrix that it wrote into the clip."""
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)  # its default differs between versions
    angle = round(capture.get(cv2.CAP_PROP_ORIENTATION_META)) % 360
    return Turn(angle if angle in {90, 180, 270} else 0)


def _warn_if_cut_off(path: Path, count: int, lasted_s: float, stated: float, stated_s: float) -> None:
    """Compare what came with what the container states, which may be an estimate or wrong."""
    # both must be short: with a changing rate the number may be an estimate, with a wrong rate the time
    if stated < _MOST_PICTURES and 0 < count < _WHOLE * stated - 1 and lasted_s < _WHOLE * stated_s:
        _log.warning(
            "%s: only %d of its %d pictures can be read (%.1f of %.1f s); the file is cut off or damaged",
            path, count, stated, lasted_s, stated_s,
        )  # fmt: skip


def _open(settings: CameraSettings) -> Pictures:
    return open_clip(Path(settings.source))


CLIP = SourceKind("clip", form="a video file or GIF", open=_open, live=False)
