"""The kinds of speakers, and from the configuration to the speakers that it asks for.

All who must know which kinds there are ask ``KINDS``: the start, the check of a configuration, the card's
reader, and ``info``. To add a kind: a file with its sink, its section in ``edge.config.speaker``, and a line.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from pydantic import JsonValue

from edge.clock import Clock
from edge.config import RemoteSpeaker, Speaker
from edge.errors import ConfigError
from edge.speaker.announcer import ReceivedViolation
from edge.speaker.home_assistant_sink import HomeAssistantSink
from edge.speaker.player import choose_player
from edge.speaker.sink import GaveUpError, SpeakerSink
from edge.speaker.sound import LocalSound
from edge.speaker.webhook_sink import WebhookSink
from edge.urls import HIDDEN, without_secrets


@dataclass(frozen=True, slots=True)
class SpeakerKind:
    """One kind of other systems that announce."""

    key: str
    """Of its section, ``[speaker.<key>]``."""
    sink: Callable[[str, Any, Clock], SpeakerSink]
    """Takes its name in reports, its section and the clock; raises ``ConfigError``."""
    public: frozenset[str]
    """Keys of its section that ``info`` shows as they are; of others it shows scheme and host at most."""

    def shown(self, section: RemoteSpeaker) -> dict[str, JsonValue]:
        """The section as ``info`` may show it: what is not known to be public is hidden."""
        return {key: self._value(key, value) for key, value in section.model_dump(mode="json").items()}

    def _value(self, key: str, value: JsonValue) -> JsonValue:
        if key in self.public or value is None:
            return value
        return without_secrets(value) if isinstance(value, str) else HIDDEN


KINDS = (
    SpeakerKind("webhook", WebhookSink, frozenset({"timeout_s", "token_file"})),
    SpeakerKind(
        "home_assistant",
        HomeAssistantSink,
        frozenset({"timeout_s", "token_file", "entity", "tts_entity", "message"}),
    ),
)


def remote_speakers(settings: Speaker) -> Iterator[tuple[SpeakerKind, RemoteSpeaker]]:
    """The configured ones, each with its section."""
    for kind in KINDS:
        if (section := getattr(settings, kind.key)) is not None:
            yield kind, section


def shown_speaker(settings: Speaker) -> dict[str, JsonValue]:
    """The section ``[speaker]`` as ``info`` may show it."""
    return settings.model_dump(mode="json") | {
        kind.key: kind.shown(section) for kind, section in remote_speakers(settings)
    }


class Absent:
    """A speaker that can't be used, for example for want of its token: it is reported, and not tried."""

    def __init__(self, name: str, problem: str) -> None:
        self.name, self.problem = name, problem

    def say(self, event: ReceivedViolation, stop: threading.Event) -> NoReturn:  # noqa: ARG002  it says nothing
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
    for kind, section in remote_speakers(settings):
        sinks.append(_usable(kind, f"{name}/{kind.key.replace('_', '-')}", section, clock))
    absent = [sink for sink in sinks if isinstance(sink, Absent)]
    if absent and len(absent) == len(sinks):
        raise ConfigError(absent[0].problem)
    if not sinks:
        sections = ", ".join(f"[speaker.{kind.key}]" for kind in KINDS)
        raise ConfigError(
            f'speaker.output is "none", and none of {sections} is given: '
            'nobody would announce anything. Example: output = "plughw:CARD=Device"'
        )
    return sinks


def _usable(kind: SpeakerKind, name: str, section: RemoteSpeaker, clock: Clock) -> SpeakerSink:
    try:
        return kind.sink(name, section, clock)
    except ConfigError as e:
        return Absent(name, str(e))
