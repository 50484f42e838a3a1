"""From the configuration to the speakers that it asks for."""

import threading
from collections.abc import Callable
from typing import NoReturn, TypeVar

from edge.clock import Clock
from edge.config import Speaker
from edge.errors import ConfigError
from edge.speaker.announcer import HeardViolation
from edge.speaker.player import choose_player
from edge.speaker.remote import HomeAssistantSink, WebhookSink
from edge.speaker.sink import GaveUpError, SpeakerSink
from edge.speaker.sound import LocalSound

Settings = TypeVar("Settings")


class Absent:
    """A speaker that can't be used, say for want of its token, while others can: told, and not tried."""

    def __init__(self, name: str, problem: str) -> None:
        self.name, self.problem = name, problem

    def say(self, heard: HeardViolation, stop: threading.Event) -> NoReturn:  # noqa: ARG002  it says nothing
        """See ``SpeakerSink``."""
        raise GaveUpError(self.problem)

    def close(self) -> None:
        """See ``SpeakerSink``: it holds nothing."""


def make_sinks(settings: Speaker, name: str, clock: Clock) -> list[SpeakerSink]:
    """The configured speakers: this machine's sound first, unless ``speaker.output`` is ``none``.

    Raises:
        ConfigError: this machine's sound is not complete, or none of the others is, or there is none.
    """
    sinks: list[SpeakerSink] = []
    if settings.output != "none":
        sinks.append(LocalSound(name, settings, choose_player(settings, clock)))
    if settings.webhook is not None:
        sinks.append(_usable(WebhookSink, f"{name}/webhook", settings.webhook, clock))
    if settings.home_assistant is not None:
        sinks.append(_usable(HomeAssistantSink, f"{name}/home-assistant", settings.home_assistant, clock))
    absent = [sink for sink in sinks if isinstance(sink, Absent)]
    if absent and len(absent) == len(sinks):
        raise ConfigError(absent[0].problem)
    if not sinks:
        raise ConfigError(
            'speaker.output is "none", and neither [speaker.webhook] nor [speaker.home_assistant] is given: '
            'nobody would announce anything. Example: output = "plughw:CARD=Device"'
        )
    return sinks


def _usable(
    kind: Callable[[str, Settings, Clock], SpeakerSink], name: str, settings: Settings, clock: Clock
) -> SpeakerSink:
    try:
        return kind(name, settings, clock)
    except ConfigError as e:
        return Absent(name, str(e))
