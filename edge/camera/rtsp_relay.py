"""Stands between FFmpeg and an RTSP camera: encrypts, checks the certificate, and stops redirects.

FFmpeg's RTSP neither checks certificates nor can it be kept from following a redirect, and OpenCV passes no
options on. So FFmpeg connects to this machine, and we to the camera.
"""

import contextlib
import logging
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from urllib.parse import urlsplit

from typing_extensions import Self

from edge.camera.rtsp_replies import RefusedReplyError, RtspReplies
from edge.camera.security import secured
from edge.camera.shown import shown_source
from edge.camera.state import CameraSettings
from edge.errors import CameraError, MaskgateError

PORTS = {"rtsp": 554, "rtsps": 322}
_JOIN_S = 1.0
_CHUNK = 65536
_log = logging.getLogger(__name__)


class RtspRelay:
    """Carries one connection to a camera.

    The camera is reached, and its certificate checked, before a port opens on the loopback, for one
    connection. Pictures must come over the same connection, as FFmpeg asks first: a camera that can send them
    by UDP only gives none.

    Attributes:
        port: where FFmpeg connects to, on 127.0.0.1.
        refused: why a reply did not go on to FFmpeg; None while all did.

    Args:
        settings: the camera, its certificate and its time-outs.

    Raises:
        CameraError: it can't be reached, or its certificate can't be trusted.
        ConfigError: ``ca_file`` can't be used.
    """

    def __init__(self, settings: CameraSettings) -> None:
        self._shown = shown_source(settings.source)
        self.refused: str | None = None
        self._replies = RtspReplies()
        self._far = _reach(settings)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1)
        self._listener.settimeout(settings.open_timeout_s)
        self.port: int = self._listener.getsockname()[1]
        self._near: socket.socket | None = None
        self._threads = [threading.Thread(target=self._carry, name="camera-relay", daemon=True)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def status(self) -> int | None:
        """The code of the camera's last reply; None before the first one."""
        return self._replies.status

    def close(self) -> None:
        """End both connections, and wait briefly for the threads."""
        self._listener.close()
        for end in (self._near, self._far):
            _end(end)
        for thread in list(self._threads):
            thread.join(_JOIN_S)

    def _carry(self) -> None:
        try:
            with self._listener:
                self._near, _ = self._listener.accept()
        except OSError:  # nobody came, or it was closed
            _end(self._far)
            return
        for end in (self._near, self._far):
            end.settimeout(None)  # FFmpeg has its own
            with contextlib.suppress(OSError):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        back = threading.Thread(target=self._pass_replies, name="camera-relay", daemon=True)
        self._threads.append(back)
        back.start()
        self._copy(self._near, self._far, lambda data: data)

    def _pass_replies(self) -> None:
        assert self._near is not None  # noqa: S101 - it was accepted before this thread started
        self._copy(self._far, self._near, self._replies.take)

    def _copy(self, source: socket.socket, sink: socket.socket, look: Callable[[bytes], bytes]) -> None:
        try:
            while data := source.recv(_CHUNK):
                sink.sendall(look(data))
        except RefusedReplyError as e:
            self.refused = str(e)
        except (OSError, ValueError) as e:  # ValueError: a TLS socket that was closed meanwhile
            _log.debug("%s: the connection ended: %s", self._shown, e)
        _end(source)
        _end(sink)


def _reach(settings: CameraSettings) -> socket.socket:
    parts = urlsplit(settings.source)
    scheme, host = parts.scheme.lower(), parts.hostname or ""
    port = parts.port or PORTS[scheme]
    where = f"{shown_source(settings.source)}: {host} port {port}"
    try:
        plain = socket.create_connection((host, port), settings.open_timeout_s)
    except (OSError, UnicodeError) as e:
        reason = getattr(e, "strerror", None) or e
        raise CameraError(f"{where}: {reason}; check address, port, power and network.") from e
    if scheme == "rtsp":
        return plain
    try:
        return secured(plain, settings)
    except MaskgateError:
        plain.close()
        raise
    except OSError as e:
        plain.close()
        raise CameraError(f"{where}: does not speak TLS: {e}.") from e


def _end(connection: socket.socket | None) -> None:
    """Wake up whoever waits on a connection, and close it."""
    if connection is None:
        return
    with contextlib.suppress(OSError):  # it has ended already
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
