"""Decides when a failing camera becomes an event. Pure."""

from edge.camera import CameraStatus
from edge.events import CameraFault


class CameraFaultMonitor:
    """Opens a ``camera.fault`` once a camera has failed for some time, and closes it when it is back.

    Args:
        after_s: seconds; shorter failures are only shown in ``health``.
    """

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._open = False

    def update(self, camera: CameraStatus, now_s: float) -> CameraFault | None:
        """Take in the camera's status; returns the event that follows, if any.

        Args:
            camera: its status.
            now_s: seconds on the same monotonic clock as ``camera.since``.
        """
        if camera.fault is not None and not self._open and now_s - camera.since >= self._after_s:
            self._open = True
            return CameraFault(state="opened", reason=camera.fault.value, message=camera.message)
        if camera.fault is None and self._open:
            self._open = False
            message = f"{camera.source} gives pictures again"
            return CameraFault(state="closed", reason="recovered", message=message)
        return None
