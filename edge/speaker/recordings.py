"""The announcement's WAV files: they are read, checked, and made softer."""

import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path

from edge.config import Speaker
from edge.errors import ConfigError, SpeakerError
from edge.files import atomic_writer, open_plain


@dataclass(frozen=True, slots=True)
class SampleFormat:
    """The format of a recording's samples."""

    rate_hz: int
    channels: int
    sample_bytes: int

    def __str__(self) -> str:
        return f"{self.rate_hz} Hz, {self.channels} channel(s), {8 * self.sample_bytes} bit"


@dataclass(frozen=True, slots=True)
class Recording:
    """A PCM WAV file."""

    path: Path
    form: SampleFormat
    samples: bytes

    @property
    def length_s(self) -> float:
        """How long it plays."""
        return len(self.samples) / (self.form.rate_hz * self.form.channels * self.form.sample_bytes)


def read(path: Path) -> Recording:
    """A WAV file.

    Raises:
        SpeakerError: it is missing, or it is not a PCM WAV file.
    """
    try:
        with open_plain(path, follow=True) as file, wave.open(file) as sound:
            form = SampleFormat(sound.getframerate(), sound.getnchannels(), sound.getsampwidth())
            return Recording(path, form, sound.readframes(sound.getnframes()))
    except FileNotFoundError as e:
        there = ", ".join(sorted(p.stem for p in path.parent.glob("*.wav"))) or "none"
        raise SpeakerError(f"{path}: no such recording. Those in its folder: {there}") from e
    except (OSError, EOFError, wave.Error) as e:
        reason = str(e) or "it ends too early"
        raise SpeakerError(f"{path}: not a PCM WAV file that can be read: {reason}") from e


def write(path: Path, form: SampleFormat, samples: bytes) -> None:
    """Write a WAV file that is whole at any moment.

    Raises:
        OSError: it can't be written, or the folder is not there.
    """
    path.parent.stat()  # a mistyped folder is not made
    with atomic_writer(path) as file, wave.open(file) as out:
        out.setframerate(form.rate_hz)
        out.setnchannels(form.channels)
        out.setsampwidth(form.sample_bytes)
        out.writeframes(samples)


def sounds_of(settings: Speaker) -> list[Path]:
    """The announcement's WAV files, in the order of the languages.

    Raises:
        ConfigError: a file is missing, or it is not a PCM WAV file.
    """
    try:
        return [read(settings.sounds / f"{language}.wav").path for language in settings.languages]
    except SpeakerError as e:
        raise ConfigError(f"speaker.sounds, speaker.languages: {e}") from e


class Softened:
    """Copies of recordings at a volume below 1, because aplay has no volume; ``close`` removes them.

    Args:
        sounds: PCM WAV files.
        volume: 0 (silence) to 1 (as they are).

    Raises:
        ConfigError: there is no room for the copies.
    """

    def __init__(self, sounds: list[Path], volume: float) -> None:
        self.paths = sounds
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        if volume == 1:
            return
        try:
            self._folder = tempfile.TemporaryDirectory(prefix="maskgate-speaker-")
            self.paths = [Path(self._folder.name) / sound.name for sound in sounds]
            for sound, path in zip(sounds, self.paths, strict=True):
                recording = read(sound)
                write(path, recording.form, scaled(recording, volume))
        except OSError as e:
            raise ConfigError(f"speaker.volume: no room for softer copies of the recordings: {e}") from e

    def close(self) -> None:
        """Remove the copies."""
        if self._folder is not None:
            self._folder.cleanup()


def scaled(recording: Recording, volume: float) -> bytes:
    """The recording's samples, each times ``volume`` (0 to 1), in the same form."""
    width, samples = recording.form.sample_bytes, recording.samples
    # WAV's 8-bit samples are unsigned, all wider ones signed.
    signed, middle = width > 1, 0 if width > 1 else 128
    out = bytearray()
    for i in range(0, len(samples), width):
        value = int.from_bytes(samples[i : i + width], "little", signed=signed) - middle
        out += (round(value * volume) + middle).to_bytes(width, "little", signed=signed)
    return bytes(out)
