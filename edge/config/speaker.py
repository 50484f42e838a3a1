"""The announcement, and the other systems that may make it."""

from urllib.parse import urlsplit

from pydantic import Field, model_validator
from typing_extensions import Self

from edge.config.addresses import is_host
from edge.config.secret_files import Secret
from edge.config.section import SHIPPED_SOUNDS, File, Name, Section


class RemoteSpeaker(Section):
    """Another speaker: a system that announces when it is asked over HTTP."""

    url: str = Field(pattern=r"^https?://", examples=["https://horn.example.org/announce"])
    """The address that it is asked at."""
    timeout_s: float = Field(3.0, gt=0, le=30, examples=[3.0])
    """How long one attempt may take."""

    @model_validator(mode="after")
    def _has_host(self) -> Self:
        if not _names_host(self.url):
            raise ValueError(
                "url: no valid host and port in it"
            )  # the URL is not shown: it may hold a password
        return self


class Webhook(RemoteSpeaker):
    """Another speaker: a POST of the violation's CloudEvent."""

    url: str = Field(pattern=r"^https?://", examples=["https://horn.example.org/announce"])
    """Where the event is sent."""
    token_file: Secret | None = Field(None, examples=["/etc/maskgate/webhook-token"])
    """Sent as a bearer token."""


class HomeAssistant(RemoteSpeaker):
    """Another speaker: a Home Assistant service call over its REST API."""

    url: str = Field(pattern=r"^https?://", examples=["http://homeassistant.local:8123"])
    """Home Assistant's own address."""
    token_file: Secret = Field(examples=["/etc/maskgate/home-assistant-token"])
    """A file with a long-lived access token."""
    entity: str = Field(pattern=r"^media_player\.[a-z0-9_]+$", examples=["media_player.lobby"])
    """The media player that announces."""
    tts_entity: str | None = Field(None, pattern=r"^tts\.[a-z0-9_]+$", examples=["tts.piper"])
    """What speaks ``message``; without it ``media`` is played."""
    message: str = Field("Please wear your mask over your nose and mouth.", min_length=1)
    """What ``tts_entity`` speaks."""
    media: str | None = Field(None, examples=["media-source://media_source/local/mask.mp3"])
    """What is played if no ``tts_entity`` is given."""


class Speaker(Section):
    """The announcement."""

    sounds: File = Field(SHIPPED_SOUNDS, examples=["/etc/maskgate/sounds"])
    """A folder with one ``<language>.wav`` for each language."""
    languages: tuple[Name, ...] = Field(("id", "en"), min_length=1, examples=[["id", "en"]])
    """Played one after the other."""
    output: str = Field("default", min_length=1, examples=["plughw:CARD=Device"])
    """ALSA device; or a path ending in ``.wav``, to which the samples are written instead; or ``none``."""
    hold_s: float = Field(10.0, ge=0, examples=[10.0])
    """How long it is silent after an announcement: a crowd hears one sentence, not twelve."""
    max_age_s: float = Field(10.0, gt=0, examples=[10.0])
    """Older violations are not announced: nobody needs to hear yesterday's."""
    volume: float = Field(1.0, ge=0, le=1, examples=[0.8])
    """1 is the recording as it is."""
    rotate: bool = Field(False, examples=[True])
    """If true, each announcement is in one language, in turn, instead of in all of them."""
    quiet: tuple[str, ...] = Field((), examples=[["mon-sun 22:00-06:00"]])
    """Hours of silence, in the time zone of ``[hours]``."""
    zones: tuple[Name, ...] = Field((), examples=[["lobby"]])
    """Announce only violations in these zones; empty: in all zones of the site."""
    socket: File | None = Field(None, examples=["/run/maskgate-speaker/local.sock"])
    """The local path: a device on the same machine uses this socket, with or without a broker."""
    webhook: Webhook | None = None
    """One more speaker, beside the sound."""
    home_assistant: HomeAssistant | None = None
    """One more speaker, beside the sound."""


def _names_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return is_host(parts.hostname or "") and parts.port != 0
    except ValueError:
        return False
