"""Home Assistant: what it is told, and that no ghost stays behind."""

import json
import re
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edge.clock import SystemClock
from edge.config import HomeAssistantDiscovery, parse_config
from edge.events import TYPES, Health, OutboxHealth, Place, Summary
from edge.service.home_assistant import Discovery, describe, identity, topic
from edge.service.messenger import Messenger

DOOR = Place("head.quarters", "north_door")
ON, OFF = HomeAssistantDiscovery(enabled=True), HomeAssistantDiscovery()
NAME = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_.-]{0,10}\Z")


@given(st.lists(st.tuples(NAME, NAME, NAME), min_size=2, max_size=2, unique=True))
def test_no_two_devices_have_one_name_there_and_each_is_a_valid_topic(
    places: list[tuple[str, str, str]],
) -> None:
    names = [identity(Place(*place)) for place in places]
    assert len(set(names)) == 2
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]+", name) for name in names)


def paths(template: str) -> list[str]:
    return re.findall(r"value_json\.([a-z_]+(?:\.[a-z_]+)*)", template)


def test_every_entity_points_at_a_topic_and_a_key_that_there_are() -> None:
    told: Any = describe(DOOR)
    assert told["origin"]["name"] == "maskgate"
    assert told["device"]["identifiers"] == [identity(DOOR)]
    entities = told["components"]
    assert set(entities) == {
        "connectivity", "problem", "fps", "temperature", "waiting",
        "people", "not_masked", "violations", "violation",
    }  # fmt: skip
    assert len({e["unique_id"] for e in entities.values()}) == len(entities)
    leaves = {"status": {"state"}, "event": {"type", "time", "data.violation", "data.zone", "data.replayed"}}
    leaves["health"] = {*Health.model_fields, *(f"outbox.{k}" for k in OutboxHealth.model_fields)}
    leaves["summary"] = {f"data.{key}" for key in Summary.model_fields}
    for key, entity in entities.items():
        site, device, leaf = entity["state_topic"].removeprefix("maskgate/v1/").split("/")
        assert (site, device) == ("head.quarters", "north_door")
        assert paths(entity["value_template"])
        assert set(paths(entity["value_template"])) <= leaves[leaf]
        # when the device is away, all but the word "away" is unknown
        assert (entity.get("availability_topic") == DOOR.topic("status")) == (key != "connectivity")
    assert set(entities["violation"]["event_types"]) <= set(TYPES)


def test_what_was_announced_is_taken_back_once_and_after_a_rename_too(tmp_path: Path) -> None:
    ledger = tmp_path / "home-assistant.json"
    assert Discovery(OFF, DOOR, ledger).messages() == []
    assert not ledger.exists()
    ((there, told),) = Discovery(ON, DOOR, ledger).messages()
    assert (
        there
        == topic("homeassistant", DOOR)
        == "homeassistant/device/maskgate__head_2equarters__north_5fdoor/config"
    )
    assert json.loads(told) == describe(DOOR)
    # killed before anything could be settled: the ledger was first
    moved = Place("hq", "north_door")
    renamed = Discovery(ON, moved, ledger)
    assert [(t, bool(p)) for t, p in renamed.messages()] == [
        (there, False),
        (topic("homeassistant", moved), True),
    ]
    assert len(Discovery(ON, moved, ledger).messages()) == 2  # not settled: said again
    renamed.settled()
    assert len(Discovery(ON, moved, ledger).messages()) == 1
    off = Discovery(OFF, moved, ledger)
    assert off.messages() == [(topic("homeassistant", moved), b"")]
    off.settled()
    assert Discovery(OFF, moved, ledger).messages() == []
    assert not ledger.exists()


def test_a_ledger_that_can_not_be_used_stops_nothing(tmp_path: Path, caplog: Any) -> None:
    damaged = tmp_path / "damaged.json"
    damaged.write_bytes(b"\xff{")
    assert len(Discovery(ON, DOOR, damaged).messages()) == 1
    assert "what Home Assistant was told before is not known" in caplog.text
    assert len(Discovery(ON, DOOR, damaged / "ledger.json").messages()) == 1
    assert "can't be written" in caplog.text


def test_a_full_disk_does_not_forget_what_was_announced_before(tmp_path: Path, caplog: Any) -> None:
    ledger = tmp_path / "home-assistant.json"
    Discovery(ON, DOOR, ledger)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))  # no file of this process may grow
    try:
        Discovery(ON, Place("hq", "north_door"), ledger)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "can't be written" in caplog.text
    assert Discovery(OFF, DOOR, ledger).messages() == [(topic("homeassistant", DOOR), b"")]


def test_switched_off_again_the_device_is_gone_from_the_broker(
    tmp_path: Path, broker: Any, make_ops: Callable[..., Any], eventually: Any
) -> None:
    def life(*, enabled: bool) -> None:
        config = parse_config(
            {
                "outbox": {"path": str(tmp_path / "outbox.sqlite")},
                "mqtt": {"host": "127.0.0.1", "port": broker.port},
                "home_assistant_discovery": {"enabled": enabled, "prefix": "ha"},
            },
            "test",
        )
        messenger = Messenger(config, DOOR, SystemClock())
        messenger.start(lambda: b"{}")
        eventually(lambda: messenger.link_status.state == "online")
        messenger.close("stopped")

    def retained() -> set[str]:
        ops, found = make_ops(broker.port), set[str]()
        ops.client.publish("end", b"", 1).wait_for_publish(20)
        while (message := ops.next())[0] != "end":
            found.add(message[0])
        return found

    there = topic("ha", DOOR)
    usual = {DOOR.topic("status"), DOOR.topic("info")}
    life(enabled=False)
    assert retained() == usual
    life(enabled=True)
    assert retained() == usual | {there}
    life(enabled=False)
    assert retained() == usual
    assert not (tmp_path / "home-assistant.json").exists()  # nothing is left to take back
