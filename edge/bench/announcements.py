"""``maskgate bench announcements``: how soon an announcement sounds, and that none is repeated or left out.

All parts are the real ones, each in its own process: the device's outbox and delivery, a broker, ``maskgate
speaker``, and aplay into ALSA's file plugin, in whose file the first sample is waited for.
"""

import shutil
import statistics
import tempfile
import time
import wave
from contextlib import suppress
from pathlib import Path
from typing import Any

from edge.bench.announcement_rig import Actor, AnnouncementRig, Sections, broker, pause, stage, wait
from edge.config import Speaker
from edge.errors import UsageError

TARGETS_MS = {"local": {"median": 150.0, "p95": 300.0}, "mqtt": {"median": 350.0}}
_TONE_FRAMES = 800
_SPARE_S = 0.3
"""Between the end of a silence and the next violation."""


def run(*, trials: int = 40, violations: int = 200, bursts: int = 5, hold_s: float = 8.0) -> dict[str, Any]:
    """Measure it all; about a minute and a half.

    Args:
        trials: announcements whose start is measured, on each path.
        violations: how many come in a row.
        bursts: a burst is announced once, because its violations come within ``hold_s``; at least 5, so that
            each side is killed twice.
        hold_s: the silence after an announcement; a killed process must be back sooner.

    Returns:
        ``local`` and ``mqtt``: figures in ms and their targets; ``row``: what was announced, heard, doubled
        and lost; ``ok``: whether all targets were met.

    Raises:
        UsageError: aplay is missing.
        MaskgateError: a part did not start or stopped working.
    """
    if shutil.which("aplay") is None:
        raise UsageError("aplay is missing, which makes the sound: apt install alsa-utils")
    with tempfile.TemporaryDirectory(prefix="maskgate-bench-") as name:
        folder = Path(name)
        local = _starts(folder / "local", trials, port=None)
        with broker(folder) as (kind, port):
            mqtt = _starts(folder / "mqtt", trials, port=port)
            row = _row(folder / "row", violations, bursts, hold_s, port)
    out = {
        "local": {**local, "target_ms": TARGETS_MS["local"]},
        "mqtt": {**mqtt, "target_ms": TARGETS_MS["mqtt"]},
    }
    met = all(out[path][f"{figure}_ms"] < ms for path, t in TARGETS_MS.items() for figure, ms in t.items())
    return {**out, "row": row, "broker": kind, "ok": met and row["ok"]}


def table(result: dict[str, Any]) -> str:
    """The figures as a table for people."""
    lines = ["from the frame that decides to the first sample    median     95 %"]
    for path, words in (("local", "local path, no broker"), ("mqtt", f"over MQTT ({result['broker']})")):
        lines.append(f"  {words:45} {result[path]['median_ms']:5.0f} ms {result[path]['p95_ms']:5.0f} ms")
    row = result["row"]
    kills = f"each side killed {row['kills_of_each_side']} times"
    lines += [
        f"{row['violations']} violations in {row['expected']} bursts, all by both ways, {kills}:",
        f"  announced {row['announced']}, heard {row['heard']}, doubled {row['doubled']}, lost {row['lost']}",
        "all targets are met" if result["ok"] else "NOT all targets are met",
    ]
    return "\n".join(lines)


def _starts(folder: Path, trials: int, port: int | None) -> dict[str, Any]:
    """How soon the first sample comes out, over the local path alone (no port), or over MQTT alone."""
    out, conf = folder / "heard.raw", folder / "asound.conf"
    settings: dict[str, object] = {"output": "default", "hold_s": 0.0}
    if port is None:
        settings["socket"] = str(folder / "local.sock")
    with stage(folder, {"speaker": settings}, port=port, env={"ALSA_CONFIG_PATH": str(conf)}) as here:
        conf.write_text(
            f'pcm.!default {{ type file; slave.pcm {{ type null }} file "{out}"; format "raw" }}', "utf-8"
        )
        here.speaker()
        if port is None:
            wait((folder / "local.sock").is_socket, "the speaker's socket")
        gate = here.gate()
        took_s = [_start_s(gate, f"v{i}", out) for i in range(trials + 1)][1:]  # the first one warms up
    ms = sorted(1000 * s for s in took_s)
    p95 = statistics.quantiles(ms, n=20, method="inclusive")[-1]
    return {
        "trials": trials,
        "median_ms": round(statistics.median(ms), 1),
        "p95_ms": round(p95, 1),
        "max_ms": round(ms[-1], 1),
    }


