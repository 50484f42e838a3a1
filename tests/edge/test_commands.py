"""Commands: hostile bytes, refusals, limits; and each of them on a real device over a real broker."""

import json
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from skimage import data

from edge.camera import CameraState, CameraStatus
from edge.clock import SystemClock
from edge.config import Commands, Config, load_config, parse_config
from edge.config.ops import CommandName as ConfiguredName
from edge.errors import ConfigError, LinkError, UsageError
from edge.events import COMMAND_SIZE_MAX as SIZE_MAX
from edge.events import CommandName, Place, Response, Status
from edge.mqtt import IncomingMessage
from edge.ops.command import ask, lines, parse_arguments, parse_device
from edge.people.compose import LoadedModels, load_models
from edge.service.commands import CommandDispatcher, CommandResult, RefusedError, SnapshotFace, in_numbers
from edge.service.commands.dispatcher import AHEAD_S, BURST, REFILL_S, REMEMBERED
from edge.service.commands.handler import CommandHandler
from edge.service.device import RunSummary, Service
from edge.service.messenger import Messenger
from edge.sim.manual_clock import ManualClock
from edge.values import Box, Face, Frame, Look, MaskScore, log_odds

NOON = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)


class Recorder:
    """A device that writes down what it is asked to do."""

    def __init__(self) -> None:
        self.done: list[Any] = []

    def _do(self, *what: Any) -> CommandResult:
        self.done.append(what if len(what) > 1 else what[0])
        return CommandResult("CommandResult.", {"asked": str(what[0])})

    def status(self) -> CommandResult:
        return self._do("status")

    def snapshot(self) -> CommandResult:
        return self._do("snapshot-test")

    def reload(self) -> CommandResult:
        raise RefusedError("not possible", "Nothing is changed.")

    def announce(self) -> CommandResult:
        return self._do("announce")

    def mute(self, for_s: float) -> CommandResult:
        return self._do("mute", for_s)

    def set_threshold(self, value: float) -> CommandResult:
        return self._do("set-threshold", value)

    def restart(self) -> CommandResult:
        return self._do("restart")

    def update(self, url: str, version: str) -> CommandResult:
        return self._do("update", url, version)

    def rollback(self) -> CommandResult:
        return self._do("rollback")


class Desk:
    """A commander with its device and clock."""

    def __init__(self, at: datetime = NOON, **sections: Any) -> None:
        self.device, self.clock = Recorder(), ManualClock(at)
        self.commander = CommandDispatcher(Commands(**sections), self.device, self.clock)

    def __call__(self, payload: bytes | None = None, *, retained: bool = False, **keys: Any) -> Any:
        if payload is None:
            command = {
                "transaction": "t1",
                "command": "status",
                "issued": self.clock.utc().isoformat(),
                **keys,
            }
            payload = json.dumps(command).encode()
        return self.commander.handle(payload, retained=retained)

    def error(self, **keys: Any) -> str | None:
        """Of a fresh transaction."""
        self.clock.advance(REFILL_S)
        return self(**{"transaction": str(uuid.uuid4()), **keys}).response.error


def test_a_command_is_done_answered_and_is_itself_an_event() -> None:
    desk = Desk()
    handled = desk(command="mute", arguments={"for_s": 600})
    assert desk.device.done == [("mute", 600.0)]
    assert (handled.response.transaction, handled.response.status) == ("t1", "ok")
    assert (handled.response.error, handled.response.data) == (None, {"asked": "mute"})
    assert handled.event.model_dump() == {
        "transaction": "t1", "command": "mute", "status": "ok", "error": None, "message": "CommandResult.",
    }  # fmt: skip


