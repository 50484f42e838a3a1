"""The speaker of this machine: recordings through a ``Player``, all languages or one in turn."""

import threading

from edge.config import Speaker
from edge.speaker.announcer import ReceivedViolation
from edge.speaker.player import Player
from edge.speaker.recordings import Softened, sounds_of
from edge.speaker.sink import Playback


class LocalSound:
    """A ``SpeakerSink`` that plays on this machine.

    Args:
        name: what it is called in reports.
        settings: recordings, languages, volume.
        player: what plays them.

    Raises:
        ConfigError: a recording is missing, or it is not a PCM WAV file.
    """

    def __init__(self, name: str, settings: Speaker, player: Player) -> None:
        self.name = name
        self._player = player
        self._softened = Softened(sounds_of(settings), settings.volume)
        parts = list(zip(settings.languages, self._softened.paths, strict=True))
        self._turns = [[part] for part in parts] if settings.rotate else [parts]
        self._turn = 0

    @property
    def problem(self) -> str | None:
        """See ``SpeakerSink``."""
        return self._player.problem

    def say(self, event: ReceivedViolation, stop: threading.Event) -> Playback:  # noqa: ARG002  the same words for everybody
        """See ``SpeakerSink``. A turn that failed is not over: the next attempt speaks the same language."""
        turn = self._turns[self._turn % len(self._turns)]
        played = self._player.play([sound for _, sound in turn], stop)
        self._turn += 1
        return Playback(",".join(language for language, _ in turn), played.started_s, played.ended_s)

    def close(self) -> None:
        """See ``SpeakerSink``."""
        self._softened.close()
