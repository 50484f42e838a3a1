"""HTTP to another system that announces: what went wrong, and whether it is worth another try."""

import http.client
import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from edge.config.secret_files import read_secret
from edge.errors import ConfigError, SpeakerError
from edge.speaker.sink import GaveUpError
from edge.urls import without_secrets

_LATER = {408, 425, 429}
"""Refusals that may be another answer in a moment; so may all from 500 on."""
BODY_MAX = 64 * 1024
"""Bytes of an answer that are read; a state of Home Assistant has some 1000."""
_URL_CHARACTERS = "/?%:@!$&'()*+,;=~"
"""Characters of a path and query that are sent as they are, besides letters, digits and _ . -"""


class UnansweredError(SpeakerError):
    """The other system got the request, or a part of it, and did not answer: it may have announced."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other system answered."""

    status: int
    body: bytes
    """The first ``BODY_MAX`` bytes of it."""


class Endpoint:
    """The other system, asked with a bearer token if there is one; redirects are not followed.

    Its messages name the other side without login, path and query: each of them may be the secret.

    Args:
        section: of the configuration, for messages.
        url: ``http://`` or ``https://``; a certificate must be valid.
        token_file: a file of one line.
        timeout_s: for the connection, for each wait for the answer, and three times that for all of it.

    Raises:
        ConfigError: the URL has no valid host and port, or the token can't be read.
    """

    def __init__(self, section: str, url: str, token_file: Path | None, timeout_s: float) -> None:
        self.where = without_secrets(url)
        """Its address as messages may show it."""
        try:
            parts = urlsplit(url)
            self._host, self._port = parts.hostname or "", parts.port
        except ValueError:
            # nothing of the library's own words: they may quote the URL
            raise ConfigError(
                f"{section}.url: no valid host and port in {self.where}. "
                'Example: url = "https://horn.example.org/announce"'
            ) from None
        self._path, self._query = parts.path, f"?{parts.query}" if parts.query else ""
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        token = _read_token(f"{section}.token_file", token_file)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._timeout_s = timeout_s

    def post(self, body: bytes, kind: str, path: str = "") -> Answer:
        """POST, and accept a 2xx answer.

        Args:
            body: what is sent.
            kind: its media type.
            path: below that of the URL.

        Raises:
            GaveUpError: the other side refuses, and would again.
            UnansweredError: it was sent, but no answer came in time.
            SpeakerError: it could not be sent, or the other side has trouble of its own.
        """
        answer = self._ask("POST", path, body, {"Content-Type": kind})
        self._check(answer.status)
        return answer

    def get(self, path: str) -> Answer:
        """GET what lies at a path below that of the URL; any answer is returned.

        Raises:
            SpeakerError: no answer came in time.
        """
        return self._ask("GET", path, None, {})

    def _ask(self, method: str, below: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        path = f"{self._path.rstrip('/')}{below}" if below else self._path or "/"
        connection = self._connection()
        try:
            try:
                connection.connect()
            except (OSError, UnicodeError) as e:
                raise SpeakerError(f"{self.where}: can't be reached: {e}") from e
            # an answer that never ends, byte after byte, is ended
            limit = threading.Timer(3 * self._timeout_s, _hang_up, [connection.sock])
            limit.start()
            try:
                quoted = quote(f"{path}{self._query}", safe=_URL_CHARACTERS)
                connection.request(method, quoted, body, {**headers, **self._headers})
                answer = connection.getresponse()
                return Answer(answer.status, answer.read(BODY_MAX))
            except TimeoutError as e:
                raise UnansweredError(f"{self.where}: no answer within {self._timeout_s:g} s") from e
            except OSError as e:
                raise UnansweredError(f"{self.where}: no proper answer: {e}") from e
            except http.client.HTTPException as e:  # its text may quote the path, or repeat what was sent
                raise UnansweredError(f"{self.where}: no proper answer: {type(e).__name__}") from e
            finally:
                limit.cancel()
                limit.join()
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout_s, context=self._tls)

    def _check(self, status: int) -> None:
        if 200 <= status < 300:
            return
        answer = f"{self.where}: answered {status} {http.client.responses.get(status, '')}".rstrip()
        if status in _LATER or status >= 500:
            raise SpeakerError(answer)
        if status in (401, 403):
            raise GaveUpError(f"{answer}: check the token in token_file")
        raise GaveUpError(f"{answer}: check the url, and what is asked for")


def _hang_up(sock: socket.socket) -> None:
    with suppress(OSError):  # it is closed already
        sock.shutdown(socket.SHUT_RDWR)


def _read_token(key: str, path: Path | None) -> str | None:
    if path is None:
        return None
    token = read_secret(key, path, only_line=True).strip()
    if not (token.isascii() and token.isprintable()) or not token or " " in token:
        raise ConfigError(f"{key}: {path} holds no token: one line without spaces was expected")
    return token
