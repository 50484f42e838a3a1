"""TLS for a program that can't check certificates: it connects to this machine, and we to the camera."""

import contextlib
import logging
import socket
import threading
from types import TracebackType

from typing_extensions import Self

from edge.camera.security import secured
from edge.camera.shown import shown_source
from edge.camera.state import CameraSettings
from edge.errors import CameraError, MaskgateError

_JOIN_S = 1.0
_CHUNK = 65536
_log = logging.getLogger(__name__)


class TlsTunnel:
    """Carries one connection to a camera whose certificate is checked.

    The camera is reached and checked first. Only then does a port open, on the loopback, for one connection.

    Attributes:
        port: on 127.0.0.1.
        error: why the connection to the camera ended; None while it works.

    Args:
        settings: the camera, its certificate and its time-outs.
        host: the camera.
        camera_port: where it speaks TLS.

    Raises:
        CameraError: it can't be reached, or its certificate can't be trusted.
        ConfigError: ``ca_file`` can't be used.
    """

    def __init__(self, settings: CameraSettings, host: str, camera_port: int) -> None:
        shown = shown_source(settings.source)
        self.error: CameraError | None = None
        try:
            plain = socket.create_connection((host, camera_port), settings.open_timeout_s)
        except (OSError, UnicodeError) as e:
            reason = getattr(e, "strerror", None) or e
            raise CameraError(
                f"{shown}: {host} port {camera_port}: {reason}; check address, port, power and network."
            ) from e
        try:
            self._far = secured(plain, settings)
        except OSError as e:
            plain.close()
            if isinstance(e, CameraError):
                raise
            raise CameraError(f"{shown}: {host} port {camera_port}: no TLS: {e}.") from e
        except MaskgateError:
            plain.close()
            raise
        self._settings, self._shown = settings, shown
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1)
        self._listener.settimeout(settings.open_timeout_s)
        self.port: int = self._listener.getsockname()[1]
        self._near: socket.socket | None = None
        self._threads = [threading.Thread(target=self._carry, name="camera-tls", daemon=True)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

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
        self._near.settimeout(None)
        # the far end's silence is the time-out of who reads at the near end
        self._far.settimeout(None)
        back = threading.Thread(
            target=self._copy, args=(self._far, self._near), name="camera-tls", daemon=True
        )
        self._threads.append(back)
        back.start()
        self._copy(self._near, self._far)

    def _copy(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(_CHUNK):
                sink.sendall(data)
        except (OSError, ValueError) as e:  # ValueError: a TLS socket that was closed meanwhile
            _log.debug("%s: the tunnel ended: %s", self._shown, e)
        _end(source)
        _end(sink)


def _end(connection: socket.socket | None) -> None:
    """Wake up whoever waits on a connection, and close it."""
    if connection is None:
        return
    with contextlib.suppress(OSError):  # it has ended already
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