def test_every_command_of_the_contract_can_be_configured_and_reaches_the_device() -> None:
    assert get_args(ConfiguredName) == get_args(CommandName)
    desk = Desk()
    wanted = {"url": "https://example.org/x.bundle", "version": "2.0.0"}
    arguments = {"mute": {"for_s": 0}, "set-threshold": {"value": 0.5}, "update": wanted}
    errors = {
        name: desk.error(command=name, arguments=arguments.get(name, {})) for name in get_args(CommandName)
    }
    assert errors == {name: "not possible" if name == "reload" else None for name in get_args(CommandName)}
    assert [d if isinstance(d, str) else d[0] for d in desk.device.done] == [
        name for name in get_args(CommandName) if name != "reload"
    ]


def test_a_repeated_transaction_is_answered_again_and_not_done_again() -> None:
    desk = Desk()
    first = desk(command="restart")
    again = desk(command="restart")
    assert desk.device.done == ["restart"]
    assert again.response == first.response
    assert again.event is None
    for n in range(REMEMBERED):
        assert desk.error(transaction=f"other-{n}") is None
    desk(command="announce")
    assert desk.device.done[-1] == "announce"  # forgotten: the number of answers kept is bounded


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (b"not json", "Not valid JSON"),
        (b"\xff\xfe", "Not valid JSON"),
        (b"[]", "all of it"),
        (b"[" * SIZE_MAX, "Not valid JSON"),
        (b" " * (SIZE_MAX + 1), f"at most {SIZE_MAX}"),
        (b'{"transaction": "t", "command": "self-destruct", "issued": "2026-06-01T12:00:00Z"}', "restart"),
        (b'{"transaction": "t", "command": "status", "issued": "2026-06-01T12:00:00"}', "issued"),
        (b'{"transaction": "t", "command": "status", "issued": "2026-06-01T12:00:00Z", "sudo": 1}', "sudo"),
        (b'{"transaction": "t", "command": "status"}', "issued"),
    ],
)
def test_what_is_not_a_command_is_refused_and_the_answer_names_the_key(payload: bytes, says: str) -> None:
    handled = Desk()(payload)
    assert handled.event.error == "malformed"
    assert says in handled.event.message
    known = b'"t"' in payload
    assert (handled.response is not None) is known  # without a transaction there is nobody to answer
    assert handled.event.transaction == ("t" if known else "")


@pytest.mark.parametrize(
    "issued", ["1780315200", 1780315200, "2026-06-01", "2026-06-01T12:00Z", "today", True]
)
def test_issued_is_a_moment_in_rfc_3339_and_nothing_else(issued: Any) -> None:
    handled = Desk()(issued=issued)
    assert (handled.response.status, handled.response.error) == ("error", "malformed")
    assert "Key 'issued': write it as RFC 3339 with its time zone" in handled.response.message


@pytest.mark.parametrize(
    "issued", ["2026-06-01T12:00:00Z", "2026-06-01T14:00:00.5+02:00", "2026-06-01 12:00:00z"]
)
def test_any_time_zone_and_fraction_will_do(issued: str) -> None:
    assert Desk()(issued=issued).response.status == "ok"


def test_a_number_as_text_is_refused() -> None:
    assert Desk().error(deadline_s="60") == "malformed"


@pytest.mark.parametrize("name", ["", "x" * 65, "a\nb", "\x1b[2J", "ü", 7, None])
def test_a_transaction_that_is_not_a_plain_name_is_not_repeated(name: Any) -> None:
    handled = Desk()(transaction=name)
    assert handled.response is None
    assert (handled.event.transaction, handled.event.error) == ("", "malformed")


def test_arguments_are_checked_before_anything_is_done() -> None:
    desk = Desk(threshold_min=0.3, threshold_max=0.8)
    assert desk.error(command="mute") == "malformed"
    assert desk.error(command="mute", arguments={"for_s": True}) == "malformed"
    assert desk.error(command="mute", arguments={"for_s": "600"}) == "malformed"
    assert desk.error(command="mute", arguments={"for_s": 86_401}) == "out of limits"
    assert desk.error(command="mute", arguments={"for_s": -1}) == "out of limits"
    assert desk.error(command="mute", arguments={"for_s": 1, "why": "noise"}) == "unknown argument"
    assert desk.error(command="status", arguments={"deep": [[[[{}]]]]}) == "unknown argument"
    assert desk.error(command="set-threshold", arguments={"value": 0.29}) == "out of limits"
    assert desk.error(command="set-threshold", arguments={"value": 0.81}) == "out of limits"
    assert desk.error(command="set-threshold", arguments={"value": 1}) == "out of limits"
    assert desk.device.done == []
    assert desk.error(command="set-threshold", arguments={"value": 0.3}) is None
    assert desk.device.done == [("set-threshold", 0.3)]


