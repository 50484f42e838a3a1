"""Network cameras: RTSP and HTTP MJPEG streams."""

import socket
from urllib.parse import urlsplit

import cv2

from edge.camera.opencv import captured
from edge.camera.shown import shown_source
from edge.camera.source_kind import SourceKind, require_host
from edge.camera.state import CameraSettings, Pictures
from edge.errors import CameraError

_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}


def open_network(settings: CameraSettings) -> Pictures:
    """Open an RTSP or HTTP MJPEG stream.

    One decoder thread: each further one holds a picture back, which then comes late, and on a stalled RTSP
    stream only after another read timeout.
    """
    shown = shown_source(settings.source)
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
    yield from captured(capture, settings, "the stream broke off; check the camera's power and the network")


def _diagnosis(url: str, timeout_s: float) -> str:
    """Why FFmpeg, which does not say so itself, could not open it."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme.lower()]
    try:
        socket.create_connection((host, port), timeout_s).close()
    except OSError as e:
        return f"{host} port {port}: {e.strerror or e}; check address, port, power and network"
    return f"{host} answers on port {port} but gives no video; check the path, the user name and the password"


RTSP = SourceKind(
    "rtsp",
    form="rtsp://HOST/PATH, rtsps://...",
    starts=("rtsp://", "rtsps://"),
    open=open_network,
    check=require_host,
)
HTTP = SourceKind(
    "http",
    form="http://HOST/PATH (MJPEG), https://...",
    starts=("http://", "https://"),
    open=open_network,
    check=require_host,
)
