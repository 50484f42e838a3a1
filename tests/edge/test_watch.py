"""What ops sees: the table, the stream, JSON lines; and nothing that comes in can do more than be seen."""

import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console, Group

from edge.cli.watch import _live_view
from edge.config import parse_config
from edge.errors import MaskgateError, UsageError
from edge.events import Place, Status, Summary, ViolationClosed, ViolationOpened, cloud_event, new_event
from edge.ops import fleet as fleet_module
from edge.ops.fleet import Fleet, StreamLine, trouble
from edge.ops.forget import forget
from edge.ops.json_lines import json_line
from edge.ops.screen import Screen, draw
from edge.ops.subscription import ReceivedMessage
from edge.ops.text import ago, columns, plain
from edge.service.home_assistant import topic as description_of

NOW = datetime(2026, 6, 1, 12, 0, 0, tzinfo=timezone.utc)
STARTED = NOW - timedelta(seconds=30)
DOOR = Place("hq", "north-door")
OPENED = ViolationOpened(
    violation="v-1",
    zone="lobby",
    track=1,
    score=0.0312,
    face_width_px=60,
    seen_for_s=0.5,
    model="m",
    muted=True,
)
QUIET = dict.fromkeys(
    ("people", "masked", "not_masked", "cannot_judge", "violations", "complied", "announced",
     "complied_after_announcement", "entered", "left"), 0,
)  # fmt: skip


class Heard:
    """A fleet and what was told it."""

    def __init__(self) -> None:
        self.fleet, self.stream = Fleet(), list[StreamLine]()

    def __call__(
        self, place: Place, leaf: str, payload: bytes | dict[str, Any], *, retained: bool = False
    ) -> None:
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self.stream += self.fleet.take(ReceivedMessage(place.topic(leaf), body, retained, NOW))

    def status(
        self, place: Place, state: Any, ago_s: float, reason: str = "running", *, retained: bool = True
    ) -> None:
        self(
            place, "status", Status.payload(state, reason, NOW - timedelta(seconds=ago_s)), retained=retained
        )

    def health(self, place: Place, **more: Any) -> None:
        self(
            place,
            "health",
            {"fps": 14.93, "temperature_c": 51.6, "outbox": {"depth": 0}, "problems": [], **more},
        )

    def event(self, place: Place, data: Any, ago_s: float = 5, *, replayed: bool = False) -> bytes:
        event = new_event(data, NOW - timedelta(seconds=ago_s))
        wire = cloud_event(event, place, sequence=1, recorded=NOW, replayed=replayed)
        self(place, "event" if event.type != "summary" else "summary", wire)
        return json.dumps(wire).encode()

    def draw(self, width: int = 100, height: int = 30, **more: Any) -> list[str]:
        screen = Screen("broker:1883", STARTED, width, height, **more)
        return [line.plain for line in draw(self.fleet, self.stream, screen, NOW)]


def test_the_table_and_the_stream() -> None:
    heard = Heard()
    heard.status(DOOR, "online", 7200)
    heard.health(DOOR, overrides={"muted_for_s": 600, "mask_threshold": 0.6})
    heard.status(Place("hq", "gone"), "offline", 3 * 86_400, "the connection was lost")
    heard.status(Place("plant", "gate"), "online", 60)
    heard.health(
        Place("plant", "gate"),
        fps=0,
        temperature_c=None,
        outbox={"depth": 12},
        problems=["no camera", "full"],
    )
    heard.event(DOOR, OPENED)
    heard.event(DOOR, OPENED, ago_s=90_000, replayed=True)
    heard.event(DOOR, ViolationClosed(
        violation="v-1", zone="lobby", track=1, reason="complied", duration_s=3.21, announced=True
    ), ago_s=1)  # fmt: skip
    heard.event(DOOR, Summary(window_s=60, compliance_rate=None, **{**QUIET, "people": 3}), ago_s=0)
    heard.event(DOOR, Summary(window_s=60, compliance_rate=None, **QUIET), ago_s=0)
    heard.status(Place("plant", "gate"), "offline", 0, "stopped", retained=False)
    assert heard.draw(height=18) == [
        "  maskgate watch  broker:1883                    1 online, 2 offline, 2 with problems  12:00:00 UTC",
        "",
        "  DEVICE        STATE               FPS   TEMP  WAITING  LAST VIOLATION",
        "○ hq/gone       offline 3 days        -      -        -",
        "    the connection was lost",
        "● hq/north-door online 2 h         14.9   52°C        0  5 s lobby",
        "    muted for 10 min, threshold 0.6",
        "○ plant/gate    offline 0 s           -      -       12",
        "    stopped",
        "",
        "  EVENTS",
        "  11:59:55  hq/north-door violation.opened      lobby, score 0.03, muted",
        "  31 May    hq/north-door violation.opened      (late) lobby, score 0.03, muted",
        "  11:59:59  hq/north-door violation.closed      lobby, complied, duration 3.21 s, announced",
        "  12:00:00  hq/north-door summary               3 people",
        "  12:00:00  plant/gate    offline               stopped",
        "",
        "",
    ]


