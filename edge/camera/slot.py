"""The one place that holds a camera's newest frame, and the camera's status."""

import logging
import threading
from collections import deque
from dataclasses import replace

from edge.camera.checks import PictureCheck
from edge.camera.shown import shown_source
from edge.camera.state import CameraSettings, CameraState, CameraStatus, DamagedPicture, Fault
from edge.clock import Clock
from edge.values import Frame, Image

_FPS_WINDOW = 30
_log = logging.getLogger(__name__)


class FrameSlot:
    """A one-place slot and a status. One admitted writer writes, one consumer reads.

    Args:
        settings: source and thresholds.
        clock: times frames and changes.
        checked: whether pictures are checked for being frozen or black.
    """

    def __init__(self, settings: CameraSettings, clock: Clock, *, checked: bool) -> None:
        self._clock, self._checked = clock, checked
        self._frozen_after_s = settings.frozen_after_s
        self._check = PictureCheck(settings.frozen_after_s, settings.dark_below)
        self._changed = threading.Condition()
        """Guards all fields below."""
        self._writer: object = None
        self._damage_logged = False
        self._over = False
        self._slot: Frame | None = None
        self._times: deque[float] = deque(maxlen=_FPS_WINDOW)
        self._status = CameraStatus(
            source=shown_source(settings.source),
            state=CameraState.OPENING,
            fault=None,
            message="",
            since=clock.monotonic(),
            fps=0.0,
            width=0,
            height=0,
            frames=0,
            reconnects=-1,  # the first writer is not a reconnect
        )

    def next(self, timeout_s: float) -> Frame | None:
        """Take the newest frame; None if none comes in time, or none will ever come."""
        with self._changed:
            self._changed.wait_for(lambda: self._slot is not None or self._over, timeout_s)
            frame, self._slot = self._slot, None
            return frame

    @property
    def ended(self) -> bool:
        """Whether the source is at its end and the last frame was taken."""
        with self._changed:
            return self._status.state is CameraState.ENDED and self._slot is None

    @property
    def status(self) -> CameraStatus:
        """The camera's state now."""
        with self._changed:
            span_s = self._times[-1] - self._times[0] if self._times else 0.0
            fps = (len(self._times) - 1) / span_s if span_s > 0 else 0.0
            return replace(self._status, fps=fps, reconnects=max(0, self._status.reconnects))

    def admit(self, writer: object) -> None:
        """From now on take pictures of this writer only."""
        with self._changed:
            self._writer, self._damage_logged = writer, False
            self._status = replace(self._status, reconnects=self._status.reconnects + 1)

    def put(self, writer: object, image: Image | DamagedPicture) -> bool:
        """Take a new picture, (H, W, 3) uint8 RGB; False if the writer is not, or no longer, admitted.

        A damaged picture is only counted.
        """
        with self._changed:
            if writer is not self._writer:
                return False
            if isinstance(image, DamagedPicture):
                self._count(image)
                return True
            now_s, seq = self._clock.monotonic(), self._status.frames
            fault = self._check.look(image, now_s) if self._checked else None
            if fault is not Fault.FROZEN:
                self._slot = Frame(image=image, seq=seq, captured_at=now_s, taken=self._clock.utc())
            self._times.append(now_s)
            height, width = image.shape[:2]
            self._status = replace(self._status, frames=seq + 1, width=width, height=height)
            if fault:
                self._set(CameraState.FAULT, fault, self._advice(fault))
            else:
                self._set(CameraState.LIVE)
            self._changed.notify_all()
            return True

    def fail(self, fault: Fault, message: str) -> None:
        """Report that the writer has failed; its pictures no longer count."""
        with self._changed:
            self._writer = None
            self._times.clear()
            self._set(CameraState.FAULT, fault, message)

    def finish(self, *, ended: bool) -> None:
        """Report that no more pictures will come: the source has ended, or the camera was stopped."""
        with self._changed:
            self._writer, self._over = None, True
            self._times.clear()
            if ended:
                self._set(CameraState.ENDED)
            self._changed.notify_all()

    def _count(self, damage: DamagedPicture) -> None:
        self._status = replace(self._status, damaged=self._status.damaged + 1)
        if not self._damage_logged:
            self._damage_logged = True
            _log.warning(
                "%s: a picture %s, and was skipped; more of them on this connection are only counted",
                self._status.source, damage.reason,
            )  # fmt: skip

    def _advice(self, fault: Fault) -> str:
        source = self._status.source
        if fault is Fault.BLACK:
            return f"{source}: the picture is black; uncover the lens, switch on a light, check the exposure."
        return (
            f"{source}: the picture has not changed for {self._frozen_after_s:g} s; "
            "restart the camera, or check the recorder or server that sends its pictures."
        )

    def _set(self, state: CameraState, fault: Fault | None = None, message: str = "") -> None:
        old = self._status
        if (old.state, old.fault, old.message) == (state, fault, message):
            return
        changed = (old.state, old.fault) != (state, fault)
        since = self._clock.monotonic() if changed else old.since
        self._status = replace(old, state=state, fault=fault, message=message, since=since)
        if fault:
            _log.warning("camera fault, %s: %s", fault.value, message)
        else:
            _log.info("camera %s: %s", state.value, old.source)
