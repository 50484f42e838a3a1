"""``maskgate speaker`` against a real broker: what goes in, what is heard, and what is reported."""

import json
import logging
import resource
import secrets
import shutil
import socket
import subprocess
import threading
import wave
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import paho.mqtt.client as paho
import pytest
from mosquitto import drop_connection
from paho.mqtt.enums import CallbackAPIVersion

from edge.clock import SystemClock
from edge.config import Config, Mqtt, OutboxConfig, Reporting, SiteConfig, Speaker, Webhook
from edge.errors import ConfigError
from edge.events import EXPIRY_S
from edge.mqtt import MqttLink
from edge.service import speaker as speaker_service
from edge.service.speaker import SpeakerService, run_speaker
from edge.sim.manual_clock import START, ManualClock
from edge.speaker.local import LocalSender
from edge.speaker.recordings import sounds_of

pytestmark = pytest.mark.process

WAIT_S = 20.0
CAMERA = "maskgate/v1/hq/north-door/event"
REPORTS = "maskgate/v1/hq/north-door-speaker/event"
STATUS = "maskgate/v1/hq/north-door-speaker/status"
PROBE = "the probe"


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
        broker.kill()  # SIGTERM is lost on a mosquitto that has only just said that it is running
        drain.join()


class Ops:
    """The ops centre, and the camera: publishes violations and hears everything."""

    def __init__(self, port: int) -> None:
        self.heard: SimpleQueue[tuple[str, bytes, bool]] = SimpleQueue()
        subscribed = threading.Event()
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        self.client.on_message = lambda _c, _d, m: self.heard.put((m.topic, bytes(m.payload), m.retain))
        self.client.on_subscribe = lambda *_: subscribed.set()
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self.client.subscribe("maskgate/#", 1)
        assert subscribed.wait(WAIT_S)

    def say(self, payload: bytes, topic: str = CAMERA, *, retain: bool = False) -> None:
        self.client.publish(topic, payload, 1, retain).wait_for_publish(WAIT_S)

    def violation(self, name: str, age_s: float = 0.0, *, replayed: bool = False) -> None:
        time = datetime.now(timezone.utc) - timedelta(seconds=age_s)
        data = {"violation": name, "clock_trusted": True, "replayed": replayed}
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
        site=SiteConfig(id="hq", device="north-door"),
        mqtt=Mqtt(host="127.0.0.1", port=port),
        outbox=OutboxConfig(path=tmp_path / "outbox.sqlite"),
        speaker=Speaker(output=str(tmp_path / "heard.wav"), hold_s=0.0),
    )


def wait_until_listening(ops: Ops) -> None:
    """Until the speaker has judged a violation of long ago, and with it all that was published before."""
    probe, listening = f"{PROBE} {secrets.token_hex(8)}", threading.Event()
    handler = logging.Handler()
    handler.emit = lambda record: listening.set() if probe in record.getMessage() else None  # type: ignore[method-assign]
    log = logging.getLogger("edge.service.speaker")
    level = log.level
    log.setLevel(logging.INFO)
    log.addHandler(handler)
    try:
        for _ in range(int(WAIT_S / 0.05)):
            ops.violation(probe, age_s=86_400, replayed=True)
            if listening.wait(0.05):
                return
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
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


def test_repeats_old_ones_and_nonsense_are_not_announced_and_harm_nothing(
    ops: Ops, config: Config, start: Start
) -> None:
    service = start(config)
    ops.violation("v1")
    ops.violation("v1")
    ops.violation("yesterday", age_s=86_400, replayed=True)
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


@pytest.mark.parametrize("behind_s", [30, 86_400])
def test_a_device_whose_clock_is_behind_is_announced_and_its_clock_is_named(
    ops: Ops, config: Config, start: Start, behind_s: float
) -> None:
    start(config.model_copy(update={"reporting": Reporting(health_every_s=1.0)}))
    ops.violation("v1", age_s=behind_s)
    assert ops.next(REPORTS)["data"]["violation"] == "v1"
    assert ops.next(STATUS.replace("status", "health"))["clock_differences_s"] == {}
    time = datetime.now(timezone.utc) - timedelta(seconds=behind_s)
    report = {"time": time.isoformat(), "clock_trusted": True}
    ops.say(json.dumps(report).encode(), CAMERA.replace("/event", "/health"))
    while (health := ops.next(STATUS.replace("status", "health")))["clock_differences_s"] == {}:
        pass
    ((device, difference_s),) = health["clock_differences_s"].items()
    assert device == CAMERA.split("/")[-2]
    assert -behind_s - 5 < difference_s <= -behind_s
    assert f"the clock of {device} is" in health["problems"][0]
    ops.violation("v2", age_s=behind_s + 3600, replayed=True)
    ops.violation("v3", age_s=behind_s, replayed=True)  # sent late, and still not old: the clocks are known
    assert ops.next(REPORTS)["data"]["violation"] == "v3"


