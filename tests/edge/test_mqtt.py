"""The link against a real mosquitto: life and death, troubles in words, nothing queued behind our back."""

import logging
import os
import random
import resource
import select
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import datetime, timezone
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from edge.backoff import Backoff
from edge.config import Mqtt
from edge.errors import ConfigError
from edge.mqtt import IncomingMessage, MqttLink, OutgoingMessage
from edge.mqtt import connection as connection_module
from edge.mqtt import link as link_module
from edge.mqtt.session import PACKET_MAX
from edge.mqtt.status_watch import StatusWatch
from edge.sim.embedded_broker import EmbeddedBroker

pytestmark = pytest.mark.process

WAIT_S = 20.0
CLIENT_ID = "maskgate/hq/north-door"
STATUS = "maskgate/v1/hq/north-door/status"
WILL = OutgoingMessage(STATUS, b"vanished", retain=True)
BIRTH = OutgoingMessage(STATUS, b"online", retain=True)
FAREWELL = OutgoingMessage(STATUS, b"stopped", retain=True)


class Recorder:
    """A listener that keeps what it was told."""

    def __init__(self) -> None:
        self.told: SimpleQueue[tuple[str, Any]] = SimpleQueue()

    def up(self, connection: int) -> None:
        self.told.put(("up", connection))

    def down(self) -> None:
        self.told.put(("down", None))

    def acknowledged(self, token: int, refusal: str | None) -> None:
        self.told.put((f"acknowledged {token}", refusal))

    def next(self) -> tuple[str, Any]:
        return self.told.get(timeout=WAIT_S)

    def wait_for(self, what: str) -> Any:
        while True:
            told, detail = self.next()
            if told == what:
                return detail


@pytest.fixture
def make() -> Iterator[Callable[..., tuple[MqttLink, Recorder]]]:
    """A started link with its listener."""
    made: list[MqttLink] = []

    def build(
        port: int,
        client_id: str = CLIENT_ID,
        more: dict[str, Any] | None = None,
        **options: Any,
    ) -> tuple[MqttLink, Recorder]:
        settings = Mqtt.model_validate({"host": "127.0.0.1", "port": port, **(more or {})})
        link, recorder = MqttLink(settings, client_id, **options), Recorder()
        link.listen(recorder)
        link.start()
        made.append(link)
        return link, recorder

    yield build
    for link in made:
        link.stop(WAIT_S)
        assert link.status.state == "closed"
    assert not [t.name for t in threading.enumerate() if t.name.startswith("mqtt ")]


def free_tcp_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def free_port() -> int:
    return free_tcp_port()


@pytest.fixture
def serve() -> Iterator[Callable[[bytes], int]]:
    """A TCP server that is not a broker: it reads, sends a given answer, and goes on listening."""
    servers: list[socket.socket] = []

    def start(answer: bytes) -> int:
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def accept() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client, suppress(ConnectionError):
                    client.recv(4096)
                    client.sendall(answer)
                    while client.recv(4096):
                        pass

        threading.Thread(target=accept, daemon=True).start()
        return int(server.getsockname()[1])

    yield start
    for server in servers:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_birth_will_and_farewell(broker: Any, make: Any, make_ops: Any, protocol: str) -> None:
    ops = make_ops(broker.port)
    link, recorder = make(broker.port, more={"protocol": protocol}, will=lambda: WILL, birth=lambda: [BIRTH])
    assert recorder.next() == ("up", 1)
    assert link.status.state == "online"
    assert link.status.message == f"connected to 127.0.0.1:{broker.port} with MQTT {protocol}"
    assert ops.next() == (STATUS, "online", False)

    link._online[1].socket().shutdown(socket.SHUT_RDWR)
    recorder.wait_for("down")
    assert recorder.next() == ("up", 2)
    assert [ops.next()[1], ops.next()[1]] == ["vanished", "online"]

    link.stop(WAIT_S, [FAREWELL])
    assert ops.next()[1] == "stopped"
    assert link.status.state == "closed"
    late = make_ops(broker.port)
    assert late.next() == (STATUS, "stopped", True)
    assert ops.heard.empty()


def test_the_will_is_made_again_for_every_connection(broker: Any, make: Any, make_ops: Any) -> None:
    ops = make_ops(broker.port)
    wills = iter([b"first", b"second", b"third"])
    link, recorder = make(broker.port, will=lambda: OutgoingMessage(STATUS, next(wills)))
    for vanished in ("first", "second"):
        recorder.wait_for("up")
        link._online[1].socket().shutdown(socket.SHUT_RDWR)
        recorder.wait_for("down")
        assert ops.next()[1] == vanished