def test_a_message_that_comes_twice_is_shown_once() -> None:
    heard = Heard()
    wire = heard.event(DOOR, OPENED)
    heard(DOOR, "event", wire)
    assert len(heard.stream) == 1


def test_an_online_device_that_says_nothing_is_in_trouble() -> None:
    heard = Heard()
    heard.status(DOOR, "online", 86_400)
    device = heard.fleet.devices["hq/north-door"]
    assert trouble(device, NOW, STARTED) == ""
    assert trouble(device, NOW + timedelta(seconds=31), STARTED) == "online, but no health for 61 s"
    heard.health(DOOR)
    assert trouble(device, NOW + timedelta(seconds=31), STARTED) == ""


def test_where_not_all_devices_fit_those_with_problems_go_first() -> None:
    heard = Heard()
    for n in range(50):
        heard.status(Place("s", f"d{n:02}"), "online", 60)
    heard.status(Place("s", "d44"), "offline", 60, "stopped")
    lines = heard.draw()
    assert lines[3].startswith("○ s/d44")
    assert "  ... and 36 more, 0 of them with problems" in lines
    assert len(lines) == 30


def test_names_are_sorted_as_people_count() -> None:
    heard = Heard()
    for name in ("door-10", "door-2", "door-1-speaker", "door-1", "2", "10"):
        heard.status(Place("s", name), "online", 5)
    shown = [line.split()[1] for line in heard.draw() if line.startswith("●")]
    assert shown == ["s/2", "s/10", "s/door-1", "s/door-1-speaker", "s/door-2", "s/door-10"]


def test_a_removed_device_leaves_the_table_and_their_number_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard = Heard()
    heard.status(DOOR, "offline", 60)
    heard(DOOR, "status", b"")
    assert heard.fleet.devices == {}
    assert any("no device heard yet" in line for line in heard.draw())
    monkeypatch.setattr(fleet_module, "DEVICES_MAX", 3)
    for n in range(5):
        heard.status(Place("s", f"d{n}"), "online", 60)
    assert (len(heard.fleet.devices), heard.fleet.ignored) == (3, 2)
    assert "2 messages unreadable" in heard.draw()[0]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
