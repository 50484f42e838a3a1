"""``maskgate speaker`` against a real broker: what goes in, what is heard, and what is reported."""

import json
import logging
import shutil
import socket
import subprocess
import threading
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from edge import speaker_service
from edge.clock import SystemClock
from edge.config import Config, Mqtt, OutboxConfig, Site, Speaker
from edge.speaker.player import sounds_of
from edge.speaker_service import SpeakerService, run_speaker

WAIT_S = 20.0
CAMERA = "maskgate/v1/hq/north-door/event"
REPORTS = "maskgate/v1/hq/north-door-speaker/event"
STATUS = "maskgate/v1/hq/north-door-speaker/status"


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """A mosquitto of the test's own, which knows no earlier session; yields its port."""
    program = shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")
    assert program, "mosquitto is missing; install it with: apt install mosquitto"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
    conf = tmp_path / "mosquitto.conf"
    conf.write_text(f"listener {number} 127.0.0.1\nallow_anonymous true\n")
    with subprocess.Popen([program, "-c", str(conf), "-v"], stderr=subprocess.PIPE, text=True) as broker:
        assert broker.stderr
        assert any("running" in line for line in broker.stderr), "mosquitto did not start"
        drain = threading.Thread(target=broker.stderr.read)
        drain.start()
        yield number
        broker.terminate()
        drain.join()


class Ops:
    """The ops centre, and the camera: publishes violations and hears everything."""

    def __init__(self, port: int) -> None:
        self.heard: SimpleQueue[tuple[str, bytes, bool]] = SimpleQueue()
        subscribed = threading.Event()
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        self.client.on_message = lambda _c, _d, m: self.heard.put((m.topic, m.payload, m.retain))
        self.client.on_subscribe = lambda *_: subscribed.set()
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self.client.subscribe("maskgate/#", 1)
        assert subscribed.wait(WAIT_S)

    def say(self, payload: bytes, topic: str = CAMERA, *, retain: bool = False) -> None:
        self.client.publish(topic, payload, 1, retain).wait_for_publish(WAIT_S)

    def violation(self, name: str, age_s: float = 0.0) -> None:
        time = datetime.now(timezone.utc) - timedelta(seconds=age_s)
        data = {"violation": name, "clock_trusted": True, "replayed": False}
        self.say(json.dumps({"type": "violation.opened", "time": time.isoformat(), "data": data}).encode())

    def next(self, topic: str) -> dict[str, Any]:
        """The next message on a topic; the others before it are passed over."""
        while True:
            heard, payload, _ = self.heard.get(timeout=WAIT_S)
            if heard == topic:
                return dict(json.loads(payload))

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def ops(port: int) -> Iterator[Ops]:
    centre = Ops(port)
    yield centre
    centre.close()


@pytest.fixture
def config(port: int, tmp_path: Path) -> Config:
    """A speaker that writes what is heard to a file."""
    return Config(
        site=Site(id="hq", device="north-door"),
        mqtt=Mqtt(host="127.0.0.1", port=port),
        outbox=OutboxConfig(path=tmp_path / "outbox.sqlite"),
        speaker=Speaker(output=str(tmp_path / "heard.wav"), hold_s=0.0),
    )


def wait_until_listening(ops: Ops) -> None:
    """Until the broker gives the speaker messages: probes are published until one was dropped as nonsense."""
    listening = threading.Event()
    handler = logging.Handler()
    handler.emit = lambda _record: listening.set()  # type: ignore[method-assign]
    log = logging.getLogger("edge.speaker.message")
    log.addHandler(handler)
    try:
        for _ in range(int(WAIT_S / 0.05)):
            ops.say(b"a probe that is no event")
            if listening.wait(0.05):
                return
    finally:
        log.removeHandler(handler)
    pytest.fail("the speaker gets no messages")


@pytest.fixture
def start(ops: Ops) -> Iterator[Callable[[Config], SpeakerService]]:
    """Starts a speaker that hears the broker when the call returns; closes it in the end."""
    running: list[SpeakerService] = []

    def begin(config: Config) -> SpeakerService:
        service = SpeakerService(config, clock=SystemClock())
        service.start()
        running.append(service)
        wait_until_listening(ops)
        return service

    yield begin
    for service in running:
        if service.healthy:  # else the test has closed it
            service.close()


Start = Callable[[Config], SpeakerService]


