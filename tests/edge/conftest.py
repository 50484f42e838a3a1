"""A real mosquitto, and a client that hears everything, for whoever tests messages."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import paho.mqtt.client as paho
import pytest
from mosquitto import Mosquitto
from paho.mqtt.enums import CallbackAPIVersion

WAIT_S = 20.0
"""The end of all patience; no test needs it when all is well."""


def eventually(condition: Callable[[], object]) -> None:
    """Return as soon as it holds."""
    never = threading.Event()
    for _ in range(int(WAIT_S / 0.01)):
        if condition():
            return
        never.wait(0.01)
    pytest.fail(f"did not happen within {WAIT_S} s")


class Ops:
    """The ops centre: hears everything since it came to be, over restarts of the broker too."""

    def __init__(self, port: int, username: str | None = None, password: str | None = None) -> None:
        self.heard: SimpleQueue[paho.MQTTMessage] = SimpleQueue()
        subscribed = threading.Event()
        self.client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"ops-{id(self)}",
            protocol=paho.MQTTv311,
            clean_session=False,
        )
        self.client.username_pw_set(username, password)
        self.client.on_message = lambda _c, _d, m: self.heard.put(m)
        self.client.on_subscribe = lambda *_: subscribed.set()
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self.client.subscribe("#", 1)
        assert subscribed.wait(WAIT_S)

    def next(self) -> tuple[str, str, bool]:
        """Topic, payload and the retained flag of the next message."""
        message = self.heard.get(timeout=WAIT_S)
        return message.topic, message.payload.decode(), message.retain

    def wait_for(self, number: int) -> None:
        """Until so many messages are there."""
        eventually(lambda: self.heard.qsize() >= number)

    def events(self, number: int) -> list[dict[str, Any]]:
        """So many different events in the order in which they came first."""
        found: dict[str, dict[str, Any]] = {}
        while len(found) < number:
            event = json.loads(self.heard.get(timeout=WAIT_S).payload)
            found.setdefault(event["id"], event)
        return list(found.values())

    def close(self) -> None:
        """Disconnect and join."""
        self.client.disconnect()
        self.client.loop_stop()
        # they hold us, and we hold the client, whose sockets the collector would find still open
        self.client.on_message = self.client.on_subscribe = None


@pytest.fixture(name="eventually")
def _eventually() -> Callable[[Callable[[], object]], None]:
    """Waits until something holds."""
    return eventually


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A mosquitto that runs and takes everybody."""
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    mosquitto = Mosquitto(folder)
    mosquitto.start()
    yield mosquitto
    mosquitto.stop()


@pytest.fixture
def make_broker(tmp_path: Path) -> Iterator[Callable[..., Mosquitto]]:
    """A mosquitto with lines of its own in its configuration, which the test starts."""
    made: list[Mosquitto] = []

    def make(*lines: str) -> Mosquitto:
        folder = tmp_path / f"mosquitto-{len(made)}"
        folder.mkdir()
        made.append(Mosquitto(folder, lines))
        return made[-1]

    yield make
    for mosquitto in made:
        mosquitto.stop()


@pytest.fixture
def make_ops() -> Iterator[Callable[..., Ops]]:
    """An ops centre on a port."""
    made: list[Ops] = []

    def make(port: int, username: str | None = None, password: str | None = None) -> Ops:
        made.append(Ops(port, username, password))
        return made[-1]

    yield make
    for ops in made:
        ops.close()


@pytest.fixture
def content_types() -> Iterator[Callable[[int, str], SimpleQueue[str | None]]]:
    """What MQTT 5 says that the messages of a topic are."""
    made: list[paho.Client] = []

    def hear(port: int, topic: str) -> SimpleQueue[str | None]:
        heard: SimpleQueue[str | None] = SimpleQueue()
        subscribed = threading.Event()
        client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        client.on_message = lambda _c, _d, m: heard.put(getattr(m.properties, "ContentType", None))
        client.on_connect = lambda c, *_: c.subscribe(topic, 1)
        client.on_subscribe = lambda *_: subscribed.set()
        client.connect("127.0.0.1", port)
        client.loop_start()
        made.append(client)
        assert subscribed.wait(WAIT_S)
        return heard

    yield hear
    for client in made:
        client.disconnect()
        client.loop_stop()
