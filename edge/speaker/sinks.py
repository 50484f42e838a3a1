"""From the configuration to the speakers that it asks for."""

import threading
from collections.abc import Iterator
from typing import NoReturn

from edge.clock import Clock
from edge.config import Speaker
from edge.errors import ConfigError
from edge.speaker.announcer import Heard
from edge.speaker.player import choose_player
from edge.speaker.remote import HomeAssistantSink, WebhookSink
from edge.speaker.sink import GaveUpError, Sink
from edge.speaker.sound import LocalSound


class Absent:
    """A speaker that can't be used, say for want of its token, while others can: told, and not tried."""

    def __init__(self, name: str, problem: str) -> None:
        self.name, self.problem = name, problem

    def say(self, heard: Heard, stop: threading.Event) -> NoReturn:  # noqa: ARG002  it says nothing
        """See ``Sink``."""
        raise GaveUpError(self.problem)

    def close(self) -> None:
        """See ``Sink``: it holds nothing."""


def make_sinks(settings: Speaker, name: str, clock: Clock) -> list[Sink]:
    """The configured speakers: this machine's sound first, unless ``speaker.output`` is ``none``.

    Raises:
        ConfigError: this machine's sound is not complete, or none of the others is, or there is none.
    """
    sinks: list[Sink] = []
    if settings.output != "none":
        sinks.append(LocalSound(name, settings, choose_player(settings, clock)))
    sinks += _others(settings, name, clock)
    absent = [sink for sink in sinks if isinstance(sink, Absent)]
    if absent and len(absent) == len(sinks):
        raise ConfigError(absent[0].problem)
    if not sinks:
        raise ConfigError(
            'speaker.output is "none", and neither [speaker.webhook] nor [speaker.home_assistant] is given: '
            'nobody would announce anything. Example: output = "plughw:CARD=Device"'
        )
    return sinks


def _others(settings: Speaker, name: str, clock: Clock) -> Iterator[Sink]:
    if settings.webhook is not None:
        called = f"{name}/webhook"
        try:
            yield WebhookSink(called, settings.webhook, clock)
        except ConfigError as e:
            yield Absent(called, str(e))
    if settings.home_assistant is not None:
        called = f"{name}/home-assistant"
        try:
            yield HomeAssistantSink(called, settings.home_assistant, clock)
        except ConfigError as e:
            yield Absent(called, str(e))