def test_what_the_broker_kept_is_old_even_if_the_devices_clock_is_ahead(
    ops: Ops, config: Config, eventually: Any
) -> None:
    device = MqttLink(config.mqtt, "device")
    device.start()
    eventually(lambda: device.status.state == "online")
    lines: SimpleQueue[str] = SimpleQueue()

    def live() -> SpeakerService:
        service = SpeakerService(config, clock=SystemClock(), announce=lines.put)
        service.start()
        wait_until_listening(ops)
        return service

    def publish(name: str) -> None:
        time = datetime.now(timezone.utc) + timedelta(hours=1)
        data = {"violation": name, "clock_trusted": True}
        event = {"type": "violation.opened", "time": time.isoformat(), "data": data}
        expiry_s = EXPIRY_S - (int(config.speaker.max_age_s) + 1 if name == "kept" else 0)
        assert device.publish(CAMERA, json.dumps(event).encode(), expiry_s=expiry_s)

    live().close()
    publish("kept")  # as if the broker had kept it for longer: its clock counts whole seconds
    second = live()
    publish("fresh")
    seen = [lines.get(timeout=WAIT_S)]
    while "fresh" not in seen[-1]:
        seen.append(lines.get(timeout=WAIT_S))
    assert "violation kept: not announced (too_old)" in seen
    assert seen[-1].startswith("violation fresh: announced")
    second.close()
    device.stop(WAIT_S)


def test_what_could_not_be_played_is_reported_with_the_reason(ops: Ops, config: Config, start: Start) -> None:
    start(changed(config, output="/nowhere/heard.wav", max_age_s=0.2))
    ops.violation("v1")
    report = ops.next(REPORTS)
    assert report["type"] == "announcement.failed"
    assert report["data"]["violation"] == "v1"
    assert "'/nowhere/heard.wav': can't be written" in report["data"]["reason"]


def test_the_end_waits_for_what_is_due_if_asked_to(
    ops: Ops,
    config: Config,
    start: Start,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    eventually: Callable[..., None],
) -> None:
    go, said, program = tmp_path / "go", tmp_path / "said", tmp_path / "bin" / "aplay"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nwhile [ ! -e {go} ]; do sleep 0.01; done\necho >> {said}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    service = start(changed(config, output="default", max_age_s=3600.0))
    for i in range(10):
        ops.violation(str(i))
    eventually(lambda: service._workers[0].state.waiting == 9)  # and one sounds until it may go on
    end = threading.Thread(target=service.close, args=(WAIT_S,))
    end.start()
    eventually(lambda: service._workers[0].state.waiting == 10)  # the word to end is behind them
    go.touch()
    end.join(WAIT_S)
    assert said.read_text().count("\n") == 10
    assert [ops.next(REPORTS)["data"]["violation"] for _ in range(10)] == [str(i) for i in range(10)]


def test_a_flood_of_nonsense_is_one_line_in_the_log(
    ops: Ops, config: Config, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    start(config)
    for _ in range(20):
        ops.say(b"nonsense")
    wait_until_listening(ops)
    (line,) = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert line.startswith("dropped a message that is not an event: all of it: Invalid JSON")


def test_the_same_letters_in_another_site_are_another_client(
    ops: Ops, config: Config, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        for site, device in (("a-b", "c"), ("a", "b-c")):
            outbox = OutboxConfig(path=tmp_path / site / "outbox.sqlite")
            update = {"site": SiteConfig(id=site, device=device), "outbox": outbox}
            stack.enter_context(run(config.model_copy(update=update), SimpleQueue()))
            assert ops.next(f"maskgate/v1/{site}/{device}-speaker/status")["state"] == "online"
        ops.say(violation("v1"), "maskgate/v1/a-b/c/event")
        # The first one still has its connection: it does not say again that it is there.
        while (topic := ops.heard.get(timeout=WAIT_S)[0]) != "maskgate/v1/a-b/c-speaker/event":
            assert not topic.endswith("/status")


def test_the_will_tells_when_the_connection_began(
    ops: Ops, config: Config, eventually: Callable[..., None]
) -> None:
    clock = ManualClock()
    service = SpeakerService(config, clock=clock)
    clock.advance(3600.0)
    service.start()
    try:
        ops.next(STATUS)
        eventually(lambda: service._link._online)
        drop_connection(service._link)
        will = ops.next(STATUS)
        assert (will["state"], will["reason"]) == ("offline", "the connection was lost")
        assert datetime.fromisoformat(will["time"].replace("Z", "+00:00")) == START + timedelta(hours=1)
    finally:
        clock.advance(3600.0)
        service.close()


def test_a_disk_without_room_does_not_silence_it(ops: Ops, config: Config) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))  # no file of this process may grow
    try:
        service = SpeakerService(config, clock=SystemClock())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    problems = service._health().problems
    service.start()
    service.close()
    assert len(problems) == 2
    assert "speaker-outbox.sqlite can't be written" in problems[0]
    assert "speaker-memory.sqlite: the speaker's memory can't be written" in problems[1]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_unexpected_error_ends_the_process_so_that_systemd_starts_it_again(
    ops: Ops, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speaker_service, "_LOOK_S", 0.02)

    def broken(line: str) -> None:
        if PROBE not in line:
            raise ZeroDivisionError(line)

    def publish() -> None:
        wait_until_listening(ops)
        ops.violation("v1")

    feed = threading.Thread(target=publish)
    feed.start()
    assert run_speaker(config, clock=SystemClock(), stop=threading.Event(), announce=broken) == 1
    feed.join(WAIT_S)


