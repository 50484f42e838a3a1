"""Speakers that are other systems: a webhook, and Home Assistant over its REST API."""

import http.client
import json
import ssl
import threading
from pathlib import Path
from urllib.parse import urlsplit

from edge.clock import Clock
from edge.config import HomeAssistant, Webhook
from edge.config.secret_files import credential_hint
from edge.errors import ConfigError, SpeakerError
from edge.speaker.announcer import HeardViolation
from edge.speaker.sink import GaveUpError, Playback

_LATER = {408, 425, 429}
"""Refusals that may be another answer in a moment; so may all from 500 on."""


class UnansweredError(SpeakerError):
    """The other system got the request, or a part of it, and did not answer: it may have spoken."""


class WebhookSink:
    """POSTs the violation's CloudEvent; any 2xx answer is taken for an announcement.

    A POST that was not answered is sent again: the receiver knows it by the CloudEvent's ``id``.

    Args:
        name: what it is called in reports.
        settings: where to, and with which token.
        clock: measures.

    Raises:
        ConfigError: the token can't be read.
    """

    problem = None

    def __init__(self, name: str, settings: Webhook, clock: Clock) -> None:
        self.name, self._clock = name, clock
        self._endpoint = Endpoint("speaker.webhook", settings.url, settings.token_file, settings.timeout_s)

    def say(self, heard: HeardViolation, stop: threading.Event) -> Playback:  # noqa: ARG002  the time-out is short
        """See ``Sink``."""
        began_s = self._clock.monotonic()
        self._endpoint.post(heard.payload, "application/cloudevents+json")
        return Playback("", began_s, self._clock.monotonic())

    def close(self) -> None:
        """See ``Sink``: it holds nothing."""


class HomeAssistantSink:
    """Lets Home Assistant speak a message (``tts.speak``) or play a recording (``media_player.play_media``).

    A call that was not answered is not made again, for it may have been heard.

    Args:
        name: what it is called in reports.
        settings: which Home Assistant, entity and words.
        clock: measures.

    Raises:
        ConfigError: the token can't be read, or there is neither a ``tts_entity`` nor ``media``.
    """

    problem = None

    def __init__(self, name: str, settings: HomeAssistant, clock: Clock) -> None:
        self.name, self._clock = name, clock
        if settings.tts_entity is not None:
            service = "tts/speak"
            call: dict[str, str | bool] = {
                "entity_id": settings.tts_entity,
                "media_player_entity_id": settings.entity,
                "message": settings.message,
            }
        elif settings.media is not None:
            service = "media_player/play_media"
            call = {
                "entity_id": settings.entity,
                "media_content_id": settings.media,
                "media_content_type": "music",
                "announce": True,
            }
        else:
            raise ConfigError(
                "speaker.home_assistant: neither tts_entity nor media is given. "
                'Example: tts_entity = "tts.piper"'
            )
        url = f"{settings.url.rstrip('/')}/api/services/{service}"
        self._endpoint = Endpoint("speaker.home_assistant", url, settings.token_file, settings.timeout_s)
        self._body = json.dumps(call).encode()

    def say(self, heard: HeardViolation, stop: threading.Event) -> Playback:  # noqa: ARG002  the same words for everybody
        """See ``Sink``."""
        began_s = self._clock.monotonic()
        try:
            self._endpoint.post(self._body, "application/json")
        except UnansweredError as e:
            raise GaveUpError(f"{e}; not tried again, for it may have been heard") from e
        return Playback("", began_s, self._clock.monotonic())

    def close(self) -> None:
        """See ``Sink``: it holds nothing."""


class Endpoint:
    """Where to POST, with a bearer token if there is one.

    Args:
        section: of the configuration, for messages.
        url: ``http://`` or ``https://``; a certificate must be valid.
        token_file: one line.
        timeout_s: for the connection, and again for each wait on the answer.

    Raises:
        ConfigError: the URL is none, or the token can't be read.
    """

    def __init__(self, section: str, url: str, token_file: Path | None, timeout_s: float) -> None:
        try:
            parts = urlsplit(url)
            self._host, self._port = parts.hostname or "", parts.port
        except ValueError as e:
            raise ConfigError(f"{section}.url {url!r}: {e}") from e
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        # Neither a login nor a query: either may be secret.
        self._where = f"{parts.scheme}://{self._host}{f':{self._port}' if self._port else ''}{parts.path}"
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        token = _read_token(f"{section}.token_file", token_file)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._timeout_s = timeout_s

    def post(self, body: bytes, kind: str) -> None:
        """POST and be content with a 2xx answer; redirects are not followed.

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
            except (OSError, http.client.HTTPException) as e:
                raise UnansweredError(f"{self._where}: no proper answer: {e!r:.100}") from e
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
        said = f"{self._where}: answered {status} {http.client.responses.get(status, '')}".rstrip()
        if status in _LATER or status >= 500:
            raise SpeakerError(said)
        if status in (401, 403):
            raise GaveUpError(f"{said}: check the token in token_file")
        raise GaveUpError(f"{said}: check the url, and what is asked for")


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