TEXT = st.text(max_size=40) | st.sampled_from(
    ["online", "offline", "violation.opened", "summary", "\x1b[2J", "\u202e"]
)
MOMENT = st.datetimes(timezones=st.just(timezone.utc)).map(datetime.isoformat)
SAID = st.fixed_dictionaries(
    {
        "state": TEXT, "reason": TEXT, "time": MOMENT, "id": TEXT, "source": TEXT, "type": TEXT,
        "data": st.dictionaries(TEXT | st.sampled_from(["zone", "people", "replayed"]), VALUES, max_size=4),
    },
    optional={
        "fps": st.floats() | VALUES,
        "temperature_c": st.floats() | VALUES,
        "outbox": st.fixed_dictionaries({"depth": st.integers() | VALUES}),
        "problems": st.lists(TEXT, max_size=3) | VALUES,
        "overrides": st.fixed_dictionaries({"muted_for_s": st.floats(), "mask_threshold": st.floats()}),
    },
).map(lambda d: json.dumps(d).encode(errors="surrogatepass"))  # fmt: skip
LEVEL = st.text(st.characters(exclude_characters="/"), max_size=12) | st.just("hq")
LEAF = st.sampled_from(["status", "health", "event", "summary", "cmd"])


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(LEVEL, LEVEL, LEAF, SAID | st.binary(max_size=60), st.booleans()), max_size=8),
    st.integers(20, 200),
    st.integers(8, 60),
    st.text(max_size=300),
)
def test_whatever_comes_in_the_screen_is_whole_and_nothing_in_it_moves_the_cursor(
    messages: list[tuple[str, str, str, bytes, bool]], width: int, height: int, problem: str
) -> None:
    heard = Heard()
    for site, device, leaf, payload, retained in messages:
        message = ReceivedMessage(f"maskgate/v1/{site}/{device}/{leaf}", payload, retained, NOW)
        heard.stream += heard.fleet.take(message)
        assert json.loads(json_line(message))["kind"] == leaf
        assert json_line(message).isascii()
        assert json_line(message).isprintable()
    lines = heard.draw(width, height, problem=problem)
    out = io.StringIO()
    console = Console(file=out, width=width, height=height, force_terminal=True, color_system="standard")
    drawn = draw(heard.fleet, heard.stream, Screen("b", STARTED, width, height, problem), NOW)
    console.print(Group(*drawn))
    printed = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue())
    assert set(printed) <= set("".join(line.plain for line in drawn)) | {"\n", " "}
    assert len(lines) == height
    assert all(columns(line) <= width for line in lines)
    assert all(c.isprintable() or c.isspace() for line in lines for c in line)
    assert not set("".join(lines)) & set("\r\n\t\x0b\x0c\x85\u2028\u2029\u202e\x1b")


def test_words_for_terminals() -> None:
    assert plain("a\tb\x1b[31m\u200b\ud800") == "a\ufffdb\ufffd[31m\ufffd\ufffd"
    assert plain("abcdef", 4) == "abc…"
    assert plain("日本語", 6) == "日本語"
    assert plain("日本語", 5) == "日本…"
    assert [ago(s) for s in (-5, 119, 7199, 172_799, 10 * 86_400)] == [
        "0 s",
        "119 s",
        "120 min",
        "48 h",
        "10 days",
    ]


def test_a_message_for_programs_is_one_line_whatever_it_is() -> None:
    good = json.loads(json_line(ReceivedMessage("maskgate/v1/hq/d/event", b'{"a": "\\u001b"}', True, NOW)))
    assert good == {
        "received": "2026-06-01T12:00:00.000Z", "topic": "maskgate/v1/hq/d/event", "site": "hq",
        "device": "d", "kind": "event", "retained": True, "payload": {"a": "\x1b"},
    }  # fmt: skip
    for payload in (b"\xff\x1b[2J", b"[" * 100_000, b'{"a": NaN}', b"1" * 5000):
        line = json_line(ReceivedMessage("x", payload, False, NOW))
        assert json.loads(line)["payload"] is None
        assert "\x1b" not in line


def publish(ops: Any, place: Place, leaf: str, payload: bytes, *, retain: bool = False) -> None:
    ops.client.publish(place.topic(leaf), payload, 1, retain).wait_for_publish(20)


def program(*args: object) -> list[str]:
    return [sys.executable, "-m", "edge.cli", *map(str, args)]


