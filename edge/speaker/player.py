"""How an announcement sounds: through ALSA's ``aplay``, or into a WAV file."""

import io
import os
import shutil
import subprocess
import tempfile
import threading
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from edge.clock import Clock
from edge.config import Speaker
from edge.errors import ConfigError, SpeakerError

CARDS = Path("/proc/asound/cards")
POLL_S = 0.01
"""How finely the start of the sound is measured."""
SPARE_S = 5.0
"""Opening and draining a card may add so much to the sounds' own length."""
GRACE_S = 1.0
_WORDS = 10_000
"""Bytes of aplay's words that are looked at."""


@dataclass(frozen=True, slots=True)
class Played:
    """An announcement that was heard to its end; monotonic seconds."""

    started_s: float
    """When the device had been opened and took the first sample."""
    ended_s: float
    """When the last sample was drained."""


class Player(Protocol):
    """Something that people hear."""

    def play(self, sounds: Sequence[Path], stop: threading.Event) -> Played:
        """Play WAV files one after the other; returns when the last sample was drained.

        Raises:
            SpeakerError: not all of it was heard: the device failed, or ``stop`` was set.
        """
        ...


def choose_player(settings: Speaker, clock: Clock) -> Player:
    """The player for ``speaker.output``: a WAV file if it ends in .wav, an ALSA device otherwise."""
    if settings.output.endswith(".wav"):
        return WavPlayer(Path(settings.output), clock)
    return AplayPlayer(settings.output, clock)


def has_sound_card(cards: Path = CARDS) -> bool:
    """Whether the kernel knows any sound card (``aplay -l`` exits 0 without one, so it is no use)."""
    try:
        return any(line.lstrip()[:1].isdigit() for line in cards.read_text("utf-8").splitlines())
    except OSError:
        return False


def sounds_of(settings: Speaker) -> list[Path]:
    """The announcement's WAV files, in the order of the languages.

    Raises:
        ConfigError: a file is missing or is not a PCM WAV.
    """
    try:
        return [_read(settings.sounds / f"{language}.wav").path for language in settings.languages]
    except SpeakerError as e:
        raise ConfigError(f"speaker.sounds, speaker.languages: {e}") from e


class AplayPlayer:
    """Plays through alsa-utils' ``aplay``: it knows every card, and a driver that hangs can be killed."""

    def __init__(self, device: str, clock: Clock) -> None:
        self._device, self._clock = device, clock

    def play(self, sounds: Sequence[Path], stop: threading.Event) -> Played:
        """See ``Player``. The device is opened for each announcement, so a card may come and go."""
        program = shutil.which("aplay")
        if program is None:
            raise SpeakerError("aplay: not found; install it with: apt install alsa-utils")
        length_s = sum(_read(sound).length_s for sound in sounds)
        command = [program, "-D", self._device, "--", *map(str, sounds)]
        with tempfile.TemporaryFile() as words:
            process = subprocess.Popen(  # noqa: S603  no shell, the program's own path, files that we read
                command, stdin=subprocess.DEVNULL, stderr=words, env={**os.environ, "LC_ALL": "C"}
            )
            try:
                started_s = self._watch(process, words, length_s + SPARE_S, stop)
            finally:
                _end(process)
            if process.returncode != 0:
                raise SpeakerError(
                    f"speaker.output {self._device!r}: aplay failed: {_last_words(words)} "
                    "(`aplay -L` lists the devices that there are)"
                )
        return Played(started_s, self._clock.monotonic())

    def _watch(
        self, process: subprocess.Popen[bytes], words: IO[bytes], limit_s: float, stop: threading.Event
    ) -> float:
        """Wait for the end; returns when the sound started: aplay says "Playing" once the device is open."""
        asked_s = self._clock.monotonic()
        started_s = None
        while process.poll() is None:
            if started_s is None and b"Playing" in os.pread(words.fileno(), _WORDS, 0):
                started_s = self._clock.monotonic()
            if self._clock.monotonic() - asked_s > limit_s:
                raise SpeakerError(
                    f"speaker.output {self._device!r}: not done after {limit_s:.0f} s; ended aplay"
                )
            if stop.wait(POLL_S):
                raise SpeakerError("interrupted: the speaker was stopped before the announcement's end")
        # Ended before anyone looked: it started no later than now.
        return self._clock.monotonic() if started_s is None else started_s


class WavPlayer:
    """Appends what would have been heard to a WAV file, without waiting for it to sound."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path, self._clock = path, clock

    def play(self, sounds: Sequence[Path], stop: threading.Event) -> Played:  # noqa: ARG002  writing takes no time
        """See ``Player``. The file is replaced in one step, so that it is whole at any moment."""
        started_s = self._clock.monotonic()
        parts = [_read(sound) for sound in ([self._path] if self._path.exists() else []) + list(sounds)]
        for part in parts:
            if part.form != parts[0].form:
                raise SpeakerError(
                    f"{part.path}: {part.form} does not match {parts[0].path}: {parts[0].form}; "
                    "a WAV file holds one rate, width and number of channels"
                )
        content = io.BytesIO()
        with wave.open(content, "wb") as out:
            form = parts[0].form
            out.setframerate(form.rate_hz)
            out.setnchannels(form.channels)
            out.setsampwidth(form.sample_bytes)
            out.writeframes(b"".join(part.samples for part in parts))
        partial = self._path.with_name(self._path.name + ".part")
        try:
            partial.write_bytes(content.getvalue())
            partial.replace(self._path)
        except OSError as e:
            raise SpeakerError(f"speaker.output {str(self._path)!r}: can't be written: {e}") from e
        return Played(started_s, self._clock.monotonic())


@dataclass(frozen=True, slots=True)
class _Form:
    rate_hz: int
    channels: int
    sample_bytes: int

    def __str__(self) -> str:
        return f"{self.rate_hz} Hz, {self.channels} channel(s), {8 * self.sample_bytes} bit"


@dataclass(frozen=True, slots=True)
class _Sound:
    path: Path
    form: _Form
    samples: bytes

    @property
    def length_s(self) -> float:
        form = self.form
        return len(self.samples) / (form.rate_hz * form.channels * form.sample_bytes)


def _read(path: Path) -> _Sound:
    try:
        with wave.open(str(path)) as sound:
            form = _Form(sound.getframerate(), sound.getnchannels(), sound.getsampwidth())
            return _Sound(path, form, sound.readframes(sound.getnframes()))
    except (OSError, EOFError, wave.Error) as e:
        reason = str(e) or "it ends too early"
        raise SpeakerError(f"{path}: not a PCM WAV file that can be read: {reason}") from e


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _last_words(words: IO[bytes]) -> str:
    """The line in which aplay itself says why; the ALSA library's, before it, say where in its own code."""
    words.seek(0)
    lines = words.read(_WORDS).decode("utf-8", "replace").split("\n")
    own = [line for line in lines if line.startswith("aplay:")]
    return own[0] if own else " ".join(lines).strip() or "without a word"
