"""Which board this is; and two boards with one name, on a real broker."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import edge.service.messenger
from edge.backoff import Backoff
from edge.clock import SystemClock
from edge.config import parse_config
from edge.events import Place
from edge.hardware import hardware_id
from edge.mqtt import link as link_module
from edge.service.duplicates import DuplicateDetector
from edge.service.messenger import Messenger
from edge.sim.manual_clock import ManualClock

PLACE = Place("hq", "door-1")
BOARDS = ("0000000000aa", "0000000000bb")


def board(root: Path, **files: str) -> str:
    """The id of a machine that has these files; ``__`` stands for a slash, ``_`` for a hyphen."""
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return hardware_id(root)


def test_a_copied_card_does_not_take_the_boards_id_along(tmp_path: Path) -> None:
    card = {"etc__machine-id": "0123456789abcdef\n"}
    serial = "proc__device-tree__serial-number"
    first = board(tmp_path / "a", **card, **{serial: "10000000abcdef01\0"})
    assert first == board(tmp_path / "b", **card, **{serial: "10000000abcdef01\0"})
    second = board(tmp_path / "c", **card, **{serial: "10000000abcdef02\0"})
    network = {
        "sys__class__net__eth0__device__uevent": "",
        "sys__class__net__eth0__addr_assign_type": "0\n",
        "sys__class__net__eth0__address": "b8:27:eb:00:00:01\n",
    }
    third = board(tmp_path / "d", **card, **network)
    changed = {**network, "sys__class__net__eth0__address": "b8:27:eb:00:00:02\n"}
    fourth = board(tmp_path / "e", **card, **changed)
    drawn = {**network, "sys__class__net__eth0__addr_assign_type": "1\n"}
    fifth = board(tmp_path / "f", **card, **drawn)
    assert fifth == board(tmp_path / "g", **card)
    assert len({first, second, third, fourth, fifth}) == 5
    assert all(len(found) == 12 and "b8" not in found[:2] for found in (third, fourth))


def test_another_board_is_reported_once_and_forgotten_when_it_is_silent() -> None:
    clock = ManualClock()
    twins = DuplicateDetector(PLACE, "maskgate/hq/door-1/a", BOARDS[0], clock)
    for harmless in (b"", b"[]", b"\xff", b'{"hardware": 1}', b'{"hardware": "<script>"}'):
        assert twins.compare(harmless) is None
    assert twins.compare(json.dumps({"hardware": BOARDS[0]}).encode()) is None
    assert twins.problem is None
    other = json.dumps({"hardware": BOARDS[1]}).encode()
    found = twins.compare(other)
    assert found is not None
    assert found.client_id == "maskgate/hq/door-1/a"
    assert f"another board ({BOARDS[1]}; this one is {BOARDS[0]}) calls itself hq/door-1 too" in found.message
    assert twins.problem == found.message
    assert twins.compare(other) is None
    clock.advance(601)
    assert twins.problem is None


def test_made_up_boards_make_a_bounded_number_of_events() -> None:
    twins = DuplicateDetector(PLACE, "c", BOARDS[0], ManualClock())
    made_up = [json.dumps({"hardware": f"{number:012x}"}).encode() for number in range(1000, 1100)]
    assert len([found for payload in made_up if (found := twins.compare(payload))]) == 10


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_two_with_one_client_id_take_turns_and_one_of_them_says_so(
    tmp_path: Path, broker: Any, make_ops: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    monkeypatch.setattr(edge.service.messenger, "hardware_id", lambda: BOARDS[0])
    monkeypatch.setattr(link_module, "_RETRY", Backoff(first_s=0.05, longest_s=10.0))
    monkeypatch.setattr(link_module, "_REPLACED_S", 1.0)  # the event goes out after it
    ops, boxes = make_ops(broker.port), []
    for name in ("a", "b"):
        settings = parse_config(
            {
                "outbox": {"path": str(tmp_path / name / "outbox.sqlite")},
                "mqtt": {"port": broker.port, "protocol": protocol},
            },
            "test",
        )
        boxes.append(Messenger(settings, PLACE, SystemClock()))
        boxes[-1].start(lambda: b"{}")
    while True:
        topic, payload, _ = ops.next()
        if topic.endswith("/event") and json.loads(payload)["type"] == "identity.duplicated":
            break
    data = json.loads(payload)["data"]
    assert data["client_id"] == f"maskgate/hq/door-1/{BOARDS[0]}"
    assert data["message"].startswith(f"another client calls itself '{data['client_id']}'")
    for box in boxes:
        box.close("stopped")


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_two_boards_with_one_name_both_work_and_both_report_it(
    tmp_path: Path,
    broker: Any,
    make_ops: Callable[..., Any],
    eventually: Any,
    monkeypatch: pytest.MonkeyPatch,
    protocol: str,
) -> None:
    ops, boxes = make_ops(broker.port), []
    for name in BOARDS:
        monkeypatch.setattr(edge.service.messenger, "hardware_id", lambda name=name: name)
        settings = parse_config(
            {
                "outbox": {"path": str(tmp_path / name / "outbox.sqlite")},
                "mqtt": {"port": broker.port, "protocol": protocol},
            },
            "test",
        )
        boxes.append(Messenger(settings, PLACE, SystemClock()))
        boxes[-1].start(lambda: b"{}")
    eventually(lambda: all(box.link_status.state == "online" for box in boxes))

    def both_say_so() -> bool:
        # the subscription may be a moment younger than the connection
        for name, box in zip(BOARDS, boxes, strict=True):
            box.publish_health(json.dumps({"hardware": name}).encode())
        return all(box._duplicates.problem for box in boxes)

    eventually(both_say_so)
    assert [box._link._connections for box in boxes] == [1, 1]
    assert [box.close("stopped").waiting for box in boxes] == [0, 0]
    found: list[dict[str, Any]] = []
    farewells = 0
    while farewells < 2:
        topic, payload, _ = ops.next()
        farewells += "offline" in payload
        if topic.endswith("/event"):
            found.append(json.loads(payload))
    told = [e["data"] for e in found if e["type"] == "identity.duplicated"]
    assert {data["client_id"] for data in told} == {f"maskgate/hq/door-1/{name}" for name in BOARDS}
    assert len(told) == 2
