"""HTTP to another system that announces: what went wrong, and whether it is worth another try."""

import http.client
import ssl
from pathlib import Path
from urllib.parse import quote, urlsplit

from edge.config.secret_files import credential_hint
from edge.errors import ConfigError, SpeakerError
from edge.speaker.sink import GaveUpError
from edge.urls import without_secrets

_LATER = {408, 425, 429}
"""Refusals that may be another answer in a moment; so may all from 500 on."""
_URL_CHARACTERS = "/?%:@!$&'()*+,;=~"
"""Characters of a path and query that are sent as they are, besides letters, digits and _ . -"""


class UnansweredError(SpeakerError):
    """The other system got the request, or a part of it, and did not answer: it may have announced."""


class Endpoint:
    """Where to POST, with a bearer token if there is one.

    Its messages name the other side without login, path and query: each of them may be the secret.

    Args:
        section: of the configuration, for messages.
        url: ``http://`` or ``https://``; a certificate must be valid.
        token_file: a file of one line.
        timeout_s: for the connection, and again for each wait for the answer.

    Raises:
        ConfigError: the URL has no valid host and port, or the token can't be read.
    """

    def __init__(self, section: str, url: str, token_file: Path | None, timeout_s: float) -> None:
        self._where = without_secrets(url)
        try:
            parts = urlsplit(url)
            self._host, self._port = parts.hostname or "", parts.port
        except ValueError:
            # nothing of the library's own words: they may quote the URL
            raise ConfigError(
                f"{section}.url: no valid host and port in {self._where}. "
                'Example: url = "https://horn.example.org/announce"'
            ) from None
        query = f"?{parts.query}" if parts.query else ""
        self._path = quote(f"{parts.path or '/'}{query}", safe=_URL_CHARACTERS)
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        token = _read_token(f"{section}.token_file", token_file)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._timeout_s = timeout_s

    def post(self, body: bytes, kind: str) -> None:
        """POST, and accept a 2xx answer; redirects are not followed.

        Raises:
            GaveUpError: the other side refuses, and would again.
            UnansweredError: it was sent, but no answer came in time.
            SpeakerError: it could not be sent, or the other side has trouble of its own.
        """
        connection = self._connection()
        try:
            try:
                connection.connect()
            except (OSError, UnicodeError) as e:
                raise SpeakerError(f"{self._where}: can't be reached: {e}") from e
            try:
                connection.request("POST", self._path, body, {"Content-Type": kind, **self._headers})
                status = connection.getresponse().status
            except TimeoutError as e:
                raise UnansweredError(f"{self._where}: no answer within {self._timeout_s:g} s") from e
            except OSError as e:
                raise UnansweredError(f"{self._where}: no proper answer: {e}") from e
            except http.client.HTTPException as e:  # its text may quote the path, or repeat what was sent
                raise UnansweredError(f"{self._where}: no proper answer: {type(e).__name__}") from e
        finally:
            connection.close()
        self._check(status)

    def _connection(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout_s, context=self._tls)

    def _check(self, status: int) -> None:
        if 200 <= status < 300:
            return
        answer = f"{self._where}: answered {status} {http.client.responses.get(status, '')}".rstrip()
        if status in _LATER or status >= 500:
            raise SpeakerError(answer)
        if status in (401, 403):
            raise GaveUpError(f"{answer}: check the token in token_file")
        raise GaveUpError(f"{answer}: check the url, and what is asked for")


def _read_token(key: str, path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        token = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(f"{key} {path}: can't be read: {e}{credential_hint(path)}") from e
    if not token.isprintable() or not token or " " in token:
        raise ConfigError(f"{key} {path}: holds no token: one line without spaces was expected")
    return token