def test_the_broker_keeps_back_what_is_larger_than_any_message_of_ours(
    broker: Any, make: Any, make_ops: Any
) -> None:
    heard: SimpleQueue[bytes] = SimpleQueue()
    make(
        broker.port,
        birth=lambda: [OutgoingMessage("a", b"birth", retain=True)],
        subscriptions=[("a", 1)],
        on_message=lambda m: heard.put(m.payload),
    )
    assert heard.get(timeout=WAIT_S) == b"birth"  # the subscription is made
    ops = make_ops(broker.port)
    for payload in (bytes(PACKET_MAX), b"x" * (PACKET_MAX - 100), b"the last"):
        ops.client.publish("a", payload, 1).wait_for_publish(WAIT_S)
    assert [len(heard.get(timeout=WAIT_S)) for _ in range(2)] == [PACKET_MAX - 100, 8]


def test_it_works_beyond_a_thousand_open_files(broker: Any, make: Any) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    with ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        while (file := stack.enter_context(open(os.devnull))).fileno() < 1100:  # noqa: PTH123  many at once
            pass
        link, recorder = make(broker.port)
        recorder.wait_for("up")
        assert link._online[1].socket().fileno() > file.fileno()
        token = link.publish("t", b"hello")
        assert recorder.next() == (f"acknowledged {token}", None)
        link.stop(WAIT_S)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_token_comes_back_when_the_broker_has_it(
    broker: Any, make: Any, make_ops: Any, protocol: str
) -> None:
    ops = make_ops(broker.port)
    link, recorder = make(broker.port, more={"protocol": protocol})
    recorder.wait_for("up")
    token = link.publish("t", b"hello")
    assert recorder.next() == (f"acknowledged {token}", None)
    assert ops.next() == ("t", "hello", False)
    assert link.publish("t", b"kept", qos=0, retain=True) is not None
    assert ops.next()[1] == "kept"
    assert make_ops(broker.port).next() == ("t", "kept", True)


@pytest.mark.timeout(20)
def test_a_message_does_not_wait_for_the_next_look_at_the_socket(broker: Any, make: Any) -> None:
    link, recorder = make(broker.port)
    recorder.wait_for("up")
    for _ in range(40):  # a second each, if it did
        token = link.publish("t", b"")
        assert recorder.next() == (f"acknowledged {token}", None)