def test_a_retained_command_is_refused_every_time_and_its_removal_is_not_a_command() -> None:
    desk = Desk()
    assert desk(retained=True).response.error == "retained"
    assert desk(retained=True).response.error == "retained"
    assert desk(b"", retained=False) == desk(b"", retained=True)
    assert desk(b"").response is desk(b"").event is None
    assert desk.device.done == []
    assert desk().response.status == "ok"  # its transaction is not spoilt


def test_a_stale_command_is_refused_by_the_clock_only_where_that_can_be_right() -> None:
    def issued(seconds: float, desk: Desk) -> str:
        return (desk.clock.utc() + timedelta(seconds=seconds)).isoformat()

    desk = Desk()
    desk.clock.advance(1000)
    assert desk.error(issued=issued(-31 + REFILL_S, desk)) == "stale"
    assert desk.error(issued=issued(-29 + REFILL_S, desk)) is None
    assert desk.error(issued=issued(-3500, desk), deadline_s=3600) is None
    assert desk.error(issued=issued(AHEAD_S + REFILL_S + 1, desk)) == "stale"
    assert desk.error(issued=issued(AHEAD_S + REFILL_S - 1, desk)) is None
    assert desk.error(issued="0001-01-01T00:00:00+23:59") == "stale"
    assert desk.error(issued="9999-12-31T23:59:59-23:59") == "stale"
    early = Desk(datetime(1970, 1, 1, tzinfo=timezone.utc))
    assert early.error(issued="2026-06-01T12:00:00Z") is None


def test_a_restart_that_was_asked_for_before_this_run_is_not_done_again() -> None:
    desk = Desk()
    before = (NOON - timedelta(seconds=5)).isoformat()
    assert desk.error(command="restart", issued=before) == "stale"
    assert desk.error(command="reload", issued=before) == "stale"
    assert desk.error(command="status", issued=before) is None


def test_what_is_not_allowed_is_not_possible() -> None:
    desk = Desk(allowed=["status"])
    assert desk.error(command="status") is None
    assert desk.error(command="restart") == "not possible"
    with pytest.raises(ConfigError, match="snapshot-test"):
        parse_config({"commands": {"allowed": ["format-disk"]}}, "test")
    with pytest.raises(ConfigError, match="must not be larger than the second"):
        parse_config({"commands": {"threshold_min": 0.8, "threshold_max": 0.3}}, "test")


