"""Stands between FFmpeg and an RTSP camera: encrypts, checks the certificate, and stops redirects.

FFmpeg's RTSP neither checks certificates nor can it be kept from following a redirect, and OpenCV passes no
options on. So FFmpeg connects to this machine, and we to the camera.
"""

import contextlib
import logging
import select
import socket
import ssl
import threading
from types import TracebackType
from urllib.parse import urlsplit

from typing_extensions import Self

from edge.camera.credentials import secured
from edge.camera.rtsp_replies import RefusedReplyError, RtspReplies
from edge.camera.rtsp_requests import RtspRequests
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
    connection. Pictures come over the same connection: a camera that can send them by UDP only gives none.

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
        self._replies, self._requests = RtspReplies(settings.max_pixels), RtspRequests()
        self._far = _reach(settings)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1)
        self._listener.settimeout(settings.open_timeout_s)
        self.port: int = self._listener.getsockname()[1]
        self._ends: list[socket.socket] = [self._far]
        self._thread = threading.Thread(target=self._carry, name="camera-relay", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
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
        """End both connections, and wait briefly for the thread."""
        for end in (self._listener, *self._ends):
            with contextlib.suppress(OSError):  # it has ended already
                end.shutdown(socket.SHUT_RDWR)
        self._thread.join(_JOIN_S)
        for end in (self._listener, *self._ends):
            end.close()

    def _carry(self) -> None:
        """One thread for both directions, because a TLS connection belongs to one thread."""
        try:
            near, _ = self._listener.accept()
        except OSError:  # nobody came, or it was closed
            return
        self._ends.append(near)
        self._far.settimeout(None)  # FFmpeg has its own
        try:
            self._exchange(near)
        except RefusedReplyError as e:
            self.refused = str(e)
        except (OSError, ValueError) as e:  # ValueError: it was closed meanwhile
            _log.debug("%s: the connection ended: %s", self._shown, e)
        for end in (near, self._far):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _exchange(self, near: socket.socket) -> None:
        """Carry what comes from either side, until one of them ends."""
        waiting = select.poll()
        for end in (near, self._far):
            waiting.register(end, select.POLLIN)
            with contextlib.suppress(OSError):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            ready = {number for number, _ in waiting.poll()}
            if near.fileno() in ready:
                asked = near.recv(_CHUNK)
                if not asked:
                    return
                passed, answer = self._requests.take(asked)
                self._far.sendall(passed)
                near.sendall(answer)
            if self._far.fileno() in ready and not self._give(near):
                return

    def _give(self, near: socket.socket) -> bool:
        """Carry all that the camera has sent; False at its end."""
        while True:
            self._far.settimeout(0)  # what has come may be TLS's own, with nothing in it for us
            try:
                data = self._far.recv(_CHUNK)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return True
            finally:
                self._far.settimeout(None)
            if not data:
                return False
            near.sendall(self._replies.take(data))
            # what TLS has decrypted already makes no socket ready
            if not (isinstance(self._far, ssl.SSLSocket) and self._far.pending()):
                return True


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
