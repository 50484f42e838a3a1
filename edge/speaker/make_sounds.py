"""Make the shipped announcements: a chime, then one polite sentence spoken by espeak-ng.

Run from the repository root, with espeak-ng installed (``apt install espeak-ng``)::

    python -m edge.speaker.make_sounds edge/speaker/sounds
"""

import argparse
import io
import subprocess
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]
"""(N,) float64, one channel, -1 to 1, at ``RATE_HZ``."""

RATE_HZ = 22_050
SENTENCES = {
    "id": "Mohon kenakan masker Anda dengan benar, menutupi hidung dan mulut. Terima kasih.",
    "en": "Please wear your mask over your nose and mouth. Thank you.",
}
VOICES = {"id": "id", "en": "en-gb"}
WORDS_PER_MINUTE = 160
CHIME_HZ = (659.26, 523.25)
"""E5 then C5, the falling third of a door bell: people look up before the first word."""
NOTE_S = 0.28
RMS = 0.16
"""Of the spoken parts, about -16 dBFS: as loud as speech can be before it sounds squeezed."""
PEAK = 0.89


def speak(language: str) -> Samples:
    """The sentence of one language, without the silence around it."""
    voice = ["-v", VOICES[language], "-s", str(WORDS_PER_MINUTE)]
    command = ["espeak-ng", *voice, "--stdout", SENTENCES[language]]
    spoken = subprocess.run(command, check=True, capture_output=True).stdout  # noqa: S603  every word is ours
    with wave.open(io.BytesIO(spoken)) as sound:
        if (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) != (RATE_HZ, 1, 2):
            raise ValueError(f"espeak-ng gave {sound.getparams()}; wanted {RATE_HZ} Hz, mono, 16 bit")
        # espeak-ng can't know the length when it writes to a pipe: the header claims more than there is.
        samples = np.frombuffer(sound.readframes(sound.getnframes()), np.int16) / 32768
    loud = np.flatnonzero(np.abs(samples) > 0.01)
    return samples[loud[0] : loud[-1] + 1]


def chime() -> Samples:
    """Two struck notes, each still ringing while the next sounds."""
    note = round(NOTE_S * RATE_HZ)
    out = np.zeros(note * (len(CHIME_HZ) + 1))
    for i, pitch in enumerate(CHIME_HZ):
        t = np.arange(len(out) - i * note) / RATE_HZ
        partials = sum(a * np.sin(2 * np.pi * k * pitch * t) for k, a in ((1, 1.0), (2, 0.4), (3, 0.15)))
        out[i * note :] += partials * np.exp(-6 * t) * np.minimum(1, t / 0.005)
    fade = np.linspace(1, 0, note // 2)
    out[-len(fade) :] *= fade
    return np.asarray(0.45 * out / np.abs(out).max())


def levelled(speech: Samples) -> Samples:
    """The same speech at ``RMS`` where somebody speaks, its peaks rounded off below ``PEAK``."""
    block = RATE_HZ // 20
    rms = np.sqrt((speech[: len(speech) // block * block].reshape(-1, block) ** 2).mean(axis=1))
    spoken = rms[rms > 0.1 * rms.max()]
    gain = RMS / np.sqrt((spoken**2).mean())
    return np.asarray(PEAK * np.tanh(gain * speech / PEAK))


def make(language: str) -> bytes:
    """One announcement as a WAV file: 22.05 kHz, mono, 16 bit."""
    pause = np.zeros(RATE_HZ // 20)
    samples = np.concatenate([chime(), levelled(speak(language)), pause])
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE_HZ)
        sound.writeframes(np.round(samples * 32767).astype("<i2").tobytes())
    return out.getvalue()


def main() -> None:
    """Write ``<language>.wav`` for every sentence."""
    parser = argparse.ArgumentParser(description="Make <language>.wav for every shipped language.")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    for language in SENTENCES:
        (folder / f"{language}.wav").write_bytes(make(language))


if __name__ == "__main__":
    main()
