"""A clip as a camera: every frame in order, some times as fast as it was filmed."""

import threading
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from edge.camera import CameraState, CameraStatus, read_clip
from edge.clock import Clock
from edge.values import Frame

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class ClipPlayer:
    """Behaves like ``edge.camera.Camera``, but drops no frame and keeps the clip's time in ``captured_at``.

    A player that can't keep up plays slower instead: what is judged does not depend on the machine.

    Args:
        path: the clip.
        clock: paces it, and stamps ``taken``.
        stop: ends it.
        speed: 1 is as filmed.

    Raises:
        CameraError: the clip can't be read.
    """

    def __init__(self, path: Path, clock: Clock, stop: threading.Event, *, speed: float = 1.0) -> None:
        self._clock, self._stop, self._speed = clock, stop, speed
        self._frames = read_clip(path, _EPOCH)
        self._upcoming: Frame | None = next(self._frames)
        self._began = clock.monotonic()
        self._status = CameraStatus(
            source=str(path), state=CameraState.OPENING, fault=None, message="", since=self._began,
            fps=0.0, width=0, height=0, frames=0, reconnects=0,
        )  # fmt: skip

    def start(self) -> None:
        """Start the clip now."""
        self._began = self._clock.monotonic()
        self._status = replace(self._status, state=CameraState.LIVE, since=self._began)

    def next(self, timeout_s: float) -> Frame | None:
        """The next frame when it is due; None if that is later than the time-out."""
        frame = self._upcoming
        if frame is None:
            return None
        wait_s = self._began + frame.captured_at / self._speed - self._clock.monotonic()
        if wait_s > 0 and self._stop.wait(min(wait_s, timeout_s)):
            return None
        if wait_s > timeout_s:
            return None
        self._upcoming = next(self._frames, None)
        height, width = frame.image.shape[:2]
        state = CameraState.LIVE if self._upcoming else CameraState.ENDED
        self._status = replace(
            self._status, state=state, width=width, height=height, frames=self._status.frames + 1
        )
        return replace(frame, taken=self._clock.utc())

    @property
    def ended(self) -> bool:
        """Whether all frames were taken."""
        return self._upcoming is None

    @property
    def status(self) -> CameraStatus:
        """The player's state, as a camera would report it."""
        return self._status

    def close(self) -> None:
        """Close the clip; no more frames come."""
        self._upcoming = None