def test_many_threads_may_publish_at_once(broker: Any, make: Any) -> None:
    link, recorder = make(broker.port)
    recorder.wait_for("up")

    def publish() -> None:
        for _ in range(20):
            assert link.publish("t", bytes(100_000)) is not None

    threads = [threading.Thread(target=publish) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = [recorder.next() for _ in range(80)]
    assert sorted(told) == sorted((f"acknowledged {token}", None) for token in range(1, 81))


def test_nothing_is_kept_for_a_later_connection(broker: Any, make: Any, make_ops: Any) -> None:
    ops = make_ops(broker.port)
    link, recorder = make(broker.port)
    recorder.wait_for("up")
    assert link.publish("t", b"on the first", connection=1) is not None
    assert link.publish("t", b"on a later one", connection=2) is None
    heard = [ops.next()[1]]
    broker.stop()
    recorder.wait_for("down")
    assert link.publish("t", b"while it is down") is None
    assert "was lost" in link.status.message
    broker.start()
    assert recorder.wait_for("up") == 2
    assert link.publish("t", b"on the first again", connection=1) is None
    assert link.publish("t", b"on the second", connection=2) is not None
    while heard[-1] != "on the second":
        heard.append(ops.next()[1])
    assert set(heard) == {"on the first", "on the second"}


def test_a_broker_that_is_absent_at_the_start_is_waited_for(
    make: Any, make_broker: Any, eventually: Any, caplog: pytest.LogCaptureFixture
) -> None:
    broker = make_broker("allow_anonymous true")
    link, recorder = make(broker.port)
    eventually(lambda: link.status.state == "unreachable")
    assert link.status.message == (
        f"nothing listens at 127.0.0.1:{broker.port} (connection refused): is the broker running, "
        "is [mqtt] port right?"
    )
    broker.start()
    assert recorder.next() == ("up", 1)
    assert caplog.text.count("nothing listens") == 1


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
@pytest.mark.parametrize("username", ["north-door", None])
def test_a_refused_login_names_the_user_and_the_keys(
    make: Any, make_broker: Any, eventually: Any, tmp_path: Path, protocol: str, username: str | None
) -> None:
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-c", "-b", passwords, "north-door", "right"], check=True)
    broker = make_broker("allow_anonymous false", f"password_file {passwords}")
    broker.start()
    more: dict[str, Any] = {"protocol": protocol}
    secret = tmp_path / "secret"
    if username:
        secret.write_text("wrong\n")
        more |= {"username": username, "password_file": secret}
    link, recorder = make(broker.port, more=more)
    eventually(lambda: link.status.state == "refused")
    if username is None:
        assert "without login (Not authorized): set [mqtt] username and password_file" in link.status.message
        return
    assert f"127.0.0.1:{broker.port} refused the login of user 'north-door' (Not authorized)" in (
        link.status.message
    )
    secret.write_text("right\n")
    _, better = make(broker.port, "other", more=more)
    better.wait_for("up")
    assert recorder.told.empty()


def test_a_refused_message_is_told_with_mqtt_5(make: Any, make_broker: Any, tmp_path: Path) -> None:
    acl = tmp_path / "acl"
    acl.write_text("topic write mine/#\n")
    acl.chmod(0o600)
    broker = make_broker("allow_anonymous true", f"acl_file {acl}")
    broker.start()
    link, recorder = make(broker.port)
    recorder.wait_for("up")
    mine, others = link.publish("mine/a", b""), link.publish("others/a", b"")
    assert recorder.next() == (f"acknowledged {mine}", None)
    assert recorder.next() == (f"acknowledged {others}", "Not authorized")


def test_subscriptions_are_made_at_every_connect_and_durable_ones_miss_nothing(
    broker: Any, make: Any, make_ops: Any
) -> None:
    ops = make_ops(broker.port)
    heard: SimpleQueue[tuple[str, bytes, bool]] = SimpleQueue()
    options = {
        "subscriptions": [("a/#", 1)],
        "on_message": lambda m: heard.put((m.topic, m.payload, m.retained)),
        "durable": True,
    }
    ops.client.publish("a/kept", b"1", 1, retain=True).wait_for_publish(WAIT_S)
    link, _ = make(broker.port, **options)
    assert heard.get(timeout=WAIT_S) == ("a/kept", b"1", True)
    link.stop(WAIT_S)
    ops.client.publish("a/meanwhile", b"2", 1).wait_for_publish(WAIT_S)
    make(broker.port, **options)
    assert {heard.get(timeout=WAIT_S), heard.get(timeout=WAIT_S)} == {
        ("a/meanwhile", b"2", False),
        ("a/kept", b"1", True),
    }


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_retained_message_shows_its_flag_to_who_is_connected_with_mqtt_5_alone(
    broker: Any, make: Any, make_ops: Any, protocol: str
) -> None:
    ops, heard = make_ops(broker.port), SimpleQueue[IncomingMessage]()
    options = {"subscriptions": [("a", 1)], "on_message": heard.put, "retain_as_published": True}
    birth = [OutgoingMessage("a", b"birth", retain=True)]
    make(broker.port, more={"protocol": protocol}, birth=lambda: birth, **options)
    assert heard.get(timeout=WAIT_S).payload == b"birth"  # the subscription is made
    ops.client.publish("a", b"1", 1, retain=True).wait_for_publish(WAIT_S)
    message = heard.get(timeout=WAIT_S)
    assert (message.payload, message.retained) == (b"1", protocol == "5")


def test_how_long_the_broker_kept_a_message_shows_in_what_is_left_of_its_expiry(
    make_broker: Any, make: Any, eventually: Any
) -> None:
    broker = make_broker("allow_anonymous true", "sys_interval 1")
    broker.start()
    heard, uptime = SimpleQueue[IncomingMessage](), SimpleQueue[IncomingMessage]()
    options = {"subscriptions": [("a", 1)], "on_message": heard.put, "durable": True}
    away, _ = make(broker.port, client_id="speaker", **options)
    eventually(lambda: away.status.state == "online")
    sender, _ = make(broker.port, "device", subscriptions=[("$SYS/broker/uptime", 1)], on_message=uptime.put)
    eventually(lambda: sender.publish("a", b"live", expiry_s=1000))
    live = heard.get(timeout=WAIT_S)
    assert (live.expires_in_s, live.maybe_kept) == (1000, False)
    away.stop(WAIT_S)
    assert sender.publish("a", b"kept", expiry_s=1000)
    while not uptime.empty():
        uptime.get()
    for _ in range(3):  # the broker's clock goes on by whole seconds
        uptime.get(timeout=WAIT_S)
    make(broker.port, client_id="speaker", **options)
    kept = heard.get(timeout=WAIT_S)
    assert (kept.payload, kept.maybe_kept) == (b"kept", True)
    assert kept.expires_in_s in range(900, 1000)


def test_a_refused_subscription_is_named(make: Any, serve: Any, eventually: Any, caplog: Any) -> None:
    connack, suback = b"\x20\x02\x00\x00", b"\x90\x03\x00\x01\x80"
    port = serve(connack + suback)
    link, _ = make(port, more={"protocol": "3.1.1"}, subscriptions=[("secret/#", 1)])
    eventually(lambda: link.status.problem is not None)
    assert "refuses the subscription to secret/#" in link.status.problem
    assert link.status.state == "online"
    assert [r.levelname for r in caplog.records if "refuses the subscription" in r.message] == ["WARNING"]


def dated() -> dict[str, Any]:
    """A will and a birth as devices have them: no two are alike."""
    numbers = count()

    def status(word: str) -> OutgoingMessage:
        return OutgoingMessage(STATUS, f"{word} {next(numbers)} {id(numbers)}".encode(), retain=True)

    return {"will": lambda: status("offline"), "birth": lambda: [status("online")]}


class BadNetwork:
    """Leads to a broker, and cuts each connection as soon as the client's second subscription is answered."""

    def __init__(self, port: int, cuts: int) -> None:
        self._broker, self.left = port, cuts
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            with client, socket.create_connection(("127.0.0.1", self._broker)) as broker:
                self._pump(client, broker)

    def _pump(self, client: socket.socket, broker: socket.socket) -> None:
        answers = 0
        while True:
            for ready in select.select([client, broker], [], [], WAIT_S)[0]:
                try:
                    chunk = ready.recv(65536)
                    (broker if ready is client else client).sendall(chunk)
                except OSError:
                    return
                if not chunk:
                    return
                # SUBACK: 0x90, its length, and small packet numbers
                answers += chunk.count(b"\x90\x04\x00") + chunk.count(b"\x90\x03\x00")
            if answers >= 2 and self.left:
                self.left -= 1
                return

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for thread in self._threads:
            thread.join()


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_bad_network_is_not_taken_for_a_second_client(
    broker: Any, make: Any, monkeypatch: pytest.MonkeyPatch, protocol: str, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(link_module, "_RETRY", Backoff(first_s=0.01, longest_s=10.0))
    monkeypatch.setattr(Backoff, "pause_s", lambda *_: 0.01)
    told: list[str] = []
    network = BadNetwork(broker.port, cuts=12)
    options = {**dated(), "subscriptions": [("a", 1)], "on_message": lambda _: None}
    link, recorder = make(network.port, "device", {"protocol": protocol}, on_replaced=told.append, **options)
    while network.left:
        recorder.next()
    recorder.wait_for("up")
    assert told == []
    assert (
        "is lost within seconds, without a word from the broker: check the network on the way" in caplog.text
    )
    assert "another client" not in caplog.text
    link.stop(WAIT_S)
    network.close()


def test_an_old_status_of_a_restored_broker_is_not_a_second_client() -> None:
    watch = StatusWatch()
    for n in range(5):
        watch.will(OutgoingMessage("s", b"offline %d" % n))
        watch.connected("broker:1883")
        watch.kept(b"of the run before" if n in (0, 2) else b"online %d" % (n - 1))
        watch.wrote(OutgoingMessage("s", b"online %d" % n))
        watch.kept(b"online %d" % n)
        assert not watch.contested
    watch.connected("fallback:1883")
    watch.kept(b"of last month")  # never seen before: no proof
    for _ in range(2):
        assert not watch.contested
        watch.connected("broker:1883")
        watch.kept(b"somebody else's")
    assert watch.contested


def test_two_with_one_name_do_not_fight_for_ever(
    broker: Any, make: Any, monkeypatch: pytest.MonkeyPatch, eventually: Any
) -> None:
    monkeypatch.setattr(link_module, "_RETRY", Backoff(first_s=0.05, longest_s=10.0))
    monkeypatch.setattr(link_module, "_REPLACED_S", 600.0)
    told: list[str] = []
    links = [make(broker.port, "twin", **dated(), on_replaced=told.append)[0] for _ in range(2)]
    eventually(lambda: told)
    assert f"another client calls itself 'twin' at 127.0.0.1:{broker.port} too" in told[0]
    assert "Give every device its own [site] id and device" in told[0]
    # one has given way for a long time, so the other one stays
    eventually(lambda: sorted(link.status.state for link in links) == ["online", "unreachable"])
    (away,) = (link for link in links if link.status.state == "unreachable")
    assert away.status.message == told[0]


def test_a_broker_that_says_that_another_client_took_our_place_is_trusted_at_once(
    make: Any, serve: Any, eventually: Any
) -> None:
    connack, taken_over = b"\x20\x03\x00\x00\x00", b"\xe0\x01\x8e"
    told: list[str] = []
    make(serve(connack + taken_over), on_replaced=told.append)
    eventually(lambda: told)
    assert told[0].startswith("another client calls itself 'maskgate/hq/north-door' at 127.0.0.1")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "port of an MQTT broker that needs no TLS"),
        (b"\x20\x05\x00\x00\x02\xff\xff", "port of an MQTT broker that needs no TLS"),
        (b"\xff" * 64, "port of an MQTT broker that needs no TLS"),
        (b"", "and that the broker works"),
    ],
)
def test_what_is_no_broker_is_called_so(
    make: Any, serve: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch, answer: bytes, message: str
) -> None:
    monkeypatch.setattr(connection_module, "ANSWER_S", 0.1)
    link, recorder = make(serve(answer), more={"keepalive_s": 600})
    eventually(lambda: link.status.state == "unreachable")
    assert message in link.status.message
    assert recorder.told.empty()