def announcements(config: Config) -> float:
    """How often the announcement, sample by sample and nothing else, came out."""
    wanted = b"".join(_frames(sound) for sound in sounds_of(config.speaker))
    came_out = _frames(Path(config.speaker.output)) if Path(config.speaker.output).exists() else b""
    assert came_out == wanted * (len(came_out) // len(wanted))
    return len(came_out) / len(wanted)


def _frames(path: Path) -> bytes:
    with wave.open(str(path)) as sound:
        return sound.readframes(sound.getnframes())


def test_a_violation_is_announced_and_reported(ops: Ops, config: Config, start: Start) -> None:
    start(config)
    ops.violation("v1")
    report = ops.next(REPORTS)
    assert report["type"] == "announcement.played"
    assert report["source"] == "/maskgate/hq/north-door-speaker"
    data = report["data"]
    assert (data["violation"], data["speaker"], data["language"]) == ("v1", "north-door-speaker", "id,en")
    assert 0 <= data["delay_s"] < WAIT_S
    assert announcements(config) == 1


def test_repeats_old_ones_and_nonsense_stay_unsaid_and_harm_nothing(
    ops: Ops, config: Config, start: Start
) -> None:
    service = start(config)
    ops.violation("v1")
    ops.violation("v1")
    ops.violation("yesterday", age_s=86_400)
    for nonsense in (b"", b"\xff\x00", b"[" * 50_000, b'{"type": "violation.opened"}', b"x" * 1_000_000):
        ops.say(nonsense)
    ops.say(b'{"type": "camera.fault", "time": "2026-06-01T12:00:00Z", "data": {"state": "opened"}}')
    ops.violation("v2")
    reports = [ops.next(REPORTS) for _ in range(2)]
    assert [(r["type"], r["data"]["violation"]) for r in reports] == [
        ("announcement.played", "v1"),
        ("announcement.played", "v2"),
    ]
    assert [r["sequence"] for r in reports] == ["000000000001", "000000000002"]
    assert announcements(config) == 2
    assert service.healthy


def test_a_retained_violation_is_not_announced(ops: Ops, config: Config, start: Start) -> None:
    fresh = {"violation": "ghost", "clock_trusted": False}
    event = {"type": "violation.opened", "time": "2026-06-01T12:00:00Z", "data": fresh}
    ops.say(json.dumps(event).encode(), retain=True)
    start(config)
    ops.violation("v1")
    assert ops.next(REPORTS)["data"]["violation"] == "v1"
    assert announcements(config) == 1


def test_a_crowd_hears_one_announcement(ops: Ops, config: Config) -> None:
    held = changed(config, hold_s=3600.0)
    lines: SimpleQueue[str] = SimpleQueue()
    with run(held, lines) as codes:
        wait_until_listening(ops)
        for name in ("a", "b", "c"):
            ops.violation(name)
        said = [lines.get(timeout=WAIT_S) for _ in range(3)]
    assert said[0].startswith("violation a: announced (id,en) after 0.")
    assert said[1:] == ["violation b: not announced (held)", "violation c: not announced (held)"]
    assert announcements(config) == 1
    assert codes == [0]


def test_it_says_when_it_comes_and_when_it_goes(ops: Ops, config: Config) -> None:
    with run(config, SimpleQueue()):
        assert ops.next(STATUS)["state"] == "online"
    farewell = ops.next(STATUS)
    assert (farewell["state"], farewell["reason"]) == ("offline", "stopped")


def test_a_fresh_violation_of_its_absence_is_announced_an_old_one_is_not(
    ops: Ops, config: Config, start: Start
) -> None:
    start(config).close()
    ops.violation("old", age_s=3600)
    ops.violation("fresh")
    start(config)
    assert ops.next(REPORTS)["data"]["violation"] == "fresh"
    assert announcements(config) == 1


def test_what_could_not_be_heard_is_reported_with_the_reason(ops: Ops, config: Config, start: Start) -> None:
    start(changed(config, output="/nowhere/heard.wav"))
    ops.violation("v1")
    report = ops.next(REPORTS)
    assert report["type"] == "announcement.failed"
    assert report["data"]["violation"] == "v1"
    assert "'/nowhere/heard.wav': can't be written" in report["data"]["reason"]


def test_the_end_waits_for_what_is_due_if_it_is_told_to(ops: Ops, config: Config, start: Start) -> None:
    service = start(config)
    for i in range(20):
        ops.violation(str(i))
    wait_until_listening(ops)  # what comes after them has arrived: so have they
    service.close(finish_s=WAIT_S)
    assert announcements(config) == 20
    assert [ops.next(REPORTS)["data"]["violation"] for _ in range(20)] == [str(i) for i in range(20)]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_unexpected_error_ends_the_process_so_that_systemd_starts_it_again(
    ops: Ops, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speaker_service, "_LOOK_S", 0.02)

    def broken(line: str) -> None:
        raise ZeroDivisionError(line)

    feed = threading.Thread(target=lambda: (wait_until_listening(ops), ops.violation("v1")))
    feed.start()
    assert run_speaker(config, clock=SystemClock(), stop=threading.Event(), announce=broken) == 1
    feed.join(WAIT_S)


def changed(config: Config, **speaker: object) -> Config:
    return config.model_copy(update={"speaker": config.speaker.model_copy(update=speaker)})


@contextmanager
def run(config: Config, lines: "SimpleQueue[str]") -> Iterator[list[int]]:
    """``run_speaker`` while the block lasts; yields a list that then holds its exit code."""
    stop, codes = threading.Event(), list[int]()
    thread = threading.Thread(
        target=lambda: codes.append(run_speaker(config, clock=SystemClock(), stop=stop, announce=lines.put))
    )
    thread.start()
    try:
        yield codes
    finally:
        stop.set()
        thread.join(WAIT_S)