# --- the local path


@pytest.fixture
def local(config: Config, tmp_path: Path) -> Config:
    """A speaker that a device on this machine can talk to."""
    return changed(config, socket=tmp_path / "local.sock")


@pytest.fixture
def device(local: Config) -> Iterator[LocalSender]:
    """The device's end of the local path."""
    assert local.speaker.socket
    sender = LocalSender(local.speaker.socket, SystemClock())
    yield sender
    sender.close()


def violation(name: str, **more: object) -> bytes:
    data = {"violation": name, "clock_trusted": True, "replayed": False, **more}
    event = {"type": "violation.opened", "time": datetime.now(timezone.utc).isoformat(), "data": data}
    return json.dumps(event).encode()


def test_without_a_broker_the_local_path_announces_and_the_broker_hears_of_it_later(
    device: LocalSender,
    local: Config,
    make_broker: Callable[..., Any],
    make_ops: Callable[..., Any],
    eventually: Callable[..., None],
) -> None:
    broker = make_broker("allow_anonymous true")
    away = local.model_copy(update={"mqtt": Mqtt(host="127.0.0.1", port=broker.port)})
    service = SpeakerService(away, clock=SystemClock())
    service.start()
    try:
        assert device.send(violation("v1"))
        heard: list[str] = []

        def announced() -> bool:
            heard.extend(device.announced())
            return heard == ["v1"]

        eventually(announced)
        assert announcements(local) == 1
        broker.start()
        ops = make_ops(broker.port)
        topic, payload, _ = ops.next()
        while topic != REPORTS:
            topic, payload, _ = ops.next()
        report = json.loads(payload)
        assert (report["type"], report["data"]["violation"]) == ("announcement.played", "v1")
        assert report["data"]["replayed"] is True
    finally:
        service.close()


def test_the_same_violation_by_both_ways_is_announced_once(
    ops: Ops, local: Config, device: LocalSender
) -> None:
    lines: SimpleQueue[str] = SimpleQueue()
    with run(local, lines):
        wait_until_listening(ops)
        assert device.send(violation("v1"))
        assert lines.get(timeout=WAIT_S).startswith("violation v1: announced")
        ops.violation("v1")
        assert lines.get(timeout=WAIT_S) == "violation v1: not announced (repeat)"
        ops.violation("v2")
        assert lines.get(timeout=WAIT_S).startswith("violation v2: announced")
        assert device.send(violation("v2"))
        assert lines.get(timeout=WAIT_S) == "violation v2: not announced (repeat)"
    assert announcements(local) == 2
    # What came over MQTT is reported to the device as well: it finds it by the violation's id.
    assert device.announced() == ["v1", "v2"]


def test_a_restart_does_not_announce_it_again(
    ops: Ops, local: Config, device: LocalSender, eventually: Callable[..., None]
) -> None:
    lines: SimpleQueue[str] = SimpleQueue()
    with run(local, lines):
        eventually(lambda: device.send(violation("v1")))
        assert lines.get(timeout=WAIT_S).startswith("violation v1: announced")
    with run(local, lines):
        wait_until_listening(ops)
        ops.violation("v1")
        assert lines.get(timeout=WAIT_S) == "violation v1: not announced (repeat)"
    assert announcements(local) == 1


def test_hostile_bytes_on_the_local_path_harm_nothing(
    local: Config, device: LocalSender, eventually: Callable[..., None]
) -> None:
    lines: SimpleQueue[str] = SimpleQueue()
    with run(local, lines):
        eventually(lambda: device.send(b"is anybody there?"))
        for nonsense in (b"", b"\xff\x00", b"[" * 50_000, b"x" * 70_000, violation("a\x1b[2J")):
            assert device.send(nonsense)
        assert device.send(violation("v1"))
        assert lines.get(timeout=WAIT_S).startswith("violation v1: announced")
    assert announcements(local) == 1


