"""The checker finds each way to break the contract, and nothing else."""

import io
import json
import uuid
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from edge.cli import main
from edge.events import (
    Data,
    DeviceStarted,
    Event,
    EventsDropped,
    Place,
    Summary,
    ViolationClosed,
    ViolationOpened,
    cloud_event,
    leaf_of,
)
from edge.ops.checker import Checker
from edge.ops.examples import EXAMPLES
from edge.ops.lines import read_lines
from edge.ops.messages import KINDS
from edge.ops.subscription import ReceivedMessage

DOOR = Place("hq", "door-1")
NOW = datetime(2026, 3, 2, 8, 0, tzinfo=timezone.utc)
OPENED = ViolationOpened(
    violation="v-1", zone="entrance", track=1, score=0.1, face_width_px=80, seen_for_s=1, model="m"
)
CLOSED = ViolationClosed(
    violation="v-1", zone="entrance", track=1, reason="left", duration_s=2, announced=False
)
STARTED = DeviceStarted(software="maskgate", previous="none")
SUMMARY = Summary(
    window_s=60, people=0, masked=0, not_masked=0, cannot_judge=0, violations=0, complied=0, announced=0,
    complied_after_announcement=0, compliance_rate=None, entered=0, left=0,
)  # fmt: skip


def event(number: int, data: Data, /, *, after_s: float | None = None, **changes: Any) -> ReceivedMessage:
    """A message; ``changes`` go into the CloudEvent, and those of ``data_`` into its data."""
    time = NOW + timedelta(seconds=number if after_s is None else after_s)
    wire: dict[str, Any] = cloud_event(
        Event(str(uuid.UUID(int=number, version=4)), time, data), DOOR, sequence=number, recorded=time
    )
    wire["data"] |= changes.pop("data_", {})
    topic = changes.pop("topic", DOOR.topic(leaf_of(wire["type"])))
    return ReceivedMessage(topic, json.dumps({**wire, **changes}).encode(), retained=False, at=NOW)


def found(
    messages: Sequence[ReceivedMessage], *, live: bool = False, strict: bool = False
) -> list[tuple[int, str]]:
    checker = Checker(live=live, strict=strict)
    problems = [p for message in messages for p in checker.check(message)] + checker.finish()
    assert checker.report().problems == len(problems)
    return [(p.message, p.key) for p in problems]


def example(name: str, **changes: Any) -> ReceivedMessage:
    place = Place("headquarters", "north-door-speaker" if name.startswith("speaker.") else "north-door")
    topic = place.topic(KINDS[name].leaf)
    return ReceivedMessage(topic, json.dumps({**EXAMPLES[name], **changes}).encode(), retained=False, at=NOW)


def test_what_devices_say_is_fine() -> None:
    life = [STARTED, OPENED, CLOSED, SUMMARY]
    assert found([event(n, data) for n, data in enumerate(life, start=1)], live=True, strict=True) == []
    assert found([example(n) for n, kind in KINDS.items() if kind.leaf not in {"event", "summary"}]) == []


@pytest.mark.parametrize(
    ("message", "key"),
    [
        (event(1, OPENED, source="/maskgate/hq/door-2"), "source"),
        (event(1, OPENED, data_={"device": "door-2"}), "data.device"),
        (event(1, OPENED, data_={"site": "branch"}), "data.site"),
        (event(1, OPENED, topic=DOOR.topic("summary")), "type"),
        (event(1, SUMMARY, topic=DOOR.topic("event")), "type"),
        (event(1, OPENED, topic="maskgate/v1/hq/door-1/events"), "(topic)"),
        (replace(event(1, OPENED), retained=True), "(retained)"),
        (event(1, OPENED, data_={"score": 1.5}), "data.score"),
        (event(1, OPENED, data_={"score": "0.5"}), "data.score"),
        (event(1, OPENED, sequence="1"), "sequence"),
        (event(1, OPENED, id=None), "id"),
        (event(1, OPENED, time="2026-02-30T08:00:00.000Z"), "time"),
        (event(1, OPENED, recordedtime="2026-03-02T07:59:00.000Z"), "time"),
        (event(1, OPENED, time="1970-01-01T00:00:09.000Z"), "time"),
        (replace(event(1, OPENED), payload=b"{"), "(payload)"),
        (replace(event(1, OPENED), payload=b"[]"), "(payload)"),
        (replace(event(1, OPENED), payload=b'{"a": NaN}'), "(payload)"),
        (replace(event(1, OPENED), payload=b""), "(payload)"),
        (example("status", state="asleep"), "state"),
        (example("status", time="5"), "time"),
        (example("health", camera={}), "camera.state"),
        (replace(example("cmd"), retained=True), "(retained)"),
        (example("cmd", deadline_s=0), "deadline_s"),
        (example("rsp", error="no"), "error"),
    ],
)
def test_a_message_that_breaks_the_contract(message: ReceivedMessage, key: str) -> None:
    assert (1, key) in found([message])


