"""A speaker that is a webhook."""

import threading
from http import HTTPStatus

from edge.clock import Clock
from edge.config import Webhook
from edge.events import CONTENT_TYPE
from edge.speaker.announcer import ReceivedViolation
from edge.speaker.endpoint import Endpoint
from edge.speaker.sink import Playback


class WebhookSink:
    """POSTs the violation's CloudEvent; a 2xx answer says that it was announced, 202 that it will be.

    A POST that was not answered is sent again: the receiver recognises it by the CloudEvent's ``id``.

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

    def say(self, event: ReceivedViolation, stop: threading.Event) -> Playback:  # noqa: ARG002  the time-out is short
        """See ``SpeakerSink``."""
        started_s = self._clock.monotonic()
        answer = self._endpoint.post(event.payload, CONTENT_TYPE)
        confirmed = answer.status != HTTPStatus.ACCEPTED
        return Playback("", started_s, self._clock.monotonic(), confirmed=confirmed)

    def close(self) -> None:
        """See ``SpeakerSink``: it holds nothing."""
