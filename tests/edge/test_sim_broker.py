"""The embedded broker with the real link, the real delivery and real subscribers."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from mosquitto import drop_connection

from edge.clock import SystemClock
from edge.config import Mqtt, OutboxConfig
from edge.errors import MaskgateError
from edge.events import CameraFault, Place, new_event
from edge.mqtt import MqttLink, OutgoingMessage
from edge.outbox import Outbox
from edge.outbox.delivery import Delivery
from edge.sim.embedded_broker import EmbeddedBroker

pytestmark = pytest.mark.process

WAIT_S = 20.0
PLACE = Place("hq", "north-door")
STATUS = PLACE.topic("status")


@pytest.fixture
def embedded() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as broker:
        yield broker
    assert not [t.name for t in threading.enumerate() if t.name == "broker"]


@pytest.fixture
def device(embedded: EmbeddedBroker) -> Iterator[MqttLink]:
    """A link as the service makes it."""
    link = MqttLink(
        Mqtt(host=embedded.host, port=embedded.port, protocol="3.1.1"),
        "device",
        will=lambda: OutgoingMessage(STATUS, b"vanished", retain=True),
        birth=lambda: [OutgoingMessage(STATUS, b"online", retain=True)],
    )
    yield link
    link.stop(WAIT_S)


def test_status_is_retained_and_the_will_comes(
    embedded: EmbeddedBroker, device: MqttLink, make_ops: Any
) -> None:
    ops = make_ops(embedded.port)
    device.start()
    assert ops.next() == (STATUS, "online", False)
    assert make_ops(embedded.port).next() == (STATUS, "online", True)
    drop_connection(device)
    assert [ops.next()[1], ops.next()[1]] == ["vanished", "online"]
    device.stop(WAIT_S, [OutgoingMessage(STATUS, b"stopped", retain=True)])
    assert ops.next()[1] == "stopped"
    assert make_ops(embedded.port).next() == (STATUS, "stopped", True)
    assert ops.heard.empty()


def test_events_reach_every_subscriber_in_order(
    embedded: EmbeddedBroker, device: MqttLink, make_ops: Any, tmp_path: Path
) -> None:
    clock = SystemClock()
    first, second = make_ops(embedded.port), make_ops(embedded.port)
    outbox = Outbox(OutboxConfig(path=tmp_path / "outbox.sqlite"), clock)
    delivery = Delivery(outbox, device, PLACE, clock, rate_per_s=float("inf"))
    delivery.start()
    device.start()
    data = CameraFault(state="opened", reason="covered", message="it is dark")
    ids = []
    for _ in range(100):
        event = new_event(data, clock.utc())
        ids.append(event.id)
        outbox.append(event, PLACE)
        delivery.wake()
    assert delivery.flush(WAIT_S) == 0
    delivery.close()
    outbox.close()
    for ops in (first, second):
        assert ops.next() == (STATUS, "online", False)
        assert [e["id"] for e in ops.events(100)] == ids


def test_a_link_that_asks_for_mqtt_5_falls_back(
    embedded: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    # amqtt takes MQTT 5's properties for garbage and does not answer
    monkeypatch.setattr("edge.mqtt.connection.ANSWER_S", 1.0)
    said: SimpleQueue[tuple[str, bytes, bool]] = SimpleQueue()
    link = MqttLink(
        Mqtt(host=embedded.host, port=embedded.port),
        "link",
        birth=lambda: [OutgoingMessage("a", b"hello")],
        subscriptions=[("b", 1)],
        on_message=lambda m: said.put((m.topic, m.payload, m.retained)),
    )
    link.start()
    ops = MqttLink(
        Mqtt(host=embedded.host, port=embedded.port, protocol="3.1.1"),
        "ops",
        subscriptions=[("a", 1)],
        on_message=lambda m: said.put((m.topic, m.payload, m.retained)),
    )
    ops.start()
    assert said.get(timeout=WAIT_S) == ("a", b"hello", False)
    link.stop(WAIT_S)
    ops.stop(WAIT_S)


def test_a_port_that_is_taken_is_named(embedded: EmbeddedBroker) -> None:
    second = EmbeddedBroker(embedded.port)
    with pytest.raises(MaskgateError, match=f"no broker on 127.0.0.1:{embedded.port}.*another port"):
        second.start()
    second.stop()


def test_without_amqtt_it_says_how_to_install_it() -> None:
    script = (
        "import sys; sys.modules['amqtt'] = None\n"
        "from edge.errors import MaskgateError\n"
        "from edge.sim.embedded_broker import EmbeddedBroker\n"
        "try: EmbeddedBroker()\n"
        "except MaskgateError as e: print(e)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "the embedded broker needs amqtt: pip install 'maskgate[demo]'\n"