def test_a_time_ahead_of_ours_is_a_problem_only_when_it_is_said_now_and_the_clock_is_trusted() -> None:
    ahead = event(1, OPENED, after_s=90)
    assert found([ahead], live=True) == [(1, "time")]
    assert found([ahead]) == []
    doubted = event(1, OPENED, after_s=90, data_={"clock_trusted": False})
    assert found([doubted], live=True) == []


def test_what_a_later_version_adds_is_a_problem_only_if_strict() -> None:
    messages = [
        event(1, OPENED, data_={"glasses": True}),
        event(2, OPENED, type="door.jammed", dataschema="urn:maskgate:v1:door.jammed"),
    ]
    assert found(messages) == []
    assert found(messages, strict=True) == [(1, "data.glasses"), (2, 'type "door.jammed"')]


def test_an_event_may_come_again_with_the_same_id_and_content() -> None:
    again = event(2, OPENED, data_={"replayed": True})
    checker = Checker(live=False)
    for message in (event(1, STARTED), event(2, OPENED), again, event(3, CLOSED)):
        assert checker.check(message) == []
    assert checker.report().repeated == 1
    assert found([event(2, OPENED), event(2, OPENED, data_={"track": 9})]) == [(2, "data")]


def test_gaps_and_numbers_given_twice() -> None:
    assert found([event(1, STARTED), event(4, SUMMARY), event(5, SUMMARY)]) == [(2, "sequence")]
    late = [event(1, STARTED), event(3, SUMMARY), event(2, SUMMARY), event(4, SUMMARY)]
    assert found(late) == [(3, "sequence")]
    other = event(2, SUMMARY, id=str(uuid.uuid4()))
    assert found([event(1, STARTED), event(2, SUMMARY), other, event(3, SUMMARY)]) == [(3, "sequence")]


def test_events_that_the_device_says_it_has_dropped_are_no_gap() -> None:
    dropped = EventsDropped(count=2, by_type={"summary": 2}, reason="rows")
    assert found([event(1, STARTED), event(4, SUMMARY), event(5, dropped)]) == []
    assert found([event(1, STARTED), event(5, SUMMARY), event(6, dropped)]) == [(2, "sequence")]


def test_what_was_missed_between_two_connections_is_no_gap() -> None:
    later = [replace(event(n, SUMMARY), connection=2) for n in (5, 6, 8)]
    assert found([event(1, STARTED), *later]) == [(4, "sequence")]


def test_a_new_outbox_begins_with_one_and_says_so() -> None:
    damaged = DeviceStarted(software="maskgate", previous="ended without warning")
    for started in (STARTED, damaged):
        new = event(1, started, id=str(uuid.uuid4()))
        assert found([event(7, SUMMARY), event(8, SUMMARY), new, event(2, SUMMARY)]) == []
    silent = event(1, SUMMARY, id=str(uuid.uuid4()))
    assert found([event(7, SUMMARY), event(8, SUMMARY), silent, event(2, SUMMARY)]) == [(3, "sequence")]


def test_what_is_sent_again_from_before_we_listened_is_fine() -> None:
    before = [event(n, SUMMARY, data_={"replayed": True}) for n in (5, 6, 7)]
    assert found([event(7, SUMMARY), *before, event(8, SUMMARY)]) == []


def test_the_life_of_a_violation() -> None:
    assert found([event(1, STARTED), event(2, OPENED), event(3, OPENED)]) == [(3, "data.violation")]
    twice = [event(1, OPENED), event(3, CLOSED, after_s=3), event(4, CLOSED)]
    assert (3, "data.violation") in found(twice)
    assert found([event(1, STARTED), event(10, CLOSED)]) == [(2, "sequence")]  # it was opened in the gap
    assert found([event(1, STARTED), event(2, CLOSED, after_s=60)]) == [(2, "data.violation")]
    assert found([event(7, CLOSED)]) == []  # opened before we listened
    checker = Checker(live=False)
    for message in (event(1, OPENED), event(2, replace_violation("v-2"))):
        checker.check(message)
    assert checker.report().open_violations == ["v-1", "v-2"]
    checker.check(event(3, DeviceStarted(software="maskgate", previous="ended without warning")))
    assert checker.report().open_violations == []


@pytest.mark.parametrize("payload", [b"[" * 100_000, b'"\\ud800"', b'{"a": 1e999}', b"9" * 5000])
def test_bytes_that_harm_a_parser_are_a_problem_as_any_other(payload: bytes) -> None:
    message = replace(event(1, OPENED), payload=payload)
    assert len(found([message])) >= 1
    assert len(found(list(read_lines([payload])))) == 1
    line = b'{"topic": "maskgate/v1/hq/door-1/event", "payload": %s}' % json.dumps(payload.decode()).encode()
    assert len(found(list(read_lines([line])))) >= 1


@pytest.mark.parametrize("duration_s", [1e300, 1e12])
def test_a_violation_that_lasted_longer_than_time_itself(duration_s: float) -> None:
    closed = CLOSED.model_copy(update={"duration_s": duration_s})
    assert found([event(1, STARTED), event(2, closed)]) == [(2, "data.duration_s")]


