"""HTTP for downloads. A server can make nothing endless: headers, "100 Continue", redirects, trailers."""

import io
import socket
import ssl
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPMessage, HTTPResponse, HTTPSConnection
from threading import Event
from typing import IO, TYPE_CHECKING

from edge.errors import UpdateError
from edge.update.update_url import allowed_url

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

TIMEOUT_S = 30.0
"""Seconds without a byte after which a connection is given up."""
_HEADERS_S = 60.0
"""Seconds that an answer's headers may take."""
_HEADERS_MAX = 200_000
"""Bytes that they may have."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a download must end.

    Attributes:
        what: what is downloaded, for messages.
        limit_s: how many seconds it may take.
        ends_s: when they are over, by ``time.monotonic``.
        stop: ends it earlier.
    """

    what: str
    limit_s: float
    ends_s: float
    stop: Event

    def require(self) -> None:
        """Check that the download may go on.

        Raises:
            UpdateError: it must end.
        """
        if self.stop.is_set():
            raise UpdateError(f"{self.what}: stopped")
        if time.monotonic() > self.ends_s:
            raise UpdateError(f"{self.what}: not complete after {self.limit_s / 60:.0f} min")


def opener(limits: Limits) -> urllib.request.OpenerDirector:
    """An opener of http and https addresses whose every read ends in time."""
    return urllib.request.build_opener(_Redirects, _Http(limits), _Https(limits))


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only to an address that would have been allowed in the request."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        fp.close()  # else our caller reads the whole answer into memory
        return super().redirect_request(req, fp, code, msg, headers, allowed_url(newurl))


class _Http(urllib.request.HTTPHandler):
    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self._limits = limits

    def http_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(_connect(self._limits), req)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, limits: Limits) -> None:
        self._limits, self._tls = limits, ssl.create_default_context()
        super().__init__(context=self._tls)

    def https_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(_connect(self._limits), req, context=self._tls)


def _connect(limits: Limits) -> Callable[..., HTTPConnection]:
    def connection(host: str, *, timeout: float, context: ssl.SSLContext | None = None) -> HTTPConnection:
        made = (
            HTTPConnection(host, timeout=timeout)
            if context is None
            else HTTPSConnection(host, timeout=timeout, context=context)
        )
        made.response_class = partial(_BoundedResponse, limits)  # type: ignore[assignment]
        return made

    return connection


class _BoundedResponse(HTTPResponse):
    """An answer that is read from the socket through ``_BoundedReader``."""

    def __init__(
        self,
        limits: Limits,
        sock: socket.socket,
        debuglevel: int = 0,
        method: str | None = None,
        url: str | None = None,
    ) -> None:
        super().__init__(sock, debuglevel, method, url)
        self.fp.close()
        self._reader = _BoundedReader(sock, limits)
        self.fp = io.BufferedReader(self._reader)

    def begin(self) -> None:
        """Read status and headers."""
        self._reader.in_headers = True
        super().begin()
        self._reader.in_headers = False


class _BoundedReader(io.RawIOBase):
    """Reads from a socket while the limits allow it."""

    def __init__(self, sock: socket.socket, limits: Limits) -> None:
        self._raw, self._sock, self._limits = sock.makefile("rb", buffering=0), sock, limits
        self._headers_end_s, self._bytes = time.monotonic() + _HEADERS_S, 0
        self.in_headers = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int | None:
        self._limits.require()
        now_s = time.monotonic()
        ends_s = min(self._limits.ends_s, self._headers_end_s) if self.in_headers else self._limits.ends_s
        if now_s > ends_s or (self.in_headers and self._bytes > _HEADERS_MAX):
            raise UpdateError(
                f"{self._limits.what}: the headers of the server's answer have more than {_HEADERS_MAX} "
                f"bytes, or take longer than {_HEADERS_S:.0f} s"
            )
        self._sock.settimeout(max(0.001, min(TIMEOUT_S, ends_s - now_s)))
        count = self._raw.readinto(buffer)
        self._bytes += count or 0
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()
