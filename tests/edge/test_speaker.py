"""Which violations are announced, and that what is announced comes out, sample by sample."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import wave
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.clock import SystemClock
from edge.config import Config, Speaker
from edge.errors import ConfigError, SpeakerError
from edge.events import (
    EXPIRY_S,
    AnnouncementFailed,
    AnnouncementPlayed,
    Data,
    Place,
    ViolationOpened,
    cloud_event,
    new_event,
)
from edge.mqtt import IncomingMessage
from edge.service.violation_receiver import kept_s
from edge.sim.manual_clock import ManualClock
from edge.speaker import announcer as announcer_module
from edge.speaker import player as player_module
from edge.speaker.announcer import AnnouncementChoice, AnnouncementMoment, Announcer, ReceivedViolation, age_s
from edge.speaker.device_clocks import DeviceClocks, clock_problems
from edge.speaker.log_throttle import LogThrottle
from edge.speaker.player import AplayPlayer, WavPlayer, choose_player, has_sound_card, missing_card
from edge.speaker.received_event import SIZE_MAX, NoEventError, announced, parse
from edge.speaker.recordings import sounds_of

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=timezone.utc)
SETTINGS = Speaker(hold_s=10.0, max_age_s=5.0)
SHIPPED = sounds_of(Speaker())


def heard(
    violation: str = "v1", at_s: float = 0.0, received_s: float = 0.0, **more: object
) -> ReceivedViolation:
    """A violation of ``at_s`` after noon that came in when the monotonic clock said ``received_s``."""
    values: dict[str, Any] = {"type": "violation.opened", "clock_trusted": True, **more}
    return ReceivedViolation(
        violation=violation, time=NOON + timedelta(seconds=at_s), received_s=received_s, **values
    )


def now(s: float = 0.0, *, clock_trusted: bool = True) -> AnnouncementMoment:
    return AnnouncementMoment(s, NOON + timedelta(seconds=s), clock_trusted)


# --- the decision


def test_a_muted_device_is_not_announced_and_never_will_be() -> None:
    announcer = Announcer(SETTINGS)
    assert announcer.judge(heard("v1", muted=True), now()) is AnnouncementChoice.MUTED
    assert announcer.judge(heard("v1"), now(1)) is AnnouncementChoice.REPEAT
    assert announcer.judge(heard("v2"), now(1)) is AnnouncementChoice.PLAY


def test_trying_the_speaker_works_whatever_its_zones_are() -> None:
    announcer = Announcer(SETTINGS.model_copy(update={"zones": ("lobby",)}))
    assert announcer.judge(heard("v1", zone="yard"), now()) is AnnouncementChoice.OTHER_ZONE
    assert announcer.judge(heard("test-1", type="announcement.requested"), now()) is AnnouncementChoice.PLAY


def test_a_violation_is_announced_once() -> None:
    announcer = Announcer(SETTINGS)
    choices = [announcer.judge(heard(v), now()) for v in ("a", "a", "b", "a")]
    assert choices == [
        AnnouncementChoice.PLAY,
        AnnouncementChoice.REPEAT,
        AnnouncementChoice.PLAY,
        AnnouncementChoice.REPEAT,
    ]


def test_other_events_are_not_announced_and_do_not_hide_the_violation() -> None:
    announcer = Announcer(SETTINGS)
    assert announcer.judge(heard(type="violation.closed"), now()) is AnnouncementChoice.NOT_A_VIOLATION
    assert announcer.judge(heard(""), now()) is AnnouncementChoice.NOT_A_VIOLATION
    assert announcer.judge(heard(), now()) is AnnouncementChoice.PLAY


@pytest.mark.parametrize(
    ("age_s", "choice"),
    [(5.0, AnnouncementChoice.PLAY), (5.1, AnnouncementChoice.TOO_OLD), (86_400, AnnouncementChoice.TOO_OLD)],
)
def test_what_is_older_than_max_age_is_not_announced(age_s: float, choice: AnnouncementChoice) -> None:
    assert Announcer(SETTINGS).judge(heard(at_s=-age_s), now()) is choice


@pytest.mark.parametrize(
    ("event", "moment"),
    [
        (heard(at_s=-86_400, clock_trusted=False), now()),
        (heard(at_s=-86_400), now(clock_trusted=False)),
        (heard(at_s=+86_400), now()),
    ],
    ids=["the sender's clock is wrong", "our clock is wrong", "from the future"],
)
def test_a_clock_that_cannot_be_right_is_not_asked_for_the_age(
    event: ReceivedViolation, moment: AnnouncementMoment
) -> None:
    assert Announcer(SETTINGS).judge(event, moment) is AnnouncementChoice.PLAY


@pytest.mark.parametrize("at_s", [-30.0, -86_400.0, 0.0, 86_400.0])
def test_what_comes_live_counts_from_its_arrival_whatever_the_devices_clock_says(at_s: float) -> None:
    live = heard(at_s=at_s, received_s=100.0, kept_s=0.0)
    assert age_s(live, now(100.5)) == 0.5
    assert Announcer(SETTINGS).judge(live, now(105)) is AnnouncementChoice.PLAY
    assert Announcer(SETTINGS).judge(live, now(105.1)) is AnnouncementChoice.TOO_OLD


def test_what_the_broker_kept_is_as_old_as_the_broker_says() -> None:
    kept = heard(at_s=86_400, received_s=100.0, kept_s=4.0)  # by a clock that is ahead it is still to come
    assert age_s(kept, now(100)) == 4.0
    assert Announcer(SETTINGS).judge(kept, now(101.1)) is AnnouncementChoice.TOO_OLD


def test_what_was_sent_late_is_dated_by_the_clocks_as_they_were_compared() -> None:
    behind = heard(at_s=-30, received_s=100.0, kept_s=0.0, replayed=True, happened_s=98.0)
    assert age_s(behind, now(100)) == 2.0
    ahead = heard(at_s=+3600, received_s=100.0, replayed=True, happened_s=10.0)
    assert age_s(ahead, now(100)) == 90.0
    never_compared = heard(at_s=-30, received_s=100.0, kept_s=0.0, replayed=True)
    assert age_s(never_compared, now(0)) == 30.0


def clock_report(time: datetime, *, clock_trusted: bool = True) -> bytes:
    return json.dumps({"time": time.isoformat(), "clock_trusted": clock_trusted, "fps": 1}).encode()


def test_the_difference_of_clocks_is_that_of_the_report_that_the_network_held_up_least() -> None:
    clocks = DeviceClocks()
    for arrival_s, delay_s in ((10, 0.2), (20, 9.0), (30, 0.1)):
        sent = NOON + timedelta(seconds=arrival_s - delay_s - 30)
        clocks.note("door", clock_report(sent), arrival_s, NOON + timedelta(seconds=arrival_s))
    assert clocks.differences_s(30) == {"door": -30.1}
    assert clocks.happened_s("door", NOON) == pytest.approx(30.1)
    (problem,) = clock_problems(clocks.differences_s(30))
    assert problem.startswith("the clock of door is 30 s behind this speaker's")
    assert clock_problems({"a": 4.9, "b": -4.9}) == []
    assert "a is 3600 s ahead of this" in clock_problems({"a": 3600.0})[0]
    assert clocks.differences_s(631) == {}
    clocks.note("door", clock_report(NOON, clock_trusted=False), 640, NOON)
    assert clocks.happened_s("door", NOON) is None


def test_when_our_own_clock_is_set_nothing_becomes_older_or_younger() -> None:
    clocks = DeviceClocks()
    for arrival_s, step_s in ((10, 0), (20, 5000), (30, 5000)):
        utc = NOON + timedelta(seconds=arrival_s + step_s)
        clocks.note("door", clock_report(NOON + timedelta(seconds=arrival_s)), arrival_s, utc)
        assert clocks.happened_s("door", NOON + timedelta(seconds=arrival_s)) == pytest.approx(arrival_s)


@given(st.lists(st.tuples(st.text(max_size=5), st.binary(max_size=60)), max_size=20))
def test_whatever_is_published_as_health_harms_nothing(messages: list[tuple[str, bytes]]) -> None:
    clocks = DeviceClocks()
    for device, payload in messages:
        clocks.note(device, payload, 0.0, NOON)


def test_devices_that_are_made_up_need_bounded_memory() -> None:
    clocks = DeviceClocks()
    for n in range(1000):
        clocks.note(f"d{n}", clock_report(NOON), 0.0, NOON)
    assert list(clocks.differences_s(0.0)) == [f"d{n}" for n in range(500, 1000)]


@pytest.mark.parametrize(
    ("expires_in_s", "maybe_kept", "expected"),
    [
        (EXPIRY_S, True, 0.0),  # it came while the queue was sent
        (EXPIRY_S - 40, False, 40.0),
        (None, False, 0.0),
        (None, True, None),
        (60, False, 0.0),  # another publisher's expiry says nothing
        (60, True, None),
        (EXPIRY_S + 1, True, None),
    ],
)
def test_how_long_a_message_waited_is_taken_from_our_own_expiry(
    expires_in_s: int | None, *, maybe_kept: bool, expected: float | None
) -> None:
    message = IncomingMessage("t", b"", retained=False, expires_in_s=expires_in_s, maybe_kept=maybe_kept)
    assert kept_s(message) == expected


def test_without_a_clock_the_wait_since_the_arrival_counts() -> None:
    assert (
        Announcer(SETTINGS).judge(heard(at_s=-86_400, clock_trusted=False), now(5.1))
        is AnnouncementChoice.TOO_OLD
    )


def test_a_wall_clock_that_jumps_back_while_a_violation_waits_makes_it_no_younger() -> None:
    jumped = AnnouncementMoment(6.0, NOON + timedelta(seconds=1), clock_trusted=True)
    assert Announcer(SETTINGS).judge(heard(), jumped) is AnnouncementChoice.TOO_OLD


def test_without_a_clock_what_was_sent_late_is_too_old() -> None:
    assert (
        Announcer(SETTINGS).judge(heard(clock_trusted=False, replayed=True), now())
        is AnnouncementChoice.TOO_OLD
    )
    assert (
        Announcer(SETTINGS).judge(heard(clock_trusted=True, replayed=True), now()) is AnnouncementChoice.PLAY
    )


def test_after_an_announcement_there_is_silence_for_hold_s() -> None:
    announcer = Announcer(SETTINGS)
    assert announcer.judge(heard("a"), now(0.0)) is AnnouncementChoice.PLAY
    announcer.played(3.0)
    assert announcer.judge(heard("b", 12.9, 12.9), now(12.9)) is AnnouncementChoice.HELD
    assert announcer.judge(heard("c", 13.0, 13.0), now(13.0)) is AnnouncementChoice.PLAY


def test_a_failed_announcement_holds_nothing_back() -> None:
    announcer = Announcer(SETTINGS)
    assert announcer.judge(heard("a"), now()) is AnnouncementChoice.PLAY  # and nobody calls played()
    assert announcer.judge(heard("b"), now()) is AnnouncementChoice.PLAY


def test_only_the_configured_zones_are_announced() -> None:
    announcer = Announcer(Speaker(zones=("lobby", "yard")))
    choices = [announcer.judge(heard(f"in {z}", zone=z), now()) for z in ("lobby", "yard", "roof", "")]
    assert choices == [
        AnnouncementChoice.PLAY,
        AnnouncementChoice.PLAY,
        AnnouncementChoice.OTHER_ZONE,
        AnnouncementChoice.OTHER_ZONE,
    ]


def test_quiet_hours_are_silent_but_not_by_a_clock_that_cannot_be_right() -> None:
    def quiet(utc: datetime) -> bool:
        return utc < NOON + timedelta(seconds=100)

    announcer = Announcer(SETTINGS, quiet=quiet)
    assert announcer.judge(heard("a"), now(0)) is AnnouncementChoice.QUIET_HOURS
    assert announcer.judge(heard("b"), now(0, clock_trusted=False)) is AnnouncementChoice.PLAY
    assert announcer.judge(heard("a", 100, 100), now(100)) is AnnouncementChoice.REPEAT
    assert announcer.judge(heard("c", 100, 100), now(100)) is AnnouncementChoice.PLAY


def test_what_was_decided_and_said_before_a_restart_still_counts() -> None:
    announcer = Announcer(SETTINGS, seen=["a"], last_s=90.0)
    assert announcer.judge(heard("a", 95, 95), now(95)) is AnnouncementChoice.REPEAT
    assert announcer.judge(heard("b", 99.9, 99.9), now(99.9)) is AnnouncementChoice.HELD
    assert announcer.judge(heard("c", 100, 100), now(100)) is AnnouncementChoice.PLAY


def test_the_memory_of_ids_is_bounded() -> None:
    announcer = Announcer(SETTINGS)
    for i in range(announcer_module.REMEMBERED + 1):
        announcer.judge(heard(str(i)), now())
    assert announcer.judge(heard("1"), now()) is AnnouncementChoice.REPEAT
    assert announcer.judge(heard("0"), now()) is AnnouncementChoice.PLAY  # forgotten: the oldest one


@given(
    st.lists(st.tuples(st.integers(0, 20), st.floats(-20, 1), st.floats(0, 8)), max_size=60),
    st.floats(0, 30),
    st.floats(0.5, 10),
)
def test_whatever_comes_no_id_twice_and_never_within_the_hold(
    arrivals: list[tuple[int, float, float]], hold_s: float, max_age_s: float
) -> None:
    announcer = Announcer(Speaker(hold_s=hold_s, max_age_s=max_age_s))
    t, played = 0.0, []
    for violation, offset_s, pause_s in arrivals:
        t += pause_s
        if announcer.judge(heard(str(violation), t + offset_s, t), now(t)) is AnnouncementChoice.PLAY:
            announcer.played(t)
            played.append((str(violation), t, offset_s))
    ids = [violation for violation, _, _ in played]
    assert len(ids) == len(set(ids))
    assert all(b - a >= hold_s - 1e-6 for (_, a, _), (_, b, _) in pairwise(played))
    assert all(-offset_s <= max_age_s + 1e-6 for _, _, offset_s in played)


# --- what is heard

OPENED = ViolationOpened(
    violation="v1", zone="lobby", track=1, score=0.1, face_width_px=80, seen_for_s=0.6, model="m"
)


def wire(**changes: object) -> dict[str, object]:
    """A violation as the device publishes it."""
    place = Place("hq", "north-door")
    event = new_event(OPENED, NOON, clock_trusted=True)
    return {**cloud_event(event, place, sequence=7, recorded=NOON, replayed=True), **changes}


def test_the_devices_own_events_are_understood() -> None:
    got = parse(json.dumps(wire()).encode(), 12.5)
    assert got == ReceivedViolation("violation.opened", "v1", NOON, True, 12.5, True, "lobby")
    assert json.loads(got.payload) == wire(id=json.loads(got.payload)["id"])
    assert not got.muted
    muted = wire(data={"violation": "v1", "muted": True})
    assert parse(json.dumps(muted).encode(), 12.5).muted


def test_an_announcement_that_was_heard_names_its_violation() -> None:
    def said(data: Data) -> bytes:
        event = new_event(data, NOON)
        return json.dumps(cloud_event(event, Place("hq", "n-speaker"), sequence=1, recorded=NOON)).encode()

    played = AnnouncementPlayed(violation="v1", speaker="n-speaker", language="id", delay_s=0.1)
    assert announced(said(played)) == "v1"
    assert announced(said(AnnouncementFailed(violation="v1", speaker="n-speaker", reason="no card"))) is None
    assert announced(json.dumps(wire()).encode()) is None
    assert announced(b"\xff") is None


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b"null",
        b"\xff\xfe",
        b"[" * 60_000,
        b'{"type": 1}',
        json.dumps(wire(time="yesterday")).encode(),
        json.dumps(wire(time="2026-06-01T12:00:00")).encode(),  # of no time zone
        json.dumps(wire(data=[])).encode(),
        json.dumps(wire(data={"violation": {"$gt": ""}})).encode(),
        json.dumps(wire(data={"violation": "v1\x1b[2J"})).encode(),
        json.dumps(wire(data={"violation": "v" * 201})).encode(),
        json.dumps(wire(data={"violation": "v1", "zone": "\x1b[2J"})).encode(),
        json.dumps(wire(filler="x" * SIZE_MAX)).encode(),
    ],
    ids=[
        "nothing",
        "no fields",
        "null",
        "not UTF-8",
        "brackets without end",
        "a number as type",
        "a time in words",
        "a time without a zone",
        "data that is a list",
        "a violation that is an object",
        "a violation that moves the cursor",
        "a violation of 201 characters",
        "a zone that moves the cursor",
        "larger than any event",
    ],
)
def test_hostile_messages_are_refused_in_few_words(payload: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(NoEventError, match=r"^a message ") as refused:
        parse(payload, 0.0)
    assert len(str(refused.value)) < 200
    assert announced(payload) is None
    assert caplog.text == ""


@pytest.mark.slow
@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.text(), st.lists).map(lambda x: json.dumps(x).encode())
)
def test_no_bytes_raise_anything_else(payload: bytes) -> None:
    with pytest.raises(NoEventError):
        parse(payload, 0.0)


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_the_ends_of_time_have_an_age(time: str) -> None:
    got = parse(json.dumps(wire(time=time)).encode(), 0.0)
    assert got
    assert Announcer(SETTINGS).judge(got, now()) is AnnouncementChoice.TOO_OLD


def test_a_flood_is_one_line_a_minute_with_a_count() -> None:
    seldom = LogThrottle()
    lines = [seldom.line(f"dropped {i}", i * 0.5) for i in range(241)]
    said = {i: line for i, line in enumerate(lines) if line is not None}
    assert said == {
        0: "dropped 0",
        120: "dropped 120; 119 more like it since the last such line",
        240: "dropped 240; 119 more like it since the last such line",
    }
    assert seldom.line("dropped", 10_000.0) == "dropped"


def test_a_few_lines_at_once_are_allowed_again_after_a_quiet_time() -> None:
    throttle = LogThrottle(every_s=10.0, burst=3)
    at = [0, 0, 0, 0, 9, 10, 11, 20, 1000, 1000, 1000, 1000]
    assert [throttle.line("x", float(s)) is not None for s in at] == [
        True, True, True, False, False, True, False, True, True, True, True, False,
    ]  # fmt: skip


# --- the shipped sounds


def samples(path: Path) -> NDArray[Any]:
    with wave.open(str(path)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (22_050, 1, 2)
        return np.frombuffer(sound.readframes(sound.getnframes()), np.int16)


@pytest.mark.parametrize("sound", SHIPPED, ids=lambda p: p.stem)
def test_shipped_sounds_start_at_once_and_are_loud_but_not_clipped(sound: Path) -> None:
    heard_samples = samples(sound).astype(float) / 32768
    assert 3 <= len(heard_samples) / 22_050 <= 8
    assert np.flatnonzero(np.abs(heard_samples) > 0.02)[0] < 0.01 * 22_050
    assert 0.6 < np.abs(heard_samples).max() < 0.95
    assert heard_samples.std() > 0.08


@pytest.mark.slow
def test_the_documented_command_makes_the_shipped_sounds(tmp_path: Path) -> None:
    assert shutil.which("espeak-ng"), "espeak-ng is missing; install it with: apt install espeak-ng"
    subprocess.run([sys.executable, "-m", "edge.speaker.make_sounds", str(tmp_path)], check=True)
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["en.wav", "id.wav"]
    for sound in SHIPPED:
        # Another release of espeak-ng speaks a little differently.
        assert len(samples(tmp_path / sound.name)) == pytest.approx(len(samples(sound)), rel=0.15)


def test_a_language_without_a_recording_is_a_mistake_in_the_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"speaker\.languages: .*fr\.wav: no such recording.* en, id"):
        sounds_of(Speaker(languages=("id", "fr")))
    (tmp_path / "id.wav").write_bytes(b"RIFF")
    with pytest.raises(ConfigError, match=r"id\.wav: not a PCM WAV file.*too early"):
        sounds_of(Speaker(sounds=tmp_path, languages=("id",)))


# --- what comes out


@pytest.fixture
def alsa(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """ALSA whose default device writes what it is given to a file; returns the file."""
    assert shutil.which("aplay"), "aplay is missing; install it with: apt install alsa-utils"
    out = tmp_path / "heard.raw"
    conf = tmp_path / "asound.conf"
    conf.write_text(f'pcm.!default {{ type file; slave.pcm {{ type null }} file "{out}"; format "raw" }}')
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(conf))
    return out


class Until(threading.Event):
    """A stop event that sets itself once a path exists; meanwhile a manual clock moves instead of time."""

    def __init__(self, path: Path, clock: ManualClock) -> None:
        super().__init__()
        self._path, self._clock = path, clock

    def wait(self, timeout: float | None = None) -> bool:
        self._clock.advance(timeout or 0)
        if self._path.exists():
            self.set()
        return super().wait(0)


@pytest.fixture
def stuck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An aplay that never comes back and ignores SIGTERM, as a hanging driver does; returns its pid file."""
    pid, program = tmp_path / "pid", tmp_path / "aplay"
    program.write_text(f"#!/bin/sh\ntrap '' TERM\necho $$ > {pid}.new\nmv {pid}.new {pid}\nexec sleep 1000\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(player_module, "GRACE_S", 0.05)
    return pid


def assert_gone(pid: Path) -> None:
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_alsa_gets_exactly_the_samples_of_the_announcement(alsa: Path) -> None:
    clock = SystemClock()
    before_s = clock.monotonic()
    played = choose_player(Speaker(), clock).play(SHIPPED, threading.Event())
    assert before_s <= played.started_s <= played.ended_s <= clock.monotonic()
    came_out, at, between = alsa.read_bytes(), 0, []
    for sound in SHIPPED:
        wanted = samples(sound).tobytes()
        start = came_out.find(wanted, at)
        assert start >= at, f"{sound.name} did not come out"
        between.append(came_out[at:start])
        at = start + len(wanted)
    # aplay fills each file's last period, an eighth of a second, with silence; nothing else may be heard.
    assert all(len(gap) <= 22_050 * 2 / 8 and not any(gap) for gap in [*between, came_out[at:]])
    assert between[0] == b""


def test_an_aplay_that_hangs_is_ended_after_the_sounds_length_and_a_spare(
    stuck: Path, tmp_path: Path
) -> None:
    clock = ManualClock()
    with pytest.raises(SpeakerError, match=r"'default': not done after 16 s"):
        AplayPlayer("default", clock).play(SHIPPED, Until(tmp_path / "never", clock))
    assert 15.9 < clock.monotonic() < 16.1  # 6.6 s and 4.4 s of sound, 5 s to spare
    if stuck.exists():
        assert_gone(stuck)


def test_stop_ends_aplay_at_once(stuck: Path) -> None:
    with pytest.raises(SpeakerError, match="interrupted"):
        AplayPlayer("default", SystemClock()).play(SHIPPED, Until(stuck, ManualClock()))
    assert_gone(stuck)


def test_an_aplay_that_can_not_even_be_killed_holds_nothing_up(
    stuck: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    left: list[subprocess.Popen[bytes]] = []

    class Undead(subprocess.Popen[bytes]):
        """A driver that hangs keeps its process from dying, which no test can bring about."""

        def kill(self) -> None:
            left.append(self)

    monkeypatch.setattr(subprocess, "Popen", Undead)
    with pytest.raises(SpeakerError, match="interrupted"):
        AplayPlayer("default", SystemClock()).play(SHIPPED, Until(stuck, ManualClock()))
    (process,) = left
    assert f"aplay (process {process.pid}) can't be ended" in caplog.text
    process.send_signal(signal.SIGKILL)
    process.wait(20.0)


def test_a_missing_device_is_named_in_aplays_own_words(alsa: Path) -> None:
    with pytest.raises(SpeakerError, match=r"'plughw:CARD=Nope'.*audio open error: No such file.*aplay -L"):
        AplayPlayer("plughw:CARD=Nope", SystemClock()).play(SHIPPED, threading.Event())


def test_a_missing_aplay_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SpeakerError, match="apt install alsa-utils"):
        AplayPlayer("default", SystemClock()).play(SHIPPED, threading.Event())


# --- a WAV file instead of a card


def test_the_wav_file_holds_the_announcements_one_after_the_other(tmp_path: Path) -> None:
    out = tmp_path / "announcement.wav"
    player = choose_player(Speaker(output=str(out)), SystemClock())
    assert isinstance(player, WavPlayer)
    player.play(SHIPPED, threading.Event())
    player.play(SHIPPED[:1], threading.Event())
    wanted = np.concatenate([samples(p) for p in [*SHIPPED, SHIPPED[0]]])
    assert np.array_equal(samples(out), wanted)
    assert list(tmp_path.iterdir()) == [out]


def test_the_wav_file_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    player = WavPlayer(tmp_path / "x.wav", SystemClock())
    once = SHIPPED[0].stat().st_size
    monkeypatch.setattr(player_module, "WAV_MAX", 1.5 * once)
    sizes = []
    for _ in range(4):
        player.play(SHIPPED[:1], threading.Event())
        sizes.append(round((tmp_path / "x.wav").stat().st_size / once, 2))
    assert sizes == [1, 2, 1, 2]


def test_a_wav_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpeakerError, match=r"missing/x\.wav.*can't be written: .*No such file"):
        WavPlayer(tmp_path / "missing" / "x.wav", SystemClock()).play(SHIPPED, threading.Event())