def test_a_name_that_does_not_exist_is_named(make: Any, eventually: Any) -> None:
    link, _ = make(1883, more={"host": "no-such-host.invalid", "encryption": "none"})
    eventually(lambda: link.status.state == "unreachable")
    assert "the name no-such-host.invalid can't be resolved" in link.status.message
    with pytest.raises(ValueError, match=r"found 'a\.\.b'; write a name or an IP address"):
        Mqtt.model_validate({"host": "a..b", "encryption": "none"})


def test_a_broker_that_is_silent_in_mqtt_5_is_asked_in_3_1_1(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "ANSWER_S", 0.3)
    with EmbeddedBroker() as old:  # amqtt takes MQTT 5 for garbage and is silent
        link, recorder = make(old.port)
        recorder.wait_for("up")
        assert link.status.message == f"connected to 127.0.0.1:{old.port} with MQTT 3.1.1"
        link.stop(WAIT_S)


def test_the_next_broker_is_taken_where_the_first_is_away_and_the_first_one_again_after_a_loss(
    make: Any, make_broker: Any, broker: Any, caplog: pytest.LogCaptureFixture
) -> None:
    first = make_broker("allow_anonymous true")
    link, recorder = make(first.port, more={"fallbacks": [f"localhost:{broker.port}"]})
    recorder.wait_for("up")
    assert link.status.message == f"connected to localhost:{broker.port} with MQTT 5"
    first.start()
    broker.stop()
    recorder.wait_for("up")
    assert link.status.message == f"connected to 127.0.0.1:{first.port} with MQTT 5"


