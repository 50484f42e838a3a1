"""RTSP cameras, by the FFmpeg in OpenCV."""

import socket
from urllib.parse import quote, urlsplit

import cv2

from edge.camera.opencv import captured
from edge.camera.security import check_security, login_of
from edge.camera.shown import shown_source
from edge.camera.source_kind import SourceKind, require_host
from edge.camera.state import CameraSettings, Pictures
from edge.camera.tls_tunnel import TlsTunnel
from edge.errors import CameraError

_PORTS = {"rtsp": 554, "rtsps": 322}


def open_rtsp(settings: CameraSettings) -> Pictures:
    """Open an RTSP stream.

    FFmpeg does not check certificates. For ``rtsps://`` the encryption is done here, and FFmpeg sees a stream
    on this machine.

    One decoder thread: each further one holds a picture back, which then comes late, and on a stalled RTSP
    stream only after another read timeout.
    """
    if urlsplit(settings.source).scheme.lower() != "rtsps":
        yield from _stream(settings, _with_login(settings))
        return
    parts = urlsplit(settings.source)
    with TlsTunnel(settings, parts.hostname or "", parts.port or _PORTS["rtsps"]) as tunnel:
        yield from _stream(settings, _with_login(settings, f"127.0.0.1:{tunnel.port}"), tunnel)


def _stream(settings: CameraSettings, url: str, tunnel: TlsTunnel | None = None) -> Pictures:
    capture = cv2.VideoCapture(
        url,
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
        raise tunnel.error if tunnel is not None and tunnel.error is not None else _diagnosis(settings)
    yield from captured(capture, settings, "the stream broke off; check the camera's power and the network")


def _with_login(settings: CameraSettings, address: str | None = None) -> str:
    """The URL for FFmpeg: with the password of ``password_file``, and through the tunnel if there is one."""
    parts, login = urlsplit(settings.source), login_of(settings)
    if login is None and address is None:
        return settings.source
    host = address or parts.netloc.rpartition("@")[2]
    secret = f"{quote(login.user, safe='')}:{quote(login.password, safe='')}@" if login is not None else ""
    return parts._replace(scheme="rtsp", netloc=f"{secret}{host}").geturl()


def _diagnosis(settings: CameraSettings) -> CameraError:
    """Why FFmpeg, which does not say so itself, could not open it."""
    shown, parts = shown_source(settings.source), urlsplit(settings.source)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme.lower()]
    try:
        socket.create_connection((host, port), settings.open_timeout_s).close()
    except (OSError, UnicodeError) as e:
        reason = getattr(e, "strerror", None) or e
        return CameraError(f"{shown}: {host} port {port}: {reason}; check address, port, power and network.")
    return CameraError(
        f"{shown}: {host} answers on port {port} but gives no video; check the path, the user name and the "
        "password."
    )


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
