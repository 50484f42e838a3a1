"""The camera: frames of V4L2, network and CSI cameras, of clips and folders; newest only, with faults."""

from edge.camera.capture import Camera
from edge.camera.clips import read_clip, read_picture
from edge.camera.kinds import PICTURE_SUFFIXES, SourceKind, kind_of, pictures_in, without_secrets
from edge.camera.paths import Found, what_lies_at
from edge.camera.state import CameraSettings, CameraState, CameraStatus, Fault

__all__ = [
    "PICTURE_SUFFIXES",
    "Camera",
    "CameraSettings",
    "CameraState",
    "CameraStatus",
    "Fault",
    "Found",
    "SourceKind",
    "kind_of",
    "pictures_in",
    "read_clip",
    "read_picture",
    "what_lies_at",
    "without_secrets",
]