def test_when_no_broker_can_be_reached_all_are_named(make: Any, free_port: int, eventually: Any) -> None:
    link, _ = make(free_port, more={"fallbacks": ["localhost:1"]})
    eventually(lambda: link.status.state == "unreachable")
    assert f"nothing listens at 127.0.0.1:{free_port}" in link.status.message
    assert "; nothing listens at localhost:1" in link.status.message


def test_it_works_over_websockets(make: Any, make_broker: Any, make_ops: Any, eventually: Any) -> None:
    broker = make_broker("allow_anonymous true", "listener 0 127.0.0.1", "protocol websockets")
    sockets = free_tcp_port()
    text = broker.conf.read_text().replace("listener 0 ", f"listener {sockets} ")
    broker.conf.write_text(text)
    broker.start()
    ops = make_ops(broker.port)
    link, recorder = make(sockets, more={"transport": "websockets"}, will=lambda: WILL, birth=lambda: [BIRTH])
    recorder.wait_for("up")
    assert ops.next() == (STATUS, "online", False)
    recorder.wait_for("acknowledged 2")  # the birth; 1 is the subscription to our own status
    tokens = [link.publish("t", b"x" * size) for size in (1, 1000, 100_000)]
    assert [recorder.next() for _ in tokens] == [(f"acknowledged {token}", None) for token in tokens]
    assert [len(ops.next()[1]) for _ in tokens] == [1, 1000, 100_000]
    link.stop(WAIT_S, [FAREWELL])
    assert ops.next()[1] == "stopped"


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")  # paho, on a failed handshake
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_speaks_no_websockets_is_called_so(make: Any, broker: Any, eventually: Any) -> None:
    link, _ = make(broker.port, more={"transport": "websockets"})
    eventually(lambda: link.status.state == "unreachable")
    assert f"127.0.0.1:{broker.port} does not speak WebSockets at /mqtt" in link.status.message


