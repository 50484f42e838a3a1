"""Live sources: V4L2 devices, network streams, CSI cameras."""

import importlib
import os
import re
import socket
import stat
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np

from edge.camera.clips import to_rgb
from edge.camera.kinds import PIPELINE, without_secrets
from edge.camera.state import CameraSettings, Pictures
from edge.errors import CameraError

_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}


def open_v4l2(settings: CameraSettings) -> Pictures:
    """A USB or other Video4Linux camera; MJPG is asked for, because raw pictures fill a USB 2 bus."""
    device = v4l2_device(Path(settings.source))
    capture = cv2.VideoCapture(str(device), cv2.CAP_V4L2)
    if not capture.isOpened():
        raise CameraError(
            f"{settings.source}: is no camera that gives pictures, or another program uses it "
            f"(see: fuser -v {device}). {_connected()}"
        )
    for key, value in (
        (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG")),
        (cv2.CAP_PROP_FRAME_WIDTH, settings.width),
        (cv2.CAP_PROP_FRAME_HEIGHT, settings.height),
        (cv2.CAP_PROP_FPS, settings.fps),
        (cv2.CAP_PROP_BUFFERSIZE, 1),
    ):
        capture.set(key, value)  # what a camera can't do it refuses, and keeps its own
    yield from _pictures(capture, f"{settings.source}: gave no more pictures; check plug, cable and power")


def v4l2_device(source: Path, dev: Path = Path("/dev")) -> Path:
    """The device that a path or link (``/dev/v4l/by-id/...``) means now.

    Raises:
        CameraError: it is not there, may not be opened, or is no device.
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


def open_network(settings: CameraSettings) -> Pictures:
    """An RTSP or HTTP MJPEG stream.

    One decoder thread: each further one holds a picture back, which then comes late, and on a stalled RTSP
    stream only after another read timeout.
    """
    shown = without_secrets(settings.source)
    capture = cv2.VideoCapture(
        settings.source,
        cv2.CAP_FFMPEG,
        [
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
            max(1, round(settings.open_timeout_s * 1000)),
            cv2.CAP_PROP_READ_TIMEOUT_MSEC,
            max(1, round(settings.read_timeout_s * 1000)),
            cv2.CAP_PROP_N_THREADS,
            1,
        ],
    )
    if not capture.isOpened():
        raise CameraError(f"{shown}: {_diagnosis(settings.source, settings.open_timeout_s)}.")
    yield from _pictures(capture, f"{shown}: the stream broke off; check the camera's power and the network")


def _diagnosis(url: str, timeout_s: float) -> str:
    """Why FFmpeg, which does not tell, could not open it."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme.lower()]
    try:
        socket.create_connection((host, port), timeout_s).close()
    except OSError as e:
        return f"{host} port {port}: {e.strerror or e}; check address, port, power and network"
    return f"{host} answers on port {port} but gives no video; check the path, the user name and the password"


def _pictures(capture: cv2.VideoCapture, broke_off: str) -> Pictures:
    try:
        while capture.grab():
            ok, bgr = capture.retrieve()
            if ok:  # a damaged picture is no reason to start anew
                yield to_rgb(bgr), 0.0
    except cv2.error as e:
        raise CameraError(f"{broke_off} ({e}).") from e
    finally:
        capture.release()
    raise CameraError(f"{broke_off}.")


def open_gstreamer(settings: CameraSettings) -> Pictures:
    """A pipeline of GStreamer's, as Jetson's CSI cameras need; OpenCV gives up a silent one after 30 s."""
    shown = without_secrets(settings.source)
    if not re.search(r"GStreamer:\s+YES", cv2.getBuildInformation()):
        raise CameraError(
            f"{shown}: this OpenCV ({cv2.__version__}, {cv2.__file__}) was built without GStreamer, as "
            "PyPI's are. Remove it, and let the environment see the system's: "
            "sudo apt install python3-opencv, python3 -m venv --system-site-packages"
        )
    capture = cv2.VideoCapture(settings.source.removeprefix(PIPELINE), cv2.CAP_GSTREAMER)
    if not capture.isOpened():
        raise CameraError(
            f"{shown}: GStreamer can't start this. Try it with gst-launch-1.0; for us it must end in: "
            "videoconvert ! video/x-raw,format=BGR ! appsink drop=true max-buffers=1"
        )
    yield from _pictures(capture, f"{shown}: the pipeline ended; check the camera")


def open_picamera(settings: CameraSettings) -> Pictures:
    """A CSI camera through picamera2, which only the system's Python packages have."""
    try:
        # numpy raises ValueError where the system's binary packages were built for another numpy
        picamera2: Any = importlib.import_module("picamera2")
    except (ImportError, ValueError) as e:
        raise CameraError(
            f"picamera: picamera2 can't be imported ({e}). Install it: sudo apt install python3-picamera2, "
            "and let the environment see it: python3 -m venv --system-site-packages .venv"
        ) from e
    camera = None
    try:
        camera = picamera2.Picamera2()
        # libcamera names formats by byte order in a word: its BGR888 is R, G, B in memory
        main = {"format": "BGR888", "size": (settings.width, settings.height)}
        camera.configure(camera.create_video_configuration(main=main, controls={"FrameRate": settings.fps}))
        camera.start()
        while True:
            yield np.ascontiguousarray(camera.capture_array("main"), dtype=np.uint8), 0.0
    except (RuntimeError, IndexError) as e:  # what picamera2 raises for no camera and for a busy one
        raise CameraError(
            f"picamera: the CSI camera can't be used ({e}). Check the ribbon cable and "
            "`rpicam-hello --list-cameras`, and that no other program uses it."
        ) from e
    finally:
        if camera is not None:
            camera.close()
