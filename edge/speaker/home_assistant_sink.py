"""A speaker that is a media player of Home Assistant, over its REST API.

Home Assistant answers 200 to a call for a player that does not exist, or is switched off. So the player is
looked at before the call, and watched after it: only what was seen to play is reported as played. See
https://developers.home-assistant.io/docs/api/rest for ``/api/states`` and ``/api/services``.
"""

import json
import threading
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from edge.clock import Clock
from edge.config import HomeAssistant
from edge.errors import ConfigError, SpeakerError
from edge.speaker.announcer import ReceivedViolation
from edge.speaker.endpoint import Endpoint, UnansweredError
from edge.speaker.sink import GaveUpError, Playback

PLAYS_WITHIN_S = 5.0
"""For how long after the call the player may start: a small machine takes seconds to make the speech."""
_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class EntityState:
    """What Home Assistant says about an entity."""

    state: str
    content: tuple[object, ...]
    """What a media player plays; it changes from one recording to the next."""

    @classmethod
    def parse(cls, body: bytes) -> "EntityState | None":
        """From the body of ``/api/states/<entity>``; None where it is anything else."""
        try:
            data: Any = json.loads(body)
            attributes = data.get("attributes") or {}
            content = tuple(attributes.get(f"media_{name}") for name in ("content_id", "title", "duration"))
            return cls(str(data["state"]), content)
        except (ValueError, KeyError, AttributeError, RecursionError):
            return None

    def differs(self, before: "EntityState") -> bool:
        """Whether it plays something now that it did not play before."""
        return self.state == "playing" and (before.state != "playing" or self.content != before.content)


class HomeAssistantSink:
    """Lets Home Assistant speak a message (``tts.speak``) or play a recording (``media_player.play_media``).

    A call that was not answered is not made again, because it may have been heard.

    Args:
        name: what it is called in reports.
        settings: which Home Assistant, entity and words.
        clock: measures.

    Raises:
        ConfigError: the token can't be read, or there is neither a ``tts_entity`` nor ``media``.
    """

    problem = None

    def __init__(self, name: str, settings: HomeAssistant, clock: Clock) -> None:
        self.name, self._clock, self._player = name, clock, settings.entity
        self._voice = settings.tts_entity
        if settings.tts_entity is not None:
            self._service = "/api/services/tts/speak"
            call: dict[str, str | bool] = {
                "entity_id": settings.tts_entity,
                "media_player_entity_id": settings.entity,
                "message": settings.message,
            }
        elif settings.media is not None:
            self._service = "/api/services/media_player/play_media"
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
        self._endpoint = Endpoint(
            "speaker.home_assistant", settings.url, settings.token_file, settings.timeout_s
        )
        self._call = json.dumps(call).encode()

    def say(self, event: ReceivedViolation, stop: threading.Event) -> Playback:  # noqa: ARG002  the same words for everybody
        """See ``SpeakerSink``."""
        before = self._available("entity", self._player)
        if self._voice is not None:
            self._available("tts_entity", self._voice)
        started_s = self._clock.monotonic()
        try:
            self._endpoint.post(self._call, "application/json", self._service)
        except UnansweredError as e:
            raise GaveUpError(f"{e}; not tried again, because it may have been heard") from e
        confirmed = before is not None and self._plays(before, stop)
        return Playback("", started_s, self._clock.monotonic(), confirmed=confirmed)

    def close(self) -> None:
        """See ``SpeakerSink``: it holds nothing."""

    def _available(self, key: str, entity: str) -> EntityState | None:
        """The entity's state; None where this token, or what stands between, lets nobody look.

        Raises:
            GaveUpError: there is no such entity.
            SpeakerError: it is not available, or Home Assistant can't be reached.
        """
        answer = self._endpoint.get(f"/api/states/{entity}")
        if answer.status == HTTPStatus.UNAUTHORIZED:
            raise GaveUpError(
                f"{self._endpoint.where}: answered 401 Unauthorized: check the token in token_file"
            )
        if answer.status == HTTPStatus.NOT_FOUND:
            raise GaveUpError(
                f"{self._endpoint.where}: Home Assistant has no entity {entity}: check {key} in "
                "[speaker.home_assistant]"
            )
        found = EntityState.parse(answer.body) if answer.status == HTTPStatus.OK else None
        if found is not None and found.state == "unavailable":
            raise SpeakerError(
                f"{self._endpoint.where}: {entity} is not available: is it switched on and on the network?"
            )
        return found

    def _plays(self, before: EntityState, stop: threading.Event) -> bool:
        """Whether the player is seen to play something new before long."""
        until_s = self._clock.monotonic() + PLAYS_WITHIN_S
        while True:
            try:
                answer = self._endpoint.get(f"/api/states/{self._player}")
            except SpeakerError:  # the call was made: what can't be seen now may be seen the next time
                answer = None
            now = EntityState.parse(answer.body) if answer is not None else None
            if now is not None and now.differs(before):
                return True
            if self._clock.monotonic() >= until_s or stop.wait(_POLL_S):
                return False
