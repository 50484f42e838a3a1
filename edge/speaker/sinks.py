"""From the configuration to the speakers that it asks for."""

from edge.clock import Clock
from edge.config import Speaker
from edge.errors import ConfigError
from edge.speaker.player import choose_player
from edge.speaker.remote import HomeAssistantSink, WebhookSink
from edge.speaker.sink import Sink
from edge.speaker.sound import LocalSound


def make_sinks(settings: Speaker, name: str, clock: Clock) -> list[Sink]:
    """The configured speakers: this machine's sound first, unless ``speaker.output`` is ``none``.

    Raises:
        ConfigError: one of them is not complete, or there is none.
    """
    sinks: list[Sink] = []
    if settings.output != "none":
        sinks.append(LocalSound(name, settings, choose_player(settings, clock)))
    if settings.webhook is not None:
        sinks.append(WebhookSink(f"{name}/webhook", settings.webhook, clock))
    if settings.home_assistant is not None:
        sinks.append(HomeAssistantSink(f"{name}/home-assistant", settings.home_assistant, clock))
    if not sinks:
        raise ConfigError(
            'speaker.output is "none", and neither [speaker.webhook] nor [speaker.home_assistant] is given: '
            'nobody would announce anything. Example: output = "plughw:CARD=Device"'
        )
    return sinks