def test_a_flood_is_answered_busy_and_fills_no_outbox() -> None:
    desk = Desk()
    handled = [desk(transaction=f"t{n}") for n in range(BURST + 5)]
    assert [h.response.error for h in handled] == [None] * BURST + ["busy"] * 5
    assert [h.event is None for h in handled] == [False] * BURST + [True] * 5
    junk = desk(b"junk")
    assert junk.response is junk.event is None
    desk.clock.advance(REFILL_S)
    assert desk(transaction=f"t{BURST}").response.status == "ok"  # a busy one may be tried again


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["status", "mute"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
MOMENTS = (
    st.datetimes(timezones=st.sampled_from([timezone.utc, timezone(timedelta(hours=-23))])).map(
        datetime.isoformat
    )
    | st.integers()
    | st.floats()
    | st.text(max_size=9)
)
NEARLY = st.fixed_dictionaries(
    {},
    optional={
        "transaction": st.text(max_size=70) | VALUES,
        "command": st.sampled_from(get_args(CommandName)) | VALUES,
        "issued": MOMENTS | st.just(NOON.isoformat()),
        "deadline_s": st.floats() | VALUES,
        "arguments": st.dictionaries(st.sampled_from(["for_s", "value", "x"]), VALUES, max_size=3) | VALUES,
        "other": VALUES,
    },
).map(lambda d: json.dumps(d).encode(errors="surrogatepass"))


@pytest.mark.slow
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.binary(max_size=300) | NEARLY, st.booleans()), min_size=1, max_size=6))
def test_no_bytes_harm_the_device_and_each_message_leads_to_at_most_one_answer(
    messages: list[tuple[bytes, bool]],
) -> None:
    desk = Desk()
    for payload, retained in messages:
        handled = desk(payload, retained=retained)
        assert handled.response is None or handled.response.transaction.isprintable()
        for said in (handled.response, handled.event):
            if said is not None:
                assert said.model_dump_json().encode()
                assert len(said.message) < 2000
    assert all(d[1] <= 86_400 for d in desk.device.done if d[0] == "mute")
    assert all(0.2 <= d[1] <= 0.9 for d in desk.device.done if d[0] == "set-threshold")


def test_a_picture_in_numbers_holds_no_pixel() -> None:
    image = np.zeros((480, 640, 3), np.uint8)
    image[:, 320:] = 255
    face = Face(Box(300, 100, 360, 180), 0.9)
    good = SnapshotFace(Look(face, 0.8, None), "lobby", MaskScore(0.25, -1.1))
    small = SnapshotFace(Look(Face(Box(0, 0, 10, 10), 0.7), 0.0, "too small (10 px)"), "lobby", None)
    outside = SnapshotFace(Look(Face(Box(0, 0, 80, 80), 0.7), 0.5, None), None, None)
    seen = in_numbers(image, [small, good, outside])
    assert (seen["width"], seen["height"]) == (640, 480)
    assert (seen["black_share"], seen["white_share"]) == (0.5, 0.5)
    assert seen["brightness"] == pytest.approx(127.5, abs=0.1)
    assert seen["contrast"] == pytest.approx(127.5, abs=0.1)
    faces: Any = seen["faces"]
    assert [f["width_px"] for f in faces] == [80, 60, 10]
    assert [f["judgeable"] for f in faces] == [False, True, False]
    assert [f["why_not"] for f in faces] == ["outside all zones", None, "too small (10 px)"]
    assert (faces[1]["x"], faces[1]["mask_probability"]) == (round(330 / 640, 3), 0.25)
    assert len(json.dumps(in_numbers(image, [good] * 500))) < 20_000


# --- on a device


@pytest.fixture(scope="module")
def models() -> LoadedModels:
    return load_models(Config())


