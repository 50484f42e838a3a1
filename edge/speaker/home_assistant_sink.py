"""A speaker that is a media player of Home Assistant, over its REST API."""

import json
import threading

from edge.clock import Clock
from edge.config import HomeAssistant
from edge.errors import ConfigError
from edge.speaker.announcer import HeardViolation
from edge.speaker.endpoint import Endpoint, UnansweredError
from edge.speaker.sink import GaveUpError, Playback


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
        """See ``SpeakerSink``."""
        started_s = self._clock.monotonic()
        try:
            self._endpoint.post(self._body, "application/json")
        except UnansweredError as e:
            raise GaveUpError(f"{e}; not tried again, for it may have been heard") from e
        return Playback("", started_s, self._clock.monotonic())

    def close(self) -> None:
        """See ``SpeakerSink``: it holds nothing."""