def test_stopping_what_never_started_is_no_mistake() -> None:
    MqttLink(Mqtt(), "x").stop(1.0)


def run(*command: object) -> None:
    subprocess.run([str(c) for c in command], check=True, capture_output=True)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Two authorities; the first one has signed a server and a client."""
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    for name in ("ca", "stranger"):
        files = ("-keyout", tmp_path / f"{name}.key", "-out", tmp_path / f"{name}.pem")
        run("openssl", "req", "-x509", *curve, "-days", "2", "-subj", f"/CN={name}", *files)
    for name, subject in (("server", "/CN=localhost"), ("client", "/CN=north-door")):
        key, request, pem = (tmp_path / f"{name}.{end}" for end in ("key", "csr", "pem"))
        run("openssl", "req", *curve, "-subj", subject, "-keyout", key, "-out", request)
        names = tmp_path / "names"
        names.write_text("subjectAltName = DNS:localhost\n")
        authority = ("-CA", tmp_path / "ca.pem", "-CAkey", tmp_path / "ca.key", "-CAcreateserial")
        run(
            "openssl",
            "x509",
            "-req",
            "-in",
            request,
            *authority,
            "-days",
            "2",
            "-extfile",
            names,
            "-out",
            pem,
        )
    return tmp_path


@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")  # paho, on a failed handshake
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_tls_is_checked_from_both_ends(make: Any, make_broker: Any, keys: Path, eventually: Any) -> None:
    server = [f"cafile {keys}/ca.pem", f"certfile {keys}/server.pem", f"keyfile {keys}/server.key"]
    broker = make_broker("allow_anonymous true", *server, "require_certificate true")
    broker.start()
    tls = {"host": "localhost", "ca_file": keys / "ca.pem"}
    client = {"cert_file": keys / "client.pem", "key_file": keys / "client.key"}
    _, good = make(broker.port, more=tls | client)
    good.wait_for("up")

    stranger, _ = make(broker.port, "stranger", more=tls | client | {"ca_file": keys / "stranger.pem"})
    eventually(lambda: stranger.status.state == "unreachable")
    assert f"certificate of localhost:{broker.port} is not accepted" in stranger.status.message
    assert "ca_file" in stranger.status.message
    other_name, _ = make(broker.port, "name", more=tls | client | {"host": "127.0.0.1"})
    eventually(lambda: other_name.status.state == "unreachable")
    assert "host is the name in the certificate" in other_name.status.message
    anonymous, told = make(broker.port, "anonymous", more=tls)
    eventually(lambda: anonymous.status.state == "unreachable")
    plain, _ = make(broker.port, "plain")
    eventually(lambda: plain.status.state == "unreachable")
    assert "port of an MQTT broker that needs no TLS" in plain.status.message
    assert told.told.empty()


def certify(keys: Path, start: str, end: str) -> None:
    """Sign the server's request again, valid between two moments (YYYYMMDDHHMMSSZ)."""
    (keys / "index").write_text("")
    (keys / "conf").write_text(
        f"[ca]\ndefault_ca = d\n[d]\ndatabase = {keys}/index\nnew_certs_dir = {keys}\nrand_serial = yes\n"
        "default_md = sha256\npolicy = p\n[p]\ncommonName = supplied\n"
    )
    authority = ("-cert", keys / "ca.pem", "-keyfile", keys / "ca.key", "-extfile", keys / "names")
    when = ("-startdate", start, "-enddate", end)
    request = ("-in", keys / "server.csr", "-out", keys / "server.pem")
    run("openssl", "ca", "-batch", "-config", keys / "conf", *authority, *when, *request)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")  # paho, on a failed handshake
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("wrong", ["not yet valid", "expired"])
def test_a_certificate_of_another_time_is_put_down_to_the_clock_and_tried_until_it_is_valid(
    make: Any, make_broker: Any, keys: Path, eventually: Any, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    years = {"not yet valid": ("2090", "2091"), "expired": ("2020", "2021")}[wrong]
    certify(keys, *(f"{year}0101000000Z" for year in years))
    server = [f"cafile {keys}/ca.pem", f"certfile {keys}/server.pem", f"keyfile {keys}/server.key"]
    broker = make_broker("allow_anonymous true", *server)
    broker.start()
    link, recorder = make(broker.port, more={"host": "localhost", "ca_file": keys / "ca.pem"})
    eventually(lambda: link.status.state == "unreachable")
    assert f"(certificate {'is not yet valid' if 'not' in wrong else 'has expired'})" in link.status.message
    assert "this device's clock says 20" in link.status.message
    assert "set it if that is wrong (timedatectl), else renew" in link.status.message
    # a clock without a battery: earlier than this software itself
    monkeypatch.setattr("edge.clock.BUILT", datetime(2200, 1, 1, tzinfo=timezone.utc))
    eventually(
        lambda: "which can't be right. The device gets the time from the network" in link.status.message
    )
    # to the device it is the same whether the clock moves or the certificate does
    certify(keys, "20200101000000Z", "20910101000000Z")
    broker.stop()
    broker.start()
    recorder.wait_for("up")
    assert link.status.state == "online"


def test_secrets_that_can_not_be_used_are_named(keys: Path) -> None:
    (keys / "empty").touch()
    (keys / "secret").write_text("secret")
    for wrong, message in [
        ({"username": "u", "password_file": keys / "none"}, r"password_file: .*none can't be read"),
        ({"username": "u", "password_file": keys / "empty"}, r"password_file: .*empty is empty"),
        ({"password_file": keys / "secret"}, "password_file is given without username"),
        ({"ca_file": keys / "none"}, r"ca_file: .*none can't be used"),
        ({"ca_file": "ca.pem"}, r"ca_file: ca.pem can't be used .* is looked up in \$CREDENTIALS_DIRECTORY"),
        ({"ca_file": keys / "secret"}, r"ca_file: .*secret can't be used"),
        ({"cert_file": keys / "client.pem"}, "need ca_file"),
        ({"ca_file": keys / "ca.pem", "key_file": keys / "client.key"}, "without cert_file"),
        (
            {"ca_file": keys / "ca.pem", "cert_file": keys / "client.pem", "key_file": keys / "server.key"},
            "two PEM files that belong together",
        ),
    ]:
        with pytest.raises(ConfigError, match=message):
            MqttLink(Mqtt.model_validate(wrong), "x")


def test_a_password_in_clear_over_a_network_is_warned_of(
    keys: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (keys / "secret").write_text("secret\n")
    login = {"username": "u", "password_file": keys / "secret"}
    caplog.set_level(logging.WARNING)
    MqttLink(Mqtt.model_validate(login | {"host": "localhost"}), "x")
    MqttLink(Mqtt.model_validate(login | {"host": "a.example", "ca_file": keys / "ca.pem"}), "x")
    assert caplog.text == ""
    MqttLink(Mqtt.model_validate(login | {"host": "a.example", "encryption": "none"}), "x")
    assert "the password for a.example:1883 crosses the network in clear" in caplog.text


def mqtt_string(value: bytes) -> bytes:
    return len(value).to_bytes(2, "big") + value


def remaining_length(number: int) -> bytes:
    """As MQTT writes the length of a packet: seven bits a byte."""
    left, digit = divmod(number, 128)
    return bytes([digit | 128]) + remaining_length(left) if left else bytes([digit])


def packet(first: int, body: bytes) -> bytes:
    """A packet with the right length."""
    return bytes([first]) + remaining_length(len(body)) + body


def connack(protocol: str) -> bytes:
    return packet(0x20, b"\0\0\0" if protocol == "5" else b"\0\0")


def suback(protocol: str, codes: bytes) -> bytes:
    return packet(0x90, b"\0\1" + (b"\0" if protocol == "5" else b"") + codes)


def publish(protocol: str, topic: bytes) -> bytes:
    return packet(0x32, mqtt_string(topic) + b"\0\7" + (b"\0" if protocol == "5" else b"") + b"payload")


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("few codes", "a SUBACK with 1 codes for 2 topics"),
        ("many codes", "a SUBACK with 3 codes for 2 topics"),
        ("no codes", "a SUBACK with 0 codes for 2 topics"),
        ("topic", "a PUBLISH whose topic is not UTF-8"),
        ("twice", "a second CONNACK"),
        ("size", "a packet of 200000000 bytes"),
    ],
)
def test_what_breaks_the_protocol_ends_the_connection_and_is_tried_again(
    make: Any,
    serve: Any,
    eventually: Any,
    monkeypatch: pytest.MonkeyPatch,
    protocol: str,
    what: str,
    words: str,
) -> None:
    monkeypatch.setattr(link_module, "_RETRY", Backoff(first_s=0.01, longest_s=10.0))
    packets = {
        "few codes": suback(protocol, b"\1"),
        "many codes": suback(protocol, b"\1\1\1"),
        "no codes": suback(protocol, b""),
        "topic": publish(protocol, b"caf\xe9"),
        "twice": connack(protocol),
        "size": bytes([0x30]) + remaining_length(200_000_000),
    }
    link, recorder = make(
        serve(connack(protocol) + packets[what]),
        more={"protocol": protocol},
        subscriptions=[("a", 1), ("b", 1)],
        on_message=lambda _: None,
    )
    assert [recorder.wait_for("up"), recorder.wait_for("up")] == [1, 2]
    eventually(lambda: "sent a packet that breaks MQTT" in (link.status.problem or ""))
    assert words in str(link.status.problem)