class Entrance:
    """A camera that sees a bare face from now on; dark until it is told to open."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop, self._seq, self.open = stop, 0, True
        self.image = np.ascontiguousarray(data.astronaut())
        self.ended = False
        self.status = CameraStatus(
            source="sim", state=CameraState.LIVE, fault=None, message="", since=0.0,
            fps=20, width=512, height=512, frames=1, reconnects=0,
        )  # fmt: skip

    def start(self) -> None:
        self.started = True

    def next(self, timeout_s: float) -> Frame | None:
        if self._stop.wait(0.02) or not self.open:
            return None
        self._seq += 1
        # ten frames a second on a time line of its own: a slow machine changes nothing
        return Frame(self.image, self._seq, self._seq / 10, SystemClock().utc())

    def close(self) -> None:
        self.closed = True


class Gate:
    """A running device, and ops with its messages."""

    def __init__(
        self, config: Config, models: LoadedModels, ops: Any, reread: Callable[[], Config] | None = None
    ) -> None:
        self.stop, self.ops = threading.Event(), ops
        self.camera = Entrance(self.stop)
        self._service = Service(config, models, self.camera, SystemClock(), self.stop, reread=reread)
        self.policy = self._service._pipeline.policy
        self._pool = ThreadPoolExecutor(1)
        self._run = self._pool.submit(self._service.run)
        self.seen: list[tuple[str, Any]] = []
        self.until(lambda kind, said: kind == "health")

    def until(self, wanted: Callable[[str, Any], bool]) -> Any:
        """Messages up to the first that is wanted, which is returned."""
        while True:
            topic, payload, _ = self.ops.next()
            kind, said = topic.split("/")[-1], json.loads(payload) if payload else None
            self.seen.append((kind, said))
            if wanted(kind, said):
                return said

    def event(self, name: str) -> Any:
        """The data of the next event of a type."""
        return self.until(lambda kind, said: kind == "event" and said["type"] == name)["data"]

    def ask(self, command: str, *, retain: bool = False, **arguments: Any) -> Any:
        """Send a command; its answer."""
        name = str(uuid.uuid4())
        asked = {
            "transaction": name, "command": command, "issued": SystemClock().utc().isoformat(),
            "arguments": arguments,
        }  # fmt: skip
        self.ops.client.publish("maskgate/v1/hq/door-1/cmd", json.dumps(asked), 1, retain)
        return self.until(lambda kind, said: kind == "rsp" and said["transaction"] == name)

    def end(self) -> RunSummary:
        """Stop, and wait."""
        self.stop.set()
        return self.finished()

    def finished(self) -> RunSummary:
        """Wait."""
        done = self._run.result(30)
        self._pool.shutdown()
        return done


@pytest.fixture
def make_gate(
    tmp_path: Path, models: LoadedModels, broker: Any, make_ops: Any
) -> Iterator[Callable[..., Gate]]:
    made: list[Gate] = []

    def make(reread: Callable[[], Config] | None = None, **sections: Any) -> Gate:
        made.append(
            Gate(settings_of(tmp_path, broker.port, **sections), models, make_ops(broker.port), reread)
        )
        return made[-1]

    yield make
    for gate in made:
        gate.end()


def settings_of(folder: Path, port: int, **sections: Any) -> Config:
    return parse_config(
        {
            "site": {"id": "hq", "device": "door-1"},
            "mqtt": {"host": "127.0.0.1", "port": port},
            "outbox": {"path": str(folder / "outbox.sqlite")},
            "reporting": {"health_every_s": 1},
            **sections,
        },
        "test",
    )


def test_status_and_snapshot_of_a_running_device(make_gate: Callable[..., Gate]) -> None:
    gate = make_gate()
    status = gate.ask("status")
    assert status["data"]["camera"]["state"] == "live"
    assert gate.event("command.handled")["command"] == "status"
    seen = gate.ask("snapshot-test")["data"]
    assert (seen["width"], seen["height"], seen["tampering"]) == (512, 512, None)
    assert seen["face_count"] == 1
    assert seen["faces"][0]["judgeable"]
    assert seen["faces"][0]["mask_probability"] < 0.1
    assert 40 < seen["faces"][0]["width_px"] < 200


def test_without_a_picture_there_is_no_snapshot(tmp_path: Path, make_gate: Callable[..., Gate]) -> None:
    class Shut(Entrance):
        def __init__(self, stop: threading.Event) -> None:
            super().__init__(stop)
            self.open = False

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), "Entrance", Shut)
        gate = make_gate()
    answer = gate.ask("snapshot-test")
    assert answer["error"] == "not possible"
    assert "no picture yet" in answer["message"]


@pytest.mark.slow
def test_a_muted_device_marks_its_violations_and_says_so(make_gate: Callable[..., Gate]) -> None:
    gate = make_gate()
    assert gate.event("violation.opened")["muted"] is False
    assert gate.ask("mute", for_s=3600)["status"] == "ok"
    health = gate.until(lambda kind, _: kind == "health")
    assert 3500 < health["overrides"]["muted_for_s"] <= 3600
    refused = gate.ask("announce")
    assert (refused["error"], "muted" in refused["message"]) == ("not possible", True)
    gate.camera.image = np.full_like(gate.camera.image, 90)
    gate.event("violation.closed")
    gate.camera.image = np.ascontiguousarray(data.astronaut())
    assert gate.event("violation.opened")["muted"] is True
    assert gate.ask("mute", for_s=0)["status"] == "ok"
    gate.until(lambda kind, said: kind == "health" and said["overrides"]["muted_for_s"] is None)


def test_announce_asks_the_speaker_and_accuses_nobody(make_gate: Callable[..., Gate]) -> None:
    gate = make_gate()
    answer = gate.ask("announce")
    asked = next(
        (s["data"] for k, s in gate.seen if k == "event" and s["type"] == "announcement.requested"), None
    )
    asked = asked or gate.event("announcement.requested")
    assert (asked["violation"], asked["by"]) == (answer["data"]["violation"], "command")


def test_another_threshold_changes_the_verdict_until_the_next_start(make_gate: Callable[..., Gate]) -> None:
    low, high = 0.001, 0.999
    gate = make_gate(commands={"threshold_min": low, "threshold_max": high})
    gate.event("violation.opened")
    answer = gate.ask("set-threshold", value=low)
    assert answer["data"]["mask_threshold"] == low
    assert gate.policy.threshold_logit == log_odds(low)
    assert "until the next start" in answer["message"]
    assert gate.until(lambda kind, _: kind == "health")["overrides"]["mask_threshold"] == low
    assert gate.ask("set-threshold", value=0.0005)["error"] == "out of limits"
    gate.end()


def test_a_restart_is_answered_before_the_device_is_gone(make_gate: Callable[..., Gate]) -> None:
    gate = make_gate()
    assert gate.ask("restart")["status"] == "ok"
    farewell = gate.until(lambda kind, said: kind == "status" and said["state"] == "offline")
    assert farewell["reason"] == "restarts, as ops commanded"
    assert gate.finished().restart
    assert any(k == "event" and s["type"] == "command.handled" for k, s in gate.seen)


def test_reload_applies_by_a_restart_only_what_is_without_mistakes(
    tmp_path: Path, broker: Any, make_gate: Callable[..., Gate]
) -> None:
    now = {"text": ""}

    def reread() -> Config:
        if now["text"] == "broken":
            raise ConfigError("gate.toml: 1 mistake:\n  camera.fps: found -1")
        return settings_of(tmp_path, broker.port, **json.loads(now["text"] or "{}"))

    gate = make_gate(reread)
    assert gate.ask("reload")["message"] == "The configuration has not changed."
    now["text"] = "broken"
    refused = gate.ask("reload")
    assert refused["error"] == "not possible"
    assert "camera.fps: found -1" in refused["message"]
    now["text"] = json.dumps(
        {
            "faces": {"min_width_px": 33},
            "speaker": {"hold_s": 3},
            "lines": [{"name": "l", "start": [0, 0], "end": [1, 1]}],
        }
    )
    answer = gate.ask("reload")
    assert sorted(answer["data"]["changed"]) == ["faces.min_width_px", "lines", "speaker.hold_s"]
    assert "systemctl restart maskgate-speaker" in answer["message"]
    assert gate.finished().restart


def test_without_a_file_there_is_nothing_to_reload(make_gate: Callable[..., Gate]) -> None:
    answer = make_gate().ask("reload")
    assert answer["error"] == "not possible"
    assert "no configuration file" in answer["message"]


def test_what_did_not_come_as_a_debian_package_says_that_it_cannot_be_updated(
    make_gate: Callable[..., Gate],
) -> None:
    gate = make_gate()
    answers = [gate.ask("update", url="https://example.org/x", version="2.0.0"), gate.ask("rollback")]
    assert [answer["error"] for answer in answers] == ["not possible"] * 2
    assert all("only the Debian package can be updated over the air" in a["message"] for a in answers)
    assert gate.ask("update", url="https://example.org/x", version="next")["error"] == "malformed"


@pytest.mark.timeout(60)
def test_the_answer_of_a_device_that_is_off_line_is_not_waited_for(
    tmp_path: Path, broker: Any, make_ops: Any
) -> None:
    ops, place = make_ops(broker.port), Place("hq", "door-1")
    away = Status.payload("offline", "the connection was lost", NOON)
    ops.client.publish(place.topic("status"), away, 1, retain=True).wait_for_publish(20)
    with pytest.raises(LinkError, match=r"it is offline since 2026-06-01 12:00:00 UTC \(the connection was"):
        ask(settings_of(tmp_path, broker.port).mqtt, place, "status", {}, 3600)


def test_commands_that_wait_at_the_end_of_a_run_are_turned_away_and_not_lost(
    tmp_path: Path, broker: Any, make_ops: Any, eventually: Any
) -> None:
    ops, desk, place = make_ops(broker.port), Desk(), Place("hq", "door-1")
    messenger = Messenger(settings_of(tmp_path, broker.port), place, desk.clock)
    messenger.start(lambda: b"{}")
    eventually(lambda: messenger.link_status.state == "online")
    for payload in (b'{"transaction": "a"}', b"junk", b"", b'{"transaction": "b", "command": "restart"}'):
        messenger._inbox.receive(IncomingMessage(place.topic("cmd"), payload, retained=False))
    messenger._inbox.receive(IncomingMessage(place.topic("cmd"), b'{"transaction": "c"}', retained=True))
    CommandHandler(desk.commander, messenger, desk.clock).turn_away_the_rest()
    messenger.close("stopped")
    answers = []
    while "offline" not in (message := ops.next())[1]:
        if message[0] == place.topic("rsp"):
            answers.append(json.loads(message[1]))
    assert [(a["transaction"], a["error"]) for a in answers] == [("a", "not possible"), ("b", "not possible")]
    assert desk.device.done == []


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_retained_command_to_a_device_that_is_connected(
    make_gate: Callable[..., Gate], protocol: str, broker: Any
) -> None:
    mqtt = {"host": "127.0.0.1", "port": broker.port, "protocol": protocol}
    answer = make_gate(mqtt=mqtt).ask("status", retain=True)
    # MQTT 3.1.1 can't show it: the deadline decides, and the next connect
    assert answer["error"] == ("retained" if protocol == "5" else None)


def test_of_many_commands_at_once_each_gets_its_answer(make_gate: Callable[..., Gate]) -> None:
    gate = make_gate()
    issued = SystemClock().utc().isoformat()
    names = [f"c{n}" for n in range(200)]
    for name in names:
        asked = {"transaction": name, "command": "status", "issued": issued, "deadline_s": 60}
        gate.ops.client.publish("maskgate/v1/hq/door-1/cmd", json.dumps(asked), 1)
    answers = [gate.until(lambda kind, _: kind == "rsp") for _ in names]
    assert [answer["transaction"] for answer in answers] == names
    errors = [answer["error"] for answer in answers]
    assert errors[:BURST] == [None] * BURST
    assert errors.count("busy") >= 200 - 2 * BURST


def test_a_retained_command_is_refused_at_every_start(
    broker: Any, make_ops: Any, make_gate: Callable[..., Gate]
) -> None:
    asked = {"transaction": "old", "command": "restart", "issued": SystemClock().utc().isoformat()}
    early = make_ops(broker.port)
    early.client.publish("maskgate/v1/hq/door-1/cmd", json.dumps(asked), 1, retain=True).wait_for_publish(20)
    gate = make_gate()
    assert gate.event("command.handled")["error"] == "retained"
    assert gate.ask("status")["status"] == "ok"


def test_a_device_that_takes_no_commands_does_not_listen(make_gate: Callable[..., Gate]) -> None:
    gate = make_gate(commands={"enabled": False})
    asked = {"transaction": "t", "command": "restart", "issued": SystemClock().utc().isoformat()}
    gate.ops.client.publish("maskgate/v1/hq/door-1/cmd", json.dumps(asked), 1).wait_for_publish(20)
    gate.until(lambda kind, _: kind == "health")
    assert not gate.end().restart
    assert all(k != "rsp" for k, _ in gate.seen)


def maskgate(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edge.cli", *args], capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_the_whole_way_from_the_ops_command_line_to_the_exit_code(
    tmp_path: Path, broker: Any, make_ops: Any
) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for n in range(300):
        cv2.imwrite(str(pictures / f"{n:03}.jpg"), data.astronaut()[::2, ::2, ::-1])
    config = tmp_path / "gate.toml"
    config.write_text(
        f'[site]\nid = "hq"\ndevice = "door-1"\n[camera]\nsource = "{pictures}"\nfps = 5\n'
        f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n[outbox]\npath = "{tmp_path}/outbox.sqlite"\n'
    )
    plain = tmp_path / "ops.toml"
    plain.write_text(f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n')
    ops, to = make_ops(broker.port), ("--broker", f"127.0.0.1:{broker.port}")
    link, place = load_config(config).mqtt, parse_device("hq/door-1", "maskgate")
    with pytest.raises(LinkError, match=r"no answer .* the broker knows nothing of it"):
        ask(link, place, "status", {}, 2)
    with subprocess.Popen([sys.executable, "-m", "edge.cli", "run", "--config", str(config)]) as device:
        try:
            while not ops.next()[0].endswith("/health"):
                pass
            assert ask(link, place, "reload", {}, 20).data == {"changed": []}
            config.write_text(config.read_text() + "[faces]\nmin_width_px = -4\n")
            mistaken = ask(link, place, "reload", {}, 20)
            assert (mistaken.error, "faces.min_width_px" in mistaken.message) == ("not possible", True)
            refused = maskgate("command", "maskgate/v1/hq/door-1", "mute", "for_s=90000", *to)
            assert (refused.returncode, "refused (out of limits)" in refused.stdout) == (1, True)
            done = maskgate("command", "hq/door-1", "restart", "--config", str(plain), "--json")
            assert (done.returncode, json.loads(done.stdout)["status"]) == (0, "ok")
            assert device.wait(30) == 75
        finally:
            device.kill()
    with pytest.raises(LinkError, match=r"offline since .* \(restarts, as ops commanded\)"):
        ask(link, place, "status", {}, 5)


def test_a_device_and_arguments_as_people_type_them() -> None:
    assert parse_device("hq/door-1", "gates") == Place("hq", "door-1", "gates")
    assert parse_device("maskgate/v1/hq/door-1/cmd", "gates") == Place("hq", "door-1", "maskgate")
    for wrong in ("hq", "hq/+", "#", "hq/door-1/status", "a/v2/hq/door", ""):
        with pytest.raises(UsageError, match="give SITE/DEVICE"):
            parse_device(wrong, "maskgate")
    assert parse_arguments(["for_s=600", "value=0.5", "text=a=b"]) == {
        "for_s": 600,
        "value": 0.5,
        "text": "a=b",
    }
    with pytest.raises(UsageError, match="give KEY=VALUE"):
        parse_arguments(["600"])


def test_an_answer_can_do_nothing_to_a_terminal() -> None:
    answer = Response(
        transaction="t",
        status="error",
        error="not possible",
        message="\x1b[2J\u202eevil\r\nline",
        data={"a": {"\x9b": "\x07"}, "faces": [{"x": 0.1 + 0.2}], "none": [], "list": [1, 2 / 3]},
    )
    assert lines(answer) == [
        "refused (not possible): \ufffd[2J\ufffdevil\ufffd\ufffdline",
        "  a.\ufffd        \ufffd",
        "  faces.0.x  0.3",
        "  none       -",
        "  list       [1, 0.6667]",
    ]
