"""What the ops commands hear of a broker, and what they say when they don't hear all."""

import socket
import threading
from typing import Any

import pytest

import edge.ops.subscription
from edge.config import parse_config
from edge.errors import LinkError
from edge.events import Place
from edge.ops.command import ask
from edge.ops.subscription import Subscription


def test_who_is_too_slow_misses_messages_and_knows_it(
    broker: Any, make_ops: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge.ops.subscription, "WAITING_MAX", 3)
    mqtt = parse_config({"mqtt": {"host": "127.0.0.1", "port": broker.port}}, "test").mqtt
    ops = make_ops(broker.port)
    with Subscription(mqtt, ["t"], threading.Event()) as heard:

        def publish(first: int, last: int) -> None:
            for number in range(first, last + 1):
                ops.client.publish("t", b"%d" % number, 1).wait_for_publish(20)

        ops.client.publish("t", b"0", 1, retain=True).wait_for_publish(20)
        first = heard.next(20)  # now it is subscribed
        assert first is not None
        publish(1, 9)
        eventually(lambda: heard._connection == first.connection + 6)
        taken = [heard.next(20) for _ in range(3)]
        publish(10, 10)
        taken.append(heard.next(20))
    assert [m and m.payload for m in taken] == [b"1", b"2", b"3", b"10"]
    assert [m and m.connection == first.connection for m in taken] == [True, True, True, False]


def test_a_broker_that_is_not_there_is_the_reason_that_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge.ops.subscription, "PATIENCE_S", 0.2)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        mqtt = parse_config({"mqtt": {"host": "127.0.0.1", "port": port}}, "test").mqtt
        with (
            pytest.raises(LinkError, match=f"nothing listens at 127.0.0.1:{port}"),
            Subscription(mqtt, ["t"], threading.Event()),
        ):
            pass


def test_the_timeout_of_a_command_bounds_a_broker_that_does_not_answer_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the system accepts, and nobody reads
        port = silent.getsockname()[1]
        mqtt = parse_config({"mqtt": {"host": "127.0.0.1", "port": port}}, "test").mqtt
        with pytest.raises(LinkError, match=f"127.0.0.1:{port} does not answer within 0.3 s"):
            ask(mqtt, Place("hq", "door"), "status", {}, 0.3)