def test_on_a_terminal_it_draws_until_ctrl_c_and_leaves_the_terminal_as_it_was(
    broker: Any, make_ops: Any
) -> None:
    ops = make_ops(broker.port)
    publish(ops, DOOR, "status", Status.payload("online", "running", datetime.now(timezone.utc)), retain=True)
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": "100", "LINES": "30"}
    with subprocess.Popen(
        ["setsid", "--ctty", *program("watch", "--broker", f"127.0.0.1:{broker.port}")],
        stdin=theirs, stdout=theirs, stderr=theirs, env=environment,
    ) as watch:  # fmt: skip
        os.close(theirs)
        seen = b""
        while b"hq/north-door" not in seen:
            seen += os.read(ours, 65536)
        wire = cloud_event(new_event(OPENED, datetime.now(timezone.utc)), DOOR, sequence=1, recorded=NOW)
        publish(ops, DOOR, "event", json.dumps(wire).encode())
        while b"score 0.03" not in seen:
            seen += os.read(ours, 65536)
        os.write(ours, b"\x03")
        try:
            while more := os.read(ours, 65536):
                seen += more
        except OSError:  # Linux' way to say that the other side has closed
            pass
        assert watch.wait(20) == 0
    os.close(ours)
    assert seen.startswith(b"\x1b[?1049h")  # the terminal's second screen
    assert seen.index(b"\x1b[?25l") < seen.index(b"hq/north-door")  # without a cursor
    assert sorted(seen[-14:].split(b"\x1b")) == [b"", b"[?1049l", b"[?25h"]  # and back
    assert b"Traceback" not in seen


def test_without_rich_the_table_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich.console", None)  # how Python marks what can't be imported
    monkeypatch.delitem(sys.modules, "edge.ops.live_view", raising=False)
    with pytest.raises(MaskgateError, match=r"needs the package rich: pip install 'maskgate\[ops\]'"):
        _live_view()


@pytest.mark.slow
def test_a_broker_that_is_away_is_named_once() -> None:
    for command in (["watch"], ["command", "hq/north-door", "status", "--timeout", "0.1"]):
        done = subprocess.run(
            program(*command, "--broker", "127.0.0.1:1"), capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr.count("nothing listens at 127.0.0.1:1")) == (1, 1), done.stderr


@pytest.mark.slow
def test_in_a_pipe_it_prints_json_lines(broker: Any, make_ops: Any) -> None:
    ops = make_ops(broker.port)
    publish(ops, DOOR, "status", Status.payload("offline", "stopped", NOW), retain=True)
    with subprocess.Popen(
        program("watch", "--broker", f"127.0.0.1:{broker.port}"), stdout=subprocess.PIPE, text=True
    ) as watch:
        assert watch.stdout is not None
        first = json.loads(watch.stdout.readline())
        assert (first["kind"], first["retained"], first["payload"]["reason"]) == ("status", True, "stopped")
        publish(ops, DOOR, "health", b"\x1b[2Jno json")
        second = json.loads(watch.stdout.readline())
        assert (second["device"], second["payload"], second["text"]) == (
            "north-door",
            None,
            "\ufffd[2Jno json",
        )
        watch.send_signal(signal.SIGTERM)
        assert watch.wait(20) == 0


def test_a_device_that_is_gone_for_good_is_forgotten_and_a_living_one_is_not(
    broker: Any, make_ops: Callable[..., Any]
) -> None:
    ops = make_ops(broker.port)
    mqtt = parse_config({"mqtt": {"host": "127.0.0.1", "port": broker.port}}, "test").mqtt
    with pytest.raises(MaskgateError, match="keeps nothing of it"):
        forget(mqtt, DOOR)
    publish(ops, DOOR, "status", Status.payload("online", "running", NOW), retain=True)
    with pytest.raises(UsageError, match="on line"):
        forget(mqtt, DOOR)
    publish(ops, DOOR, "status", Status.payload("offline", "stopped", NOW), retain=True)
    publish(ops, DOOR, "info", b"{}", retain=True)
    publish(ops, Place("hq", "other"), "info", b"{}", retain=True)
    described = description_of("homeassistant", DOOR)
    ops.client.publish(described, b"{}", 1, retain=True).wait_for_publish(20)
    assert forget(mqtt, DOOR) == sorted([DOOR.topic("status"), DOOR.topic("info"), described])
    late = make_ops(broker.port)
    assert late.next()[0] == Place("hq", "other").topic("info")
    assert late.heard.empty()
