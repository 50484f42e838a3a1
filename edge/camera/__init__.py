"""The camera: the newest frame of a camera, clip or folder, and what is wrong with the source."""

from edge.camera.capture import Camera
from edge.camera.clips import read_clip
from edge.camera.kinds import KINDS, check_source, kind_of
from edge.camera.orientation import Turn
from edge.camera.paths import Found, what_lies_at
from edge.camera.pictures import PICTURE_SUFFIXES, read_picture
from edge.camera.rates import rate_problems
from edge.camera.source_kind import SourceKind
from edge.camera.state import CameraSettings, CameraState, CameraStatus, Fault
from edge.camera.upright import UprightCheck

__all__ = [
    "KINDS",
    "PICTURE_SUFFIXES",
    "Camera",
    "CameraSettings",
    "CameraState",
    "CameraStatus",
    "Fault",
    "Found",
    "SourceKind",
    "Turn",
    "UprightCheck",
    "check_source",
    "kind_of",
    "rate_problems",
    "read_clip",
    "read_picture",
    "what_lies_at",
]