def test_recordings_of_different_form_do_not_go_into_one_wav_file(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "id.wav"), "wb") as other:
        other.setframerate(48_000)
        other.setnchannels(2)
        other.setsampwidth(2)
        other.writeframes(bytes(400))
    with pytest.raises(SpeakerError, match=r"id\.wav: 48000 Hz, 2 channel\(s\), 16 bit does not match"):
        WavPlayer(tmp_path / "out.wav", SystemClock()).play(
            [SHIPPED[0], tmp_path / "id.wav"], threading.Event()
        )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (" 0 [Device         ]: USB-Audio - USB Audio Device\n      C-Media USB Audio at usb-1\n", True),
        ("--- no soundcards ---\n", False),
        ("", False),
    ],
)
def test_a_sound_card_is_what_the_kernel_lists(tmp_path: Path, text: str, found: object) -> None:
    (tmp_path / "cards").write_text(text)
    assert has_sound_card(tmp_path / "cards") is found
    assert has_sound_card(tmp_path / "none") is False


@pytest.mark.parametrize(
    ("device", "complaint"),
    [
        ("plughw:CARD=Device,DEV=0", None),
        ("plughw:CARD=0", None),
        ("default", None),
        ("plughw:CARD=Nope,DEV=0", "no sound card is called Nope now (there: vc4hdmi0, Device)"),
    ],
)
def test_a_card_that_is_not_there_is_said_before_anybody_needs_it(
    tmp_path: Path, device: str, complaint: str | None
) -> None:
    cards = tmp_path / "cards"
    cards.write_text(
        " 0 [vc4hdmi0       ]: vc4-hdmi - vc4-hdmi-0\n                      vc4-hdmi-0\n"
        " 1 [Device         ]: USB-Audio - USB Audio Device\n                      C-Media at usb-1\n"
    )
    said = missing_card(device, cards)
    assert said == complaint if complaint is None else complaint in str(said)


@pytest.mark.parametrize(
    ("device", "complaint"),
    [
        ("plughw:CARD=Device", "(there: none)"),
        ("default", "'default': there is no sound card now"),
        ("hw:0,0", "there is no sound card now"),
        ("plughw:CARD=0", "there is no sound card now"),
        ("pipewire", None),
    ],
)
def test_without_any_card_what_needs_one_is_missing_it(
    tmp_path: Path, device: str, complaint: str | None
) -> None:
    said = missing_card(device, tmp_path / "none")
    assert said == complaint if complaint is None else complaint in str(said)


def test_a_default_that_sounds_without_a_card_leads_elsewhere(
    alsa: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(player_module, "CARDS", tmp_path / "none")
    player = AplayPlayer("default", SystemClock())
    assert "no sound card" in str(player.problem)
    player.play(SHIPPED, threading.Event())
    assert alsa.stat().st_size > 0
    assert player.problem is None


def test_defaults_speak_both_languages_through_alsa() -> None:
    assert isinstance(choose_player(Config().speaker, SystemClock()), AplayPlayer)
    assert [p.stem for p in SHIPPED] == ["id", "en"]