class HostileBroker:
    """A server that sends other nonsense on each connection. After ``good_from`` of them it is a broker."""

    def __init__(self, seed: int, protocol: str, good_from: int) -> None:
        self._dice, self._protocol, self._good_from = random.Random(seed), protocol, good_from
        self.connections = 0
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.server.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
        self._thread.join(WAIT_S)

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            self.connections += 1
            with client, suppress(OSError):
                asked = client.recv(4096)
                if self.connections > self._good_from:
                    client.sendall(connack("5" if b"MQTT\5" in asked else "3.1.1"))
                    while client.recv(4096):
                        pass
                else:
                    start = connack(self._protocol) if self._dice.random() < 0.9 else b""
                    client.sendall(
                        start + b"".join(self._nonsense() for _ in range(self._dice.randint(1, 4)))
                    )

    def _nonsense(self) -> bytes:
        dice = self._dice
        noise = dice.randbytes(dice.randint(0, 40))
        made = dice.choice(
            [
                packet(dice.randrange(256), noise),
                packet(dice.choice([0x20, 0x40, 0x90, 0xB0, 0xD0, 0xE0, 0xF0]), b"\0\1" + noise),
                suback(self._protocol, noise[: dice.randint(0, 4)]),
                publish(self._protocol, noise),
                packet(0x30 | dice.randrange(16), mqtt_string(noise) + dice.randbytes(9)),
                bytes([dice.randrange(256)]) + noise,
            ]
        )
        changed = bytearray(made)
        for _ in range(dice.choice([0, 0, 1, 3])):
            changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
        return bytes(changed)


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_no_nonsense_of_a_broker_ends_the_link(
    make: Any, monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    monkeypatch.setattr(link_module, "_RETRY", Backoff(first_s=0.001, longest_s=0.001))
    monkeypatch.setattr(link_module, "_REPLACED_S", 0.001)
    monkeypatch.setattr(connection_module, "ANSWER_S", 0.05)
    broker = HostileBroker(15, protocol, good_from=300)
    options = {"subscriptions": [("a", 1), ("b", 1)], "on_message": lambda _: None}
    link, recorder = make(broker.port, more={"protocol": protocol}, **options)
    while broker.connections <= 300:
        recorder.next()
    while link.status.state != "online":
        recorder.next()
    link.stop(WAIT_S)
    broker.close()


def test_an_error_of_our_own_is_not_put_down_to_the_broker(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised: SimpleQueue[BaseException] = SimpleQueue()
    monkeypatch.setattr(threading, "excepthook", lambda arguments: raised.put(arguments.exc_value))

    def broken(_: IncomingMessage) -> None:
        raise RuntimeError("ours")

    settings = Mqtt(host="127.0.0.1", port=serve(connack("5") + publish("5", b"a")))
    link = MqttLink(settings, "x", subscriptions=[("a", 1)], on_message=broken)
    link.start()
    assert str(raised.get(timeout=WAIT_S)) == "ours"
