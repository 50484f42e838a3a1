"""Volume, languages in turn, and cards that are busy, absent or plugged in late, through a real aplay."""

import os
import shutil
import threading
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import pytest

from edge.backoff import Backoff
from edge.clock import SystemClock
from edge.config import HomeAssistant, RemoteSpeaker, Speaker, Webhook
from edge.config.loading import section_in
from edge.errors import ConfigError, SpeakerError
from edge.events import AnnouncementFailed, AnnouncementPlayed, Data
from edge.speaker import player as player_module
from edge.speaker import worker as voice_module
from edge.speaker.announcer import ReceivedViolation
from edge.speaker.memory import AnnouncementMemory
from edge.speaker.player import choose_player
from edge.speaker.recordings import Recording, SampleFormat, read, scaled, sounds_of
from edge.speaker.sink import GaveUpError
from edge.speaker.sinks import KINDS, make_sinks, shown_speaker
from edge.speaker.sound import LocalSound
from edge.speaker.worker import SpeakerWorker

WAIT_S = 20.0
CLOCK = SystemClock()


def heard(violation: str = "v1") -> ReceivedViolation:
    return ReceivedViolation("violation.opened", violation, CLOCK.utc(), True, CLOCK.monotonic())


# --- volume


def wide(kind: str, *values: int) -> bytes:
    return np.array(values, kind).tobytes()


@pytest.mark.parametrize(
    ("width", "samples", "half"),
    [
        (1, bytes([0, 64, 128, 255]), bytes([64, 96, 128, 192])),
        (2, wide("<i2", -32768, -3, 0, 32767), wide("<i2", -16384, -2, 0, 16384)),
        (3, b"\x00\x00\x80" + b"\x02\x00\x00", b"\x00\x00\xc0" + b"\x01\x00\x00"),
        (4, wide("<i4", -(2**31), 2**31 - 2), wide("<i4", -(2**30), 2**30 - 1)),
    ],
)
def test_every_width_of_samples_gets_softer(width: int, samples: bytes, half: bytes) -> None:
    recording = Recording(Path("x.wav"), SampleFormat(8000, 1, width), samples)
    assert scaled(recording, 0.5) == half
    assert scaled(recording, 1.0) == samples
    assert set(scaled(recording, 0.0)) == ({128} if width == 1 else {0})


def test_what_comes_out_has_the_configured_volume_and_leaves_no_copies(tmp_path: Path) -> None:
    settings = Speaker(output=str(tmp_path / "out.wav"), volume=0.25, languages=("id",))
    sink = LocalSound("s", settings, choose_player(settings, CLOCK))
    sink.say(heard(), threading.Event())
    loud, soft = (
        np.frombuffer(read(p).samples, "<i2") for p in (sounds_of(settings)[0], tmp_path / "out.wav")
    )
    assert np.abs(soft - loud * 0.25).max() <= 0.5
    copies = sink._softened.paths[0].parent
    assert copies.is_dir()
    sink.close()
    assert not copies.exists()


