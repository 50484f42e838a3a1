"""A camera's settings, its state, and the pictures of an open source."""

from collections.abc import Generator
from dataclasses import dataclass, fields
from enum import Enum
from pathlib import Path

from edge.camera.orientation import Turn
from edge.config import CameraConfig
from edge.values import Image


@dataclass(frozen=True, slots=True)
class DamagedPicture:
    """Stands in the place of a picture that came and can't be judged."""

    reason: str
    """In words that follow "a picture": ``is cut off``."""


Pictures = Generator[tuple[Image | DamagedPicture, float], None, None]
"""An open source: (picture, seconds after the first picture at which it is due; 0 for live cameras: at once).

The first ``next`` opens it at the latest; ``close`` closes it. It ends where a finite source ends. It raises
CameraError where a source can't be opened or breaks off.
"""


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """Where pictures come from, and when a camera counts as broken."""

    source: str
    """``/dev/video0``, ``/dev/v4l/by-id/...``, ``rtsp://...``, ``http://...``, ``picamera``, clip, folder."""
    width: int = 640
    height: int = 480
    """The size in px that V4L2 and CSI cameras are asked for; they may give the nearest that they have."""
    fps: float = 15.0
    """The rate that they are asked for, and at which a folder is played."""
    rotate: int = 0
    """Degrees clockwise by which pictures are turned: 0, 90, 180 or 270."""
    flip: bool = False
    """Whether they are mirrored left to right after that."""
    open_timeout_s: float = 10.0
    """From the start of an attempt to its first picture."""
    read_timeout_s: float = 5.0
    """From one picture to the next."""
    backoff_min_s: float = 0.5
    backoff_max_s: float = 30.0
    frozen_after_s: float = 10.0
    """A live camera is frozen when not a single pixel has changed for this time."""
    password_file: Path | None = None
    """Holds the password that goes with the user name in the source's URL, on its first line."""
    ca_file: Path | None = None
    """Certificates of those who may have signed the camera's; None: the system's authorities."""
    certificate_sha256: str | None = None
    """The fingerprint of the only certificate that the camera may show; None: any that is signed."""
    certificate: str = "verified"
    """``insecure``: any certificate is taken, and anybody on the way can pretend to be the camera."""
    max_megapixels: float = 16.0
    """Larger pictures are not decoded, because they would take too much memory."""
    dark_below: float = 12.0
    """Mean luma (0 to 255) below which an almost even picture is black."""

    @property
    def turn(self) -> Turn:
        """How pictures are turned."""
        return Turn(self.rotate, self.flip)

    @property
    def max_pixels(self) -> int:
        """The largest picture that is decoded."""
        return round(self.max_megapixels * 1e6)

    @classmethod
    def of(cls, config: CameraConfig) -> "CameraSettings":
        """The settings that a configuration asks for."""
        asked = config.model_dump()
        return cls(**{f.name: asked[f.name] for f in fields(cls) if f.name in asked})


class CameraState(str, Enum):
    """What a camera does now."""

    OPENING = "opening"
    LIVE = "live"
    FAULT = "fault"
    ENDED = "ended"


class Fault(str, Enum):
    """Why a camera gives nothing that can be judged."""

    CANNOT_OPEN = "cannot open"
    NO_FRAMES = "no frames"
    FROZEN = "frozen"
    BLACK = "black"


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """A camera's state at one moment, for ``health`` and the setup page."""

    source: str
    """Shown without secrets: of a URL only scheme, host and port."""
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
    """Size of the last picture in px; 0 before the first."""
    frames: int
    """Pictures received since the start."""
    reconnects: int
    """How often the source was opened again since the start."""
    damaged: int = 0
    """Pictures since the start that were skipped, because they could not be decoded."""