def test_nothing_that_is_printed_moves_the_cursor() -> None:
    evil = event(2, OPENED, data_={"violation": "\x1b[2J", "\x9b": 1})
    checker = Checker(live=False)
    for message in (
        event(1, STARTED),
        evil,
        replace(evil, topic="\x1b]0;"),
        event(2, CLOSED, data_={"violation": "\r"}),
    ):
        said = [str(problem) for problem in checker.check(message)]
        assert all(text.isprintable() for text in said), said
    assert all(line.isprintable() for line in str(checker.report()).splitlines())
    assert "[2J" in str(checker.report())


def replace_violation(violation: str) -> ViolationOpened:
    return OPENED.model_copy(update={"violation": violation})


def test_all_forms_of_lines_are_read() -> None:
    message = event(1, OPENED)
    payload = message.payload.decode()
    forms = [
        {"topic": message.topic, "retained": False, "message": json.loads(payload)},
        {"tst": "x", "topic": message.topic, "qos": 1, "retain": 0, "payload": payload},
        {"tst": "x", "topic": message.topic, "qos": 1, "retain": 0, "payload": json.loads(payload)},
        json.loads(payload),
    ]
    read = list(read_lines(json.dumps(form).encode() + b"\n" for form in forms))
    assert [(m.topic, json.loads(m.payload), m.retained) for m in read] == [
        (message.topic, json.loads(payload), False)
    ] * 4
    (kept,) = read_lines([json.dumps({**forms[1], "retain": 1}).encode()])
    assert kept.retained
    removal = {"tst": "x", "topic": DOOR.topic("status"), "qos": 1, "retain": 0, "payload": None}
    assert found(list(read_lines([json.dumps(removal).encode()]))) == []
    assert found(list(read_lines([b"nonsense\n", b"\n", b"[1]\n", b"{}\n"]))) == [
        (1, "(topic)"), (2, "(topic)"), (3, "(topic)"),
    ]  # fmt: skip


def test_a_line_that_is_no_message_is_none_and_not_shown() -> None:
    (wrong_file,) = read_lines([b'passphrase = "secret"\n'])
    (problem,) = Checker(live=False).check(wrong_file)
    wanted = 'a JSON object with "topic", or a CloudEvent with "source"'
    assert str(problem) == f"1    (topic): found none; expected {wanted}"


def call(*arguments: str) -> tuple[int, str, str]:
    """``maskgate events check``: exit code, standard output, standard error."""
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        code = main(["events", "check", *arguments])
    return code, out.getvalue(), err.getvalue()


def test_the_command_and_its_exit_codes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = tmp_path / "good.jsonl"
    good.write_bytes(b"\n".join(event(n, SUMMARY).payload for n in (1, 2, 3)))
    code, out, _ = call(str(good))
    assert (code, out.splitlines()[0]) == (0, "3 messages: 3 summary")
    one = tmp_path / "one.jsonl"
    one.write_bytes(event(1, SUMMARY).payload)
    _, out, _ = call(str(one))
    assert out.splitlines()[:2] == ["1 message: 1 summary", "1 source of events: 0 repeats, 0 missing"]
    bad = event(1, OPENED, data_={"score": 2}).payload
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(bad)))
    code, out, _ = call("-", "--json")
    problem, report = map(json.loads, out.splitlines())
    assert (code, report["problems"]) == (1, 1)
    assert problem == {
        "message": 1, "topic": "maskgate/v1/hq/door-1/event", "key": "data.score", "found": "2",
        "expected": "less than or equal to 1",
    }  # fmt: skip
    (tmp_path / "empty").touch()
    for arguments, expected, words in (
        ([str(tmp_path / "empty")], 1, "no message in it"),
        ([], 2, "give a FILE"),
        ([str(good), "--broker", "localhost"], 2, "not both"),
        ([str(tmp_path / "none")], 2, "No such file"),
        (["--broker", "a/b"], 2, "--broker: found 'a/b'"),
    ):
        code, _, err = call(*arguments)
        assert (code, words in err) == (expected, True), err


def test_what_can_not_be_known_is_said_when_the_end_is_missing(tmp_path: Path) -> None:
    cut = tmp_path / "cut.jsonl"
    cut.write_bytes(b"\n".join(event(n, SUMMARY).payload for n in (1, 2, 3)))  # of five that happened
    code, out, _ = call(str(cut))
    assert code == 0
    assert out.splitlines()[-2:] == [
        "not known: events after the last one of each source: /maskgate/hq/door-1 3",
        "no problems up to these",
    ]
    _, out, _ = call(str(cut), "--json")
    assert json.loads(out)["last"] == {"/maskgate/hq/door-1": 3}
    status = tmp_path / "status.jsonl"
    status.write_text(json.dumps({"topic": DOOR.topic("status"), "message": EXAMPLES["status"]}))
    _, out, _ = call(str(status))
    assert out.splitlines()[-1] == "no problems"  # there are no events that could have an end