def test_own_recordings_are_never_touched(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    shutil.copy(sounds_of(Speaker())[0], own / "id.wav")
    before = (own / "id.wav").read_bytes()
    settings = Speaker(sounds=own, languages=("id",), volume=0.5, output=str(tmp_path / "out.wav"))
    LocalSound("s", settings, choose_player(settings, CLOCK)).close()
    assert list(own.iterdir()) == [own / "id.wav"]
    assert (own / "id.wav").read_bytes() == before


# --- languages in turn


def tone(path: Path, level: int) -> None:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(np.full(80, level, "<i2").tobytes())


@pytest.fixture
def three(tmp_path: Path) -> Speaker:
    """Three recordings, each of one level: 1, 2, 3."""
    for level, name in enumerate(("id", "en", "zh"), start=1):
        tone(tmp_path / f"{name}.wav", level)
    out = str(tmp_path / "out.wav")
    return Speaker(sounds=tmp_path, languages=("id", "en", "zh"), output=out, rotate=True)


def levels(path: str) -> list[int]:
    return [int(x) for x in np.frombuffer(read(Path(path)).samples, "<i2")[::80]]


def test_languages_take_turns(three: Speaker) -> None:
    sink = LocalSound("s", three, choose_player(three, CLOCK))
    said = [sink.say(heard(), threading.Event()).language for _ in range(4)]
    assert said == ["id", "en", "zh", "id"]
    assert levels(three.output) == [1, 2, 3, 1]


def test_a_turn_that_failed_is_taken_again(three: Speaker, tmp_path: Path) -> None:
    sink = LocalSound("s", three, choose_player(three, CLOCK))
    sink.say(heard(), threading.Event())
    (tmp_path / "en.wav").rename(tmp_path / "gone")
    with pytest.raises(SpeakerError, match=r"en\.wav"):
        sink.say(heard(), threading.Event())
    (tmp_path / "gone").rename(tmp_path / "en.wav")
    assert sink.say(heard(), threading.Event()).language == "en"
    assert levels(three.output) == [1, 2]


# --- which speakers there are


def test_without_any_speaker_the_configuration_is_wrong() -> None:
    with pytest.raises(ConfigError, match="nobody would announce anything"):
        make_sinks(Speaker(output="none"), "s", CLOCK)
    assert [sink.name for sink in make_sinks(Speaker(), "s", CLOCK)] == ["s"]


def test_a_token_that_is_missing_silences_that_speaker_and_no_other(tmp_path: Path) -> None:
    webhook = Webhook(url="https://horn.example.org/", token_file=tmp_path / "none")
    sound, horn = make_sinks(Speaker(webhook=webhook), "s", CLOCK)
    assert sound.name == "s"
    assert horn.name == "s/webhook"
    assert horn.problem
    assert horn.problem.startswith(f"speaker.webhook.token_file: {tmp_path}/none can't be read")
    with pytest.raises(GaveUpError, match="token_file"):
        horn.say(heard(), threading.Event())
    with pytest.raises(ConfigError, match="token_file"):
        make_sinks(Speaker(output="none", webhook=webhook), "s", CLOCK)


def test_every_section_of_another_speaker_has_its_kind_and_info_shows_only_what_is_known_to_be_public() -> (
    None
):
    sections = {
        key: section
        for key, field in Speaker.model_fields.items()
        if (section := section_in(field.annotation)) is not None
    }
    assert [kind.key for kind in KINDS] == list(sections)
    for kind in KINDS:
        assert issubclass(sections[kind.key], RemoteSpeaker)
        assert kind.public < set(sections[kind.key].model_fields)
    webhook = Webhook(url="https://user:s3cret@horn.example.org/s3cret?s3cret#s3cret", token_file=Path("t"))
    assert shown_speaker(Speaker(webhook=webhook))["webhook"] == {
        "url": "https://horn.example.org", "timeout_s": 3.0, "token_file": "t",
    }  # fmt: skip
    media = "http://192.0.2.7:8123/local/mask.mp3?token=s3cret"
    home = HomeAssistant(
        url="http://ha.local/s3cret", token_file=Path("t"), entity="media_player.x", media=media
    )
    shown: Any = shown_speaker(Speaker(home_assistant=home))["home_assistant"]
    assert (shown["url"], shown["media"]) == ("http://ha.local", "http://192.0.2.7:8123")
    assert "s3cret" not in str(shown)


# --- a card that comes and goes


class Desk:
    """A voice with a real memory, and what it reported."""

    def __init__(self, settings: Speaker, folder: Path) -> None:
        self.reports: SimpleQueue[Data] = SimpleQueue()
        self.memory = AnnouncementMemory(folder / "memory.sqlite")
        (sink,) = make_sinks(settings, "s", CLOCK)
        self.voice = SpeakerWorker(
            sink, settings, self.memory, CLOCK,
            quiet=lambda _: False, report=self.reports.put, tell=lambda _: None,
        )  # fmt: skip
        self.voice.start()

    def next(self) -> Data:
        return self.reports.get(timeout=WAIT_S)

    def close(self) -> None:
        self.voice.end(finish=False)
        self.voice.join(WAIT_S)
        assert not self.voice.healthy
        self.memory.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Callable[[Speaker], Desk]]:
    made: list[Desk] = []

    def make(settings: Speaker) -> Desk:
        made.append(Desk(settings, tmp_path))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """ALSA's configuration, in which the default device is a card that is not there."""
    path = tmp_path / "asound.conf"
    path.write_text("pcm.!default { type hw; card 31 }")
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(path))
    monkeypatch.setattr(voice_module, "_RETRY", Backoff(0.02, 0.02))
    monkeypatch.setattr(player_module, "CARDS", tmp_path / "cards")
    (tmp_path / "cards").write_text(" 0 [Other          ]: USB-Audio - of whatever machine this is\n")
    return path


