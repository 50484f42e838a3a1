"""What the device hands in reaches the speaker next door, and what was heard comes back."""

import json
import socket
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from edge.clock import SystemClock
from edge.config import Config, parse_config
from edge.events import (
    COMMAND_SIZE_MAX,
    EXPIRY_S,
    AnnouncementPlayed,
    Place,
    ViolationOpened,
    cloud_event,
    new_event,
)
from edge.mqtt import IncomingMessage, MqttLink
from edge.service.inbox import COMMANDS_MAX, Inbox
from edge.service.messenger import Messenger
from edge.sim.manual_clock import ManualClock

PLACE = Place("hq", "door-1")
NOW = datetime(2026, 6, 1, tzinfo=timezone.utc)
OPENED = ViolationOpened(
    violation="v-1", zone="lobby", track=1, score=0.1, face_width_px=60, seen_for_s=0.5, model="m"
)
PLAYED = AnnouncementPlayed(violation="v-1", speaker="s", language="en", delay_s=0.1)


def config(folder: Path, **sections: Any) -> Config:
    return parse_config({"outbox": {"path": str(folder / "outbox.sqlite")}, **sections}, "test")


@pytest.fixture
def neighbour(tmp_path: Path) -> Any:
    """The speaker's socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(str(tmp_path / "speaker.sock"))
        made.settimeout(20)
        yield made


def test_a_violation_is_on_disk_when_the_speaker_hears_of_it_and_what_was_heard_comes_back(
    tmp_path: Path, neighbour: socket.socket
) -> None:
    settings = config(tmp_path, speaker={"socket": str(tmp_path / "speaker.sock")}, mqtt={"port": 1})
    messenger = Messenger(settings, PLACE, SystemClock())
    messenger.record([new_event(OPENED, NOW)])
    payload, sender = neighbour.recvfrom(65536)
    told = json.loads(payload)
    assert (told["type"], told["data"]["violation"]) == ("violation.opened", "v-1")
    assert [json.loads(item.body)["id"] for item in messenger._outbox.pending(0, 10)] == [told["id"]]
    assert messenger.announced() == []
    answer = cloud_event(new_event(PLAYED, NOW), PLACE, sequence=1, recorded=NOW)
    neighbour.sendto(json.dumps(answer).encode(), sender)
    assert messenger.announced() == ["v-1"]
    assert messenger.announced() == []
    assert messenger.close("stopped").waiting == 1


def test_trying_the_speaker_announces_and_accuses_nobody(tmp_path: Path, neighbour: socket.socket) -> None:
    settings = config(tmp_path, speaker={"socket": str(tmp_path / "speaker.sock")}, mqtt={"port": 1})
    messenger = Messenger(settings, PLACE, SystemClock())
    name = messenger.try_speaker("button")
    told = json.loads(neighbour.recv(65536))
    assert told["type"] == "announcement.requested"
    assert told["data"]["violation"] == name
    assert [item.type for item in messenger._outbox.pending(0, 10)] == ["announcement.requested"]
    messenger.close("stopped")


def test_a_speaker_on_another_machine_is_heard_over_mqtt(
    tmp_path: Path, broker: Any, make_ops: Callable[..., Any], eventually: Any
) -> None:
    ops = make_ops(broker.port)
    messenger = Messenger(config(tmp_path, mqtt={"port": broker.port}), PLACE, SystemClock())
    messenger.start(lambda: b"{}")
    eventually(lambda: messenger.link_status.state == "online")
    event = cloud_event(new_event(PLAYED, NOW), Place("hq", "door-1-speaker"), sequence=1, recorded=NOW)
    heard: list[str] = []

    def tell_until_heard() -> bool:
        # the subscription may be a moment younger than the connection
        ops.client.publish("maskgate/v1/hq/door-1-speaker/event", json.dumps(event), 1)
        heard.extend(messenger.announced())
        return bool(heard)

    eventually(tell_until_heard)
    assert set(heard) == {"v-1"}
    messenger.close("stopped")


def test_a_flood_of_commands_is_bounded_and_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    inbox = Inbox(PLACE, ManualClock(), on_health=lambda _: None)
    for _ in range(COMMANDS_MAX + 50):
        inbox.receive(IncomingMessage(PLACE.topic("cmd"), b"x" * 100_000, retained=False))
    kept = list(iter(inbox.next_command, None))
    assert [len(command.payload) for command in kept] == [COMMAND_SIZE_MAX + 1] * COMMANDS_MAX
    assert len(caplog.records) == 1
    assert "dropped a command without an answer: 1000 wait already" in caplog.text


def test_no_queue_of_a_broker_is_meant_to_drop_an_event(tmp_path: Path, broker: Any, eventually: Any) -> None:
    received = SimpleQueue[IncomingMessage]()
    settings = config(tmp_path, mqtt={"port": broker.port})
    ops = MqttLink(settings.mqtt, "ops", subscriptions=[(PLACE.topic("event"), 1)], on_message=received.put)
    ops.start()
    messenger = Messenger(settings, PLACE, SystemClock())
    messenger.start(lambda: b"{}")

    def one_came() -> bool:
        # the subscription may be a moment younger than the connection
        messenger.record([new_event(OPENED, NOW)])
        return not received.empty()

    eventually(one_came)
    expires_in_s = received.get().expires_in_s
    assert expires_in_s is not None
    assert EXPIRY_S - 60 < expires_in_s <= EXPIRY_S
    assert EXPIRY_S > 300 * 24 * 3600
    messenger.close("stopped")
    ops.stop(20)


@pytest.mark.parametrize(("protocol", "said"), [("5", "application/cloudevents+json"), ("3.1.1", None)])
def test_mqtt_5_says_that_an_event_is_a_cloud_event(
    tmp_path: Path, broker: Any, content_types: Any, protocol: str, said: str | None
) -> None:
    heard = content_types(broker.port, PLACE.topic("event"))
    settings = config(tmp_path, mqtt={"port": broker.port, "protocol": protocol})
    messenger = Messenger(settings, PLACE, SystemClock())
    messenger.start(lambda: b"{}")
    assert heard.get(timeout=20) == said
    messenger.close("stopped")
