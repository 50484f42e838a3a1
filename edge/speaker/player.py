"""How an announcement sounds: through ALSA's ``aplay``, or into a WAV file."""

import contextlib
import logging
import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from edge.clock import Clock
from edge.config import Speaker
from edge.errors import SpeakerError
from edge.speaker.recordings import read, write

_log = logging.getLogger(__name__)
CARDS = Path("/proc/asound/cards")
POLL_S = 0.01
"""How precisely the start of the sound is measured."""
SPARE_S = 5.0
"""Opening and draining a card may take this much longer than the sounds."""
GRACE_S = 1.0
_OUTPUT_MAX = 10_000
"""Bytes of aplay's messages that are read."""
WAV_MAX = 50_000_000
"""Bytes; some twenty minutes of announcements."""


@dataclass(frozen=True, slots=True)
class Played:
    """An announcement that was played to its end; monotonic seconds."""

    started_s: float
    """When the device had been opened and took the first sample."""
    ended_s: float
    """When the last sample was drained."""


class Player(Protocol):
    """Something that people hear."""

    @property
    def problem(self) -> str | None:
        """What is wrong with it right now, as far as it shows, as a full sentence."""
        ...

    def play(self, sounds: Sequence[Path], stop: threading.Event) -> Played:
        """Play WAV files one after the other; returns when the last sample was drained.

        Raises:
            SpeakerError: it was not played to its end: the device failed, or ``stop`` was set.
        """
        ...


def choose_player(settings: Speaker, clock: Clock) -> Player:
    """The player for ``speaker.output``: a WAV file if it ends in .wav, an ALSA device otherwise."""
    if settings.output.endswith(".wav"):
        return WavPlayer(Path(settings.output), clock)
    return AplayPlayer(settings.output, clock)


def has_sound_card(cards: Path = CARDS) -> bool:
    """Whether the kernel knows any sound card (``aplay -l`` exits with 0 even without one)."""
    return bool(_card_names(cards))


def missing_card(device: str, cards: Path) -> str | None:
    """A sentence if an ALSA device (``plughw:CARD=Device``) needs a card, any or by name, and has none."""
    wanted, there = re.search(r"CARD=(?!\d+\b)([^,]+)", device), _card_names(cards)
    if not there and wanted is None and re.match(r"(default|sysdefault|hw|plughw)\b", device):
        return (
            f"speaker.output {device!r}: there is no sound card now; plug one in, or, on a Raspberry Pi, "
            "switch its own on (dtparam=audio=on in config.txt)"
        )
    if wanted is None or wanted[1] in there:
        return None
    return (
        f"speaker.output {device!r}: no sound card is called {wanted[1]} now "
        f"(there: {', '.join(there) or 'none'}); plug it in, or choose one of `aplay -L`"
    )


def _card_names(cards: Path) -> list[str]:
    try:
        return re.findall(r"^ *\d+ \[(\S+) *\]", cards.read_text("utf-8"), re.MULTILINE)
    except OSError:
        return []


class AplayPlayer:
    """Plays through alsa-utils' ``aplay``: it knows every card, and a driver that hangs can be killed."""

    def __init__(self, device: str, clock: Clock) -> None:
        self._device, self._clock = device, clock
        self._cardless = False

    @property
    def problem(self) -> str | None:
        """See ``Player``. Cards come and go: this is about now.

        A device that has played without any card leads elsewhere, over the network or Bluetooth.
        """
        return None if self._cardless else missing_card(self._device, CARDS)

    def play(self, sounds: Sequence[Path], stop: threading.Event) -> Played:
        """See ``Player``. The device is opened for each announcement, so a card may come and go."""
        program = shutil.which("aplay")
        if program is None:
            raise SpeakerError("aplay: not found; install it with: apt install alsa-utils")
        length_s = sum(read(sound).length_s for sound in sounds)
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
        self._cardless = not has_sound_card(CARDS)
        return Played(started_s, self._clock.monotonic())

    def _watch(
        self, process: subprocess.Popen[bytes], words: IO[bytes], limit_s: float, stop: threading.Event
    ) -> float:
        """Wait for the end; returns when the sound started: aplay says "Playing" once the device is open."""
        asked_s = self._clock.monotonic()
        started_s = None
        while process.poll() is None:
            if started_s is None and b"Playing" in os.pread(words.fileno(), _OUTPUT_MAX, 0):
                started_s = self._clock.monotonic()
            if self._clock.monotonic() - asked_s > limit_s:
                raise SpeakerError(
                    f"speaker.output {self._device!r}: not done after {limit_s:.0f} s; ended aplay"
                )
            if stop.wait(POLL_S):
                raise SpeakerError("interrupted: the speaker was stopped before the announcement's end")
        # It ended before we looked: it started no later than now.
        return self._clock.monotonic() if started_s is None else started_s


class WavPlayer:
    """Appends what would have been heard to a WAV file, without waiting for it to sound.

    The whole file is written each time; it starts again once it is larger than ``WAV_MAX``.
    """

    problem = None

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path, self._clock = path, clock

    def play(self, sounds: Sequence[Path], stop: threading.Event) -> Played:  # noqa: ARG002  writing takes no time
        """See ``Player``."""
        started_s = self._clock.monotonic()
        goes_on = self._path.exists() and self._path.stat().st_size <= WAV_MAX
        parts = [read(sound) for sound in ([self._path] if goes_on else []) + list(sounds)]
        for part in parts:
            if part.form != parts[0].form:
                raise SpeakerError(
                    f"{part.path}: {part.form} does not match {parts[0].path}: {parts[0].form}; "
                    "a WAV file holds one rate, width and number of channels"
                )
        try:
            write(self._path, parts[0].form, b"".join(part.samples for part in parts))
        except OSError as e:
            raise SpeakerError(f"speaker.output {str(self._path)!r}: can't be written: {e}") from e
        return Played(started_s, self._clock.monotonic())


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        for end in (process.terminate, process.kill):
            end()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE_S)
                return
        _log.error("aplay (process %d) can't be ended: the sound card's driver hangs", process.pid)


def _last_words(words: IO[bytes]) -> str:
    """The line in which aplay says why; those of the ALSA library before it only name places in its code."""
    words.seek(0)
    lines = words.read(_OUTPUT_MAX).decode("utf-8", "replace").split("\n")
    own = [line for line in lines if line.startswith("aplay:")]
    return own[0] if own else " ".join(lines).strip() or "without a message"