def plug_in(conf: Path) -> Path:
    """The default device writes to a file from now on; returns the file."""
    out = conf.with_name("heard.raw")
    new = conf.with_name("new.conf")
    new.write_text(f'pcm.!default {{ type file; slave.pcm {{ type null }} file "{out}"; format "raw" }}')
    new.replace(conf)
    return out


def test_a_card_that_is_plugged_in_while_the_violation_is_fresh_sounds(
    desk: type, conf: Path, eventually: Callable[..., None]
) -> None:
    settings = Speaker(hold_s=0, max_age_s=60, languages=("en",))
    one = desk(settings)
    one.voice.offer(heard())
    eventually(lambda: one.voice.state.problem)
    assert "audio open error" in one.voice.state.problem
    out = plug_in(conf)
    report = one.next()
    assert isinstance(report, AnnouncementPlayed)
    assert out.read_bytes().startswith(read(sounds_of(settings)[0]).samples)
    assert one.voice.state.problem is None
    assert (one.voice.state.announced, one.voice.state.failed, one.voice.state.last) == (1, 0, "v1")


def test_a_machine_without_a_card_says_so_at_the_start(
    desk: type, conf: Path, caplog: pytest.LogCaptureFixture
) -> None:
    conf.with_name("cards").write_text("--- no soundcards ---\n")
    one = desk(Speaker())
    assert "s: speaker.output 'default': there is no sound card now" in caplog.text
    assert "no sound card" in one.voice.state.problem


def test_a_flood_of_violations_is_one_line_in_the_log(
    desk: type, conf: Path, eventually: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    one = desk(Speaker(max_age_s=1e6))  # and no card: the first one is tried for ever
    one.voice.offer(heard())
    eventually(lambda: one.voice.state.problem)
    for i in range(150):
        one.voice.offer(heard(f"of the flood {i}"))
    assert one.voice.state.waiting == 100
    assert caplog.text.count("dropped violation of the flood") == 1


def test_a_card_that_stays_away_is_reported_once_when_it_is_too_late(desk: type, conf: Path) -> None:
    one = desk(Speaker(hold_s=0, max_age_s=0.3))
    one.voice.offer(heard())
    report = one.next()
    assert isinstance(report, AnnouncementFailed)
    assert (report.violation, report.speaker) == ("v1", "s")
    assert "audio open error: No such" in report.reason
    assert one.voice.state.failed == 1
    plug_in(conf)
    one.voice.offer(heard("v1"))
    one.voice.offer(heard("v2"))
    following = one.next()
    assert isinstance(following, AnnouncementPlayed)
    assert following.violation == "v2"
    assert one.reports.empty()


def test_a_busy_card_is_tried_again(
    desk: type, conf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = shutil.which("aplay")
    assert real, "aplay is missing; install it with: apt install alsa-utils"
    out, tries, program = plug_in(conf), tmp_path / "tries", tmp_path / "bin" / "aplay"
    program.parent.mkdir()
    # No test has a card that somebody else holds; these are aplay's words when one is.
    program.write_text(
        f'#!/bin/sh\necho x >> {tries}\n[ "$(wc -l < {tries})" -gt 2 ] && exec {real} "$@"\n'
        'echo "aplay: main:831: audio open error: Device or resource busy" >&2\nexit 1\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    one = desk(Speaker(hold_s=0, max_age_s=60, languages=("en",)))
    one.voice.offer(heard())
    assert isinstance(one.next(), AnnouncementPlayed)
    assert len(tries.read_text().splitlines()) == 3
    assert out.stat().st_size > 0


def test_the_end_interrupts_the_wait_for_the_next_attempt(
    desk: type, conf: Path, monkeypatch: pytest.MonkeyPatch, eventually: Callable[..., None]
) -> None:
    monkeypatch.setattr(voice_module, "_RETRY", Backoff(7200.0, 7200.0))
    one = desk(Speaker(max_age_s=1e6))
    one.voice.offer(heard())
    eventually(lambda: one.voice.state.problem)
    one.voice.end(finish=False)
    assert isinstance(one.next(), AnnouncementFailed)
