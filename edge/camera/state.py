"""What a camera is told, and what it says about itself."""

from collections.abc import Generator
from dataclasses import dataclass
from enum import Enum

from edge.values import Image

Pictures = Generator[tuple[Image, float], None, None]
"""An open source: (picture, seconds after the first one at which it is due; 0 for live cameras: at once).

Opened by the first ``next`` at the latest, closed by ``close``. Ends where a finite source ends; raises
CameraError where a source can't be opened or breaks off.
"""


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """Where pictures come from, and when a camera counts as broken."""

    source: str
    """``/dev/video0``, ``/dev/v4l/by-id/...``, ``rtsp://...``, ``http://...``, ``picamera``, clip, folder."""
    width: int = 640
    height: int = 480
    """Asked of V4L2 and CSI cameras, which may give the nearest they have; px."""
    fps: float = 15.0
    """Asked of the same, and the rate at which a folder is played."""
    open_timeout_s: float = 10.0
    """From the start of an attempt to its first picture."""
    read_timeout_s: float = 5.0
    """From one picture to the next."""
    backoff_min_s: float = 0.5
    backoff_max_s: float = 30.0
    frozen_after_s: float = 10.0
    """A live camera whose picture has not changed in a single pixel for so long is frozen."""
    dark_below: float = 12.0
    """Mean luma (0 to 255) below which an almost even picture is black."""


class CameraState(str, Enum):
    """Where the camera stands."""

    OPENING = "opening"
    LIVE = "live"
    FAULT = "fault"
    ENDED = "ended"


class Fault(str, Enum):
    """Why there is nothing to judge."""

    CANNOT_OPEN = "cannot open"
    NO_FRAMES = "no frames"
    FROZEN = "frozen"
    BLACK = "black"


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """A snapshot, for health and the setup page."""

    source: str
    """Without user name and password."""
    state: CameraState
    fault: Fault | None
    message: str
    """What is wrong and what to do about it; empty unless there is a fault."""
    since: float
    """When the state or the fault last changed, seconds on the monotonic clock."""
    fps: float
    """Measured over the last pictures; 0 while none come."""
    width: int
    height: int
    """Of the last picture in px; 0 before the first."""
    frames: int
    """Pictures received since the start."""
    reconnects: int
