"""One GET of a camera's URL: bounded in time and size, verified, logged in, and with few redirects."""

import http.client
import io
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote, urljoin, urlsplit

from edge.camera.credentials import secured
from edge.camera.http_login import HttpLogin
from edge.camera.shown import shown_source
from edge.camera.state import CameraSettings
from edge.errors import CameraError, MaskgateError

_PORTS = {"http": 80, "https": 443}
_REDIRECTS = 3
_MOVED = (301, 302, 303, 307, 308)
_SAFE = "/%:=&?~#+!$,;'@()*[]-._"


class HttpAnswer(io.RawIOBase):
    """A camera's answer; each of its bytes has to come before a deadline.

    Args:
        sock: the connection, on which the request was sent.
        timeout_s: for the head of the answer.
    """

    def __init__(self, sock: socket.socket, timeout_s: float) -> None:
        self._sock = sock
        self.allow(timeout_s)
        self._response = http.client.HTTPResponse(self)  # type: ignore[arg-type]  # it only asks for makefile
        self._response.begin()
        self.status, self.reason = self._response.status, self._response.reason
        self.headers = self._response.headers

    def allow(self, timeout_s: float) -> None:
        """What comes next may take this long."""
        self._until_s = time.monotonic() + timeout_s

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What ``http.client`` reads from."""
        return io.BufferedReader(self, 65536)

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        """Receive some bytes before the deadline.

        Raises:
            TimeoutError: none came in time.
        """
        left_s = self._until_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(left_s)
        return self._sock.recv_into(buffer)

    def some(self) -> bytes:
        """The next bytes of the body, as they come; nothing at its end."""
        return self._response.read1(65536)

    def close(self) -> None:
        """End the connection."""
        self._sock.close()
        super().close()


@contextmanager
def get(settings: CameraSettings, login: HttpLogin | None) -> Iterator[HttpAnswer]:
    """Ask for what the source names.

    Redirects are followed on the same host only, and never from https to http: any other place is not the
    camera that was configured, and would get its password.

    Yields:
        An answer of status 200.

    Raises:
        CameraError: there is no such answer.
    """
    url, refused = settings.source, False
    for _ in range(2 * _REDIRECTS):
        answer = _ask(url, settings, login)
        try:
            if answer.status == 200:
                yield answer
                return
            if answer.status in _MOVED:
                url = _moved(url, answer.headers.get("Location", ""))
            elif answer.status == 401 and login is not None and not refused:
                refused = True
                if not login.learn(answer.headers.get_all("WWW-Authenticate") or []):
                    raise CameraError(
                        f"{shown_source(url)}: asks for a login in a way that is not known here."
                    )
            else:
                raise CameraError(_why(url, answer, has_login=login is not None))
        finally:
            answer.close()
    raise CameraError(f"{shown_source(url)}: redirects again and again; give the address that it leads to.")


def _ask(url: str, settings: CameraSettings, login: HttpLogin | None) -> HttpAnswer:
    parts = urlsplit(url)
    scheme, host = parts.scheme.lower(), parts.hostname or ""
    port = parts.port or _PORTS[scheme]
    where = f"{shown_source(url)}: {host} port {port}"
    target = quote(parts.path or "/", safe=_SAFE) + (
        f"?{quote(parts.query, safe=_SAFE)}" if parts.query else ""
    )
    authorization = login.header("GET", target) if login is not None else None
    lines = [
        f"GET {target} HTTP/1.1",
        f"Host: {_host(host)}{f':{parts.port}' if parts.port else ''}",
        "User-Agent: maskgate",
        "Accept: multipart/x-mixed-replace, image/jpeg",
        "Connection: close",
        *([f"Authorization: {authorization}"] if authorization else []),
    ]
    try:
        sock = socket.create_connection((host, port), settings.open_timeout_s)
    except (OSError, UnicodeError) as e:
        raise CameraError(f"{where}: {_words(e)}; check address, port, power and network.") from e
    try:
        if scheme == "https":
            sock = secured(sock, settings)
        sock.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        return HttpAnswer(sock, settings.open_timeout_s)
    except MaskgateError:
        sock.close()
        raise
    except (OSError, http.client.HTTPException, ValueError) as e:
        sock.close()
        raise CameraError(f"{where}: answers, but not as a web server should: {_words(e)}.") from e


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host else host.encode("idna").decode()


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(getattr(error, "strerror", None) or error or type(error).__name__)[:200]


def _moved(url: str, location: str) -> str:
    where = "an address that is none"
    try:
        new, old = urlsplit(urljoin(url, location)), urlsplit(url)
        where = shown_source(new.geturl())
        schemes = (old.scheme.lower(), new.scheme.lower())
        same = new.hostname == old.hostname and (new.port == old.port or schemes == ("http", "https"))
    except ValueError:
        same, schemes = False, ("", "")
    if not location or not same or schemes not in {("http", "http"), ("https", "https"), ("http", "https")}:
        raise CameraError(
            f"{shown_source(url)}: redirects to {where}, which is not followed: "
            "it is not the camera that was configured. If it is right, write that address into camera.source."
        )
    return new.geturl()


def _why(url: str, answer: HttpAnswer, *, has_login: bool) -> str:
    parts = urlsplit(url)
    port = parts.port or _PORTS[parts.scheme.lower()]
    if answer.status == 401:
        login = "refuses this user name or password" if has_login else "asks for a user name and a password"
        advice = "give them: USER@HOST in camera.source, and the password in camera.password_file"
        return f"{shown_source(url)}: {parts.hostname} answers on port {port}, but {login} (401); {advice}."
    return (
        f"{shown_source(url)}: {parts.hostname} answers on port {port}, but with {answer.status} "
        f"{answer.reason[:60]}; check the path, the user name and the password."
    )