def test_a_flood_of_violations_on_the_local_path_fills_no_log(
    local: Config, device: LocalSender, eventually: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    lines: SimpleQueue[str] = SimpleQueue()
    caplog.set_level(logging.INFO)
    with run(changed(local, quiet=("mon-sun",)), lines):
        eventually(lambda: device.send(b"is anybody there?"))
        for n in range(500):
            eventually(lambda n=n: device.send(violation(f"v{n}")))
        eventually(lambda: device.send(violation("last")))
        while "last" not in lines.get(timeout=WAIT_S):
            pass
    written = [r for r in caplog.records if r.name.startswith("edge.s")]
    assert len(written) < 40


# --- silence, and several speakers


def test_quiet_hours_are_silent(ops: Ops, config: Config) -> None:
    lines: SimpleQueue[str] = SimpleQueue()
    with run(changed(config, quiet=("mon-sun",)), lines):
        wait_until_listening(ops)
        ops.violation("v1")
        assert lines.get(timeout=WAIT_S) == "violation v1: not announced (quiet_hours)"
    assert announcements(config) == 0


def test_quiet_hours_that_cannot_be_understood_end_the_start(config: Config) -> None:
    with pytest.raises(ConfigError, match="at night"):
        SpeakerService(changed(config, quiet=("at night",)), clock=SystemClock())


def test_a_webhook_that_hangs_neither_delays_nor_silences_the_sound(
    ops: Ops, config: Config, start: Start
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:  # connections wait here for ever
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/horn"
        start(changed(config, webhook=Webhook(url=url, timeout_s=0.3), max_age_s=1.0))
        ops.violation("v1")
        first, second = ops.next(REPORTS), ops.next(REPORTS)
    assert (first["type"], first["data"]["speaker"]) == ("announcement.played", "north-door-speaker")
    assert (second["type"], second["data"]["speaker"]) == (
        "announcement.failed",
        "north-door-speaker/webhook",
    )
    assert "no answer within 0.3 s" in second["data"]["reason"]


# --- what it says about itself


def test_info_says_what_it_is_and_no_secret(ops: Ops, config: Config, start: Start) -> None:
    url = "https://user:secret@horn.example.org/announce?key=secret"
    start(changed(config, webhook=Webhook(url=url)))
    info = ops.next(STATUS.replace("status", "info"))
    assert info["software"].startswith("maskgate ")
    assert info["speakers"] == ["north-door-speaker", "north-door-speaker/webhook"]
    assert info["config"]["speaker"]["webhook"]["url"] == "https://horn.example.org"
    assert "secret" not in json.dumps(info)


def test_health_tells_the_last_announcement_and_what_is_wrong(ops: Ops, config: Config, start: Start) -> None:
    topic = STATUS.replace("status", "health")
    often = config.model_copy(update={"reporting": Reporting(health_every_s=1.0)})
    service = start(changed(often, output="plughw:CARD=Nope", max_age_s=0.2))
    ops.violation("v1")
    assert ops.next(REPORTS)["type"] == "announcement.failed"
    health = ops.next(topic)
    while not health["speakers"]["north-door-speaker"]["failed"]:
        health = ops.next(topic)
    assert health["speakers"]["north-door-speaker"]["announced"] == 0
    assert health["link"]["state"] == "online"
    (problem,) = health["problems"]
    assert "no sound card is called Nope" in problem
    service.close()

    start(often)
    ops.violation("v2")
    assert ops.next(REPORTS)["type"] == "announcement.played"
    health = ops.next(topic)
    while not health["speakers"]["north-door-speaker"]["announced"]:
        health = ops.next(topic)
    assert health["speakers"]["north-door-speaker"]["last"] == "v2"
    assert health["problems"] == []


def changed(config: Config, **speaker: object) -> Config:
    return config.model_copy(update={"speaker": config.speaker.model_copy(update=speaker)})


@contextmanager
def run(config: Config, lines: "SimpleQueue[str]") -> Iterator[list[int]]:
    """``run_speaker`` while the block lasts; yields a list that then holds its exit code."""
    stop, codes = threading.Event(), list[int]()

    def announce(line: str) -> None:
        if PROBE not in line:
            lines.put(line)

    thread = threading.Thread(
        target=lambda: codes.append(run_speaker(config, clock=SystemClock(), stop=stop, announce=announce))
    )
    thread.start()
    try:
        yield codes
    finally:
        stop.set()
        thread.join(WAIT_S)
