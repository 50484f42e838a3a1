"""USB and other Video4Linux cameras."""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.camera.decoding import JpegDecoder
from edge.camera.opencv import Capture, captured, to_rgb
from edge.camera.source_kind import SourceKind
from edge.camera.state import CameraSettings, Pictures
from edge.errors import CameraError
from edge.values import Image

_MJPG = cv2.VideoWriter.fourcc(*"MJPG")


def open_v4l2(settings: CameraSettings) -> Pictures:
    """Open a USB or other Video4Linux camera; MJPG is asked for, because raw pictures fill a USB 2 bus."""
    device = v4l2_device(Path(settings.source))
    capture = cv2.VideoCapture(str(device), cv2.CAP_V4L2)
    if not capture.isOpened():
        raise CameraError(
            f"{settings.source}: is not a camera that gives pictures, or another program uses it "
            f"(see: fuser -v {device}). {_connected()}"
        )
    for key, value in (
        (cv2.CAP_PROP_FOURCC, _MJPG),
        (cv2.CAP_PROP_FRAME_WIDTH, settings.width),
        (cv2.CAP_PROP_FRAME_HEIGHT, settings.height),
        (cv2.CAP_PROP_FPS, settings.fps),
        (cv2.CAP_PROP_BUFFERSIZE, 1),
    ):
        capture.set(key, value)  # a camera refuses what it can't do, and keeps its own value
    broke_off = "gave no more pictures; check plug, cable and power"
    yield from captured(capture, settings, broke_off, _decoder(capture, settings.max_pixels))


def _decoder(capture: Capture, max_pixels: int) -> Callable[[NDArray[Any]], Image]:
    """How to make RGB of what the camera gives now.

    MJPG is decoded here and not by OpenCV, which can't say that a picture is damaged, or larger than allowed.
    """
    if int(capture.get(cv2.CAP_PROP_FOURCC)) != _MJPG or not capture.set(cv2.CAP_PROP_CONVERT_RGB, 0):
        return to_rgb
    jpeg = JpegDecoder(max_pixels)
    return lambda picture: jpeg.decode(np.ascontiguousarray(picture).tobytes())


def v4l2_device(source: Path, dev: Path = Path("/dev")) -> Path:
    """The device that a path or link (``/dev/v4l/by-id/...``) leads to now.

    Raises:
        CameraError: it does not exist, may not be opened, or is not a device.
    """
    device = Path(os.path.realpath(source))
    try:
        handle = os.open(device, os.O_RDWR | os.O_NONBLOCK)
    except FileNotFoundError as e:
        raise CameraError(f"{source}: no such device. {_connected(dev)}") from e
    except PermissionError as e:
        raise CameraError(
            f"{source}: no permission to open it. Add the user to the group video: "
            "sudo usermod -aG video $USER, then log in again; for a service, SupplementaryGroups=video."
        ) from e
    except OSError as e:
        raise CameraError(f"{source}: {e.strerror}; unplug the camera and plug it in again.") from e
    try:
        if not stat.S_ISCHR(os.fstat(handle).st_mode):
            raise CameraError(f"{source}: is not a device. {_connected(dev)}")
    finally:
        os.close(handle)
    return device


def _connected(dev: Path = Path("/dev")) -> str:
    found = [str(p) for p in (*sorted(dev.glob("video*")), *sorted(dev.glob("v4l/by-id/*")))]
    return (
        f"Present are: {', '.join(found)}." if found else f"There is no {dev}/video*: is a camera plugged in?"
    )


V4L2 = SourceKind("v4l2", form="/dev/video0, /dev/v4l/by-id/...", starts=("/dev/",), open=open_v4l2)
