"""RTSP cameras, by the FFmpeg in OpenCV."""

from urllib.parse import quote, urlsplit

import cv2

from edge.camera.credentials import check_security, login_of
from edge.camera.opencv import captured
from edge.camera.rtsp_relay import PORTS, RtspRelay
from edge.camera.shown import shown_source
from edge.camera.source_kind import SourceKind, require_host
from edge.camera.state import CameraSettings, Pictures
from edge.errors import CameraError


def open_rtsp(settings: CameraSettings) -> Pictures:
    """Open an RTSP stream.

    One decoder thread: each further one holds a picture back, which then comes late, and on a stalled RTSP
    stream only after another read timeout.
    """
    with RtspRelay(settings) as relay:
        capture = cv2.VideoCapture(
            _for_ffmpeg(settings, relay.port),
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
            raise CameraError(f"{shown_source(settings.source)}: {_why(settings, relay)}.")
        broke_off = "the stream broke off; check the camera's power and the network"
        try:
            yield from captured(capture, settings, broke_off)
        except CameraError as e:
            if relay.refused is None:
                raise
            raise CameraError(f"{shown_source(settings.source)}: {relay.refused}; it is opened again.") from e


def _for_ffmpeg(settings: CameraSettings, port: int) -> str:
    """The URL of the relay, with the login."""
    login = login_of(settings)
    secret = f"{quote(login.user, safe='')}:{quote(login.password, safe='')}@" if login is not None else ""
    parts = urlsplit(settings.source)
    return parts._replace(scheme="rtsp", netloc=f"{secret}127.0.0.1:{port}").geturl()


def _why(settings: CameraSettings, relay: RtspRelay) -> str:
    """Why FFmpeg, which does not say so itself, could not open it."""
    parts = urlsplit(settings.source)
    where = f"{parts.hostname} answers on port {parts.port or PORTS[parts.scheme.lower()]}"
    if relay.refused is not None:
        return f"{where} but {relay.refused}; check the address"
    if relay.status == 401:
        login = "refuses this login" if login_of(settings) else "asks for a user name and a password"
        return f"{where} but {login} (401): USER@HOST in camera.source, and camera.password_file"
    reply = f" with {relay.status}" if relay.status is not None and relay.status >= 400 else ""
    return f"{where}{reply} but gives no video; check the path, the user name and the password"


def _check(settings: CameraSettings) -> None:
    require_host(settings)
    check_security(settings)


RTSP = SourceKind(
    "rtsp",
    form="rtsp://HOST/PATH, rtsps://...",
    starts=("rtsp://", "rtsps://"),
    open=open_rtsp,
    check=_check,
)
