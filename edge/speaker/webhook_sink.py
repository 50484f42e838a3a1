"""A speaker that is a webhook."""

import threading

from edge.clock import Clock
from edge.config import Webhook
from edge.speaker.announcer import HeardViolation
from edge.speaker.endpoint import Endpoint
from edge.speaker.sink import Playback


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
        """See ``SpeakerSink``."""
        started_s = self._clock.monotonic()
        self._endpoint.post(heard.payload, "application/cloudevents+json")
        return Playback("", started_s, self._clock.monotonic())

    def close(self) -> None:
        """See ``SpeakerSink``: it holds nothing."""