def _start_s(gate: Actor, violation: str, out: Path) -> float:
    decided_s = gate.open(violation)
    wait(lambda: _size(out) > 0, f"the first sample of {violation}")
    heard_s = time.monotonic()
    wait(lambda: _size(out) >= _announcement_bytes(), f"the last sample of {violation}")
    out.unlink()
    pause(0.1)  # until aplay has ended, and the speaker knows it
    return heard_s - decided_s


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def _announcement_bytes() -> int:
    total = 0
    for language in Speaker().languages:
        with wave.open(str(Speaker().sounds / f"{language}.wav")) as sound:
            total += sound.getnframes() * sound.getsampwidth() * sound.getnchannels()
    return total


def _row(folder: Path, violations: int, bursts: int, hold_s: float, port: int) -> dict[str, Any]:
    """Violations in bursts, all by both ways; the speaker is killed in odd bursts, the device in even."""
    sounds, heard = folder / "sounds", folder / "heard.wav"
    speaker = {
        "output": str(heard),
        "sounds": str(sounds),
        "languages": ["id"],
        "hold_s": hold_s,
        "max_age_s": 3600.0,
        "socket": str(folder / "local.sock"),
    }
    sections: Sections = {"speaker": speaker}
    with stage(folder, sections, port=port, env={}) as here:
        sounds.mkdir()
        _tone(sounds / "id.wav")
        row = _Row(here, violations // bursts)
        for number in range(bursts):
            if number > 0:
                pause(hold_s + _SPARE_S)
            row.burst(number)
        opened = {e["data"]["violation"] for e in here.events("violation.opened")}
        played = [e["data"]["violation"] for e in here.events("announcement.played")]
    with wave.open(str(heard)) as sound:
        times, rest = divmod(sound.getnframes(), _TONE_FRAMES)
    figures = {
        "violations": violations,
        "expected": bursts,
        "announced": len(set(played)),
        "heard": times,
        "doubled": len(played) - len(set(played)),
        "lost": violations - len(opened),
        "kills_of_each_side": (bursts - 1) // 2,
    }
    right = figures["announced"] == figures["heard"] == bursts
    return {**figures, "ok": right and rest == figures["doubled"] == figures["lost"] == 0}


class _Row:
    """Burst after burst; what was killed is started again in the middle of its burst."""

    def __init__(self, here: AnnouncementRig, size: int) -> None:
        self._here, self._size = here, size
        self._speaker, self._gate = here.speaker(), here.gate()
        self._opened = 0

    def burst(self, number: int) -> None:
        """One announcement's worth of violations."""
        first, second = self._size // 4, self._size // 2
        self._open(first)
        wait(
            lambda: len(self._here.events("announcement.played")) == number + 1, f"announcement {number + 1}"
        )
        kills_speaker, kills_gate = number % 2 == 1, number > 0 and number % 2 == 0
        if kills_speaker:
            self._speaker.kill()
        self._open(second - first)
        if kills_gate:
            self._gate.kill()
            self._gate = self._here.gate()
        if kills_speaker:
            self._speaker = self._here.speaker()
        self._open(self._size - second)
        wait(lambda: len(self._here.events("violation.opened")) == self._opened, "the burst's end")

    def _open(self, number: int) -> None:
        for _ in range(number):
            self._gate.open(f"v{self._opened}")
            self._opened += 1


def _tone(path: Path) -> None:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(bytes([0, 16] * _TONE_FRAMES))
