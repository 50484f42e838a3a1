"""The shipped broker configuration on a real mosquitto, with certificates made as its README says."""

import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import pytest
from mosquitto import drop_connection

from edge.clock import SystemClock
from edge.config import Mqtt, OutboxConfig
from edge.events import CameraFault, Place, new_event
from edge.mqtt import MqttLink, OutgoingMessage
from edge.outbox import Outbox
from edge.outbox.delivery import Delivery
from edge.service.home_assistant import topic as description_of

SHIPPED = Path(__file__).resolve().parents[2] / "systemd" / "mosquitto"
WAIT_S = 20.0
HERE, THERE, SPEAKER = (
    Place("headquarters", name) for name in ("north-door", "south-door", "north-door-speaker")
)
PAUSE = threading.Event()
pytestmark = [
    pytest.mark.process,
    pytest.mark.filterwarnings(
        "ignore:unclosed <ssl.SSLSocket:ResourceWarning"
    ),  # paho, on a failed handshake
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


class Told:
    """A listener that keeps the acknowledgements."""

    def __init__(self) -> None:
        self.acknowledged_: SimpleQueue[tuple[int, str | None]] = SimpleQueue()
        self.ups: SimpleQueue[int] = SimpleQueue()

    def up(self, connection: int) -> None:
        self.ups.put(connection)

    def down(self) -> None:
        pass

    def acknowledged(self, token: int, refusal: str | None) -> None:
        self.acknowledged_.put((token, refusal))


class Client:
    """A link that hears and publishes."""

    def __init__(self, settings: Mqtt, name: str, filters: tuple[str, ...], **more: Any) -> None:
        self.heard: SimpleQueue[tuple[str, bytes]] = SimpleQueue()
        self.told = Told()
        self.link = MqttLink(
            settings,
            name,
            subscriptions=[(one, 1) for one in filters],
            on_message=lambda m: self.heard.put((m.topic, m.payload)),
            **more,
        )
        self.link.listen(self.told)
        self.link.start()

    def publish(self, topic: str, payload: bytes = b"x", *, retain: bool = False) -> str | None:
        """Returns why the broker refuses it."""
        token = self.link.publish(topic, payload, retain=retain)
        while True:
            found, refusal = self.told.acknowledged_.get(timeout=WAIT_S)
            if found == token:
                return refusal


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the README's commands make, and the same for another device and for a stranger's authority."""
    folder = tmp_path_factory.mktemp("keys")
    text = (SHIPPED / "README.md").read_text(encoding="utf-8")
    (commands,) = (
        block for block in re.findall(r"```\n(.*?)```", text, re.DOTALL) if "-keyout ca.key" in block
    )
    more = commands.replace("north-door", "south-door").replace("client.", "other.").splitlines()
    device = next(line for line in more if "other.key" in line)
    ops = next(line for line in commands.splitlines() if "-keyout ops.key" in line)
    assistant = ops.replace("CN=ops", "CN=homeassistant").replace("ops.", "homeassistant.")
    shell = f"set -e\n{commands}{device}\n{assistant}\nmkdir stranger; cd stranger\n{commands}"
    subprocess.run(
        ["sh", "-c", shell.replace("broker.example.org", "localhost")],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return folder


def shipped(name: str, keys: Path) -> list[str]:
    """The lines of a shipped configuration but those that belong to the place where it runs."""
    text = (SHIPPED / name).read_text(encoding="utf-8")
    text = text.replace("/etc/mosquitto/certs", str(keys)).replace("/etc/mosquitto/", f"{SHIPPED}/")
    ours = ("#", "listener ", "persistence", "per_listener_settings")
    return [line for line in text.splitlines() if line and not line.startswith(ours)]


@pytest.fixture
def secured(make_broker: Callable[..., Any], keys: Path) -> Any:
    """The devices' mosquitto with the shipped files, on a free port."""
    broker = make_broker(*shipped("maskgate.conf", keys))
    broker.start()
    return broker


@pytest.fixture
def ops_broker(make_broker: Callable[..., Any], keys: Path, secured: Any) -> Any:
    """Ops's mosquitto with the shipped files, on a free port, once its bridge has joined the other one."""
    address = f"localhost:{secured.port}"
    lines = [line.replace("broker.example.org:8883", address) for line in shipped("maskgate-ops.conf", keys)]
    broker = make_broker(*lines)
    broker.start()
    return broker


@pytest.fixture
def bridged(ops_broker: Any, secured: Any, keys: Path) -> Any:
    """Ops's broker, as soon as a message has passed the bridge in each direction."""
    files = {"cert_file": keys / "client.pem", "key_file": keys / "client.key", "ca_file": keys / "ca.pem"}
    device = Client(Mqtt(host="localhost", port=secured.port, **files), "probe", (HERE.topic("cmd"),))
    files = {"cert_file": keys / "ops.pem", "key_file": keys / "ops.key", "ca_file": keys / "ca.pem"}
    ops = Client(Mqtt(host="localhost", port=ops_broker.port, **files), "probe", (HERE.topic("rsp"),))
    for sender, receiver, leaf in ((device, ops, "rsp"), (ops, device, "cmd")):
        while receiver.heard.empty():
            if sender.link.status.state == "online":
                sender.publish(HERE.topic(leaf), b"probe")
            PAUSE.wait(0.05)
    device.link.stop(WAIT_S)
    ops.link.stop(WAIT_S)
    return ops_broker


@pytest.fixture
def connect(secured: Any, bridged: Any, keys: Path) -> Iterator[Callable[..., Client]]:
    """A client with one of the certificates, at the broker where it belongs; it is on line."""
    made: list[Client] = []

    def build(
        certificate: str,
        *filters: str,
        wait: bool = True,
        port: int | None = None,
        name: str = "",
        **more: Any,
    ) -> Client:
        files = {"cert_file": keys / f"{certificate}.pem", "key_file": keys / f"{certificate}.key"}
        own = bridged.port if certificate in ("ops", "homeassistant") else secured.port
        settings = Mqtt(host="localhost", port=port or own, ca_file=keys / "ca.pem", **files)
        made.append(Client(settings, name or f"{certificate}-{len(made)}", filters, **more))
        if wait:
            made[-1].told.ups.get(timeout=WAIT_S)
            # The broker answers in order: what it refuses now, it read after our subscriptions
            assert made[-1].publish("nobody/may") == "Not authorized"
        return made[-1]

    yield build
    for client in made:
        client.link.stop(WAIT_S)


@pytest.mark.slow
def test_a_device_writes_its_own_topics_and_no_other(connect: Callable[..., Client]) -> None:
    ops, device = connect("ops", "#"), connect("client")
    for leaf in ("status", "info", "health", "event", "summary", "rsp"):
        assert device.publish(HERE.topic(leaf), leaf.encode()) is None
        assert ops.heard.get(timeout=WAIT_S) == (HERE.topic(leaf), leaf.encode())
    speaker = connect("speaker")
    assert speaker.publish(SPEAKER.topic("event")) is None
    assert ops.heard.get(timeout=WAIT_S)[0] == SPEAKER.topic("event")
    assert speaker.publish(HERE.topic("event")) == "Not authorized"
    wrong = [SPEAKER.topic(leaf) for leaf in ("status", "info", "health", "event")]
    wrong += [THERE.topic(leaf) for leaf in ("status", "info", "health", "event", "summary", "cmd", "rsp")]
    wrong += [
        HERE.topic("cmd"),
        "maskgate/v1/elsewhere/north-door/event",
        "maskgate",
        "other",
        "homeassistant/x",
    ]
    assert {topic: device.publish(topic) for topic in wrong} == dict.fromkeys(wrong, "Not authorized")
    assert device.publish(HERE.topic("event"), b"the last") is None
    assert ops.heard.get(timeout=WAIT_S) == (HERE.topic("event"), b"the last")


@pytest.mark.slow
def test_ops_commands_one_device_and_writes_no_events(connect: Callable[..., Client]) -> None:
    everything = ("#", HERE.topic("cmd"), THERE.topic("cmd"))
    ops, here, there = connect("ops"), connect("client", *everything), connect("other", *everything)
    assert ops.publish(HERE.topic("cmd"), b"status") is None
    assert ops.publish(THERE.topic("cmd"), b"reload") is None
    assert here.heard.get(timeout=WAIT_S) == (HERE.topic("cmd"), b"status")
    assert there.heard.get(timeout=WAIT_S) == (THERE.topic("cmd"), b"reload")
    assert ops.publish(HERE.topic("event")) == "Not authorized"
    # the same topic twice would say that there was a second one in between
    assert ops.publish(HERE.topic("cmd"), b"the last") is None
    while (heard := here.heard.get(timeout=WAIT_S)) != (HERE.topic("cmd"), b"the last"):
        assert heard == (HERE.topic("cmd"), b"status")  # once for each filter that fits


def test_only_who_announces_hears_the_events_of_its_site(connect: Callable[..., Client]) -> None:
    events = "maskgate/v1/headquarters/+/event"
    speaker, other = connect("client", events), connect("other", events, THERE.topic("cmd"))
    ops = connect("ops")
    assert other.publish(THERE.topic("event"), b"somebody") is None
    assert speaker.heard.get(timeout=WAIT_S) == (THERE.topic("event"), b"somebody")
    assert ops.publish(THERE.topic("cmd"), b"only this") is None
    assert other.heard.get(timeout=WAIT_S) == (THERE.topic("cmd"), b"only this")


def test_a_device_describes_itself_to_home_assistant_and_no_other(connect: Callable[..., Client]) -> None:
    assistant, device = connect("homeassistant", "homeassistant/#", HERE.topic("event")), connect("client")
    own, others = (description_of("homeassistant", place) for place in (HERE, THERE))
    assert device.publish(others) == "Not authorized"
    assert device.publish(own, b"{}") is None
    assert assistant.heard.get(timeout=WAIT_S) == (own, b"{}")
    assert assistant.publish("homeassistant/status", b"online") is None
    assert assistant.heard.get(timeout=WAIT_S) == ("homeassistant/status", b"online")
    assert assistant.publish(HERE.topic("cmd")) == assistant.publish(HERE.topic("event")) == "Not authorized"
    assert device.publish(HERE.topic("event"), b"somebody") is None
    assert assistant.heard.get(timeout=WAIT_S) == (HERE.topic("event"), b"somebody")


def test_a_stranger_gets_nothing_nor_does_anybody_at_the_others_broker(
    connect: Callable[..., Client], secured: Any, bridged: Any, keys: Path, eventually: Any
) -> None:
    forged = connect("stranger/ops", "#", wait=False)
    naked = Client(Mqtt(host="localhost", port=secured.port, ca_file=keys / "ca.pem"), "naked", ("#",))
    plain = Client(Mqtt(host="localhost", port=secured.port), "plain", ("#",))
    lost = connect("client", "#", wait=False, port=bridged.port)  # a device at ops's door
    astray = connect("ops", "#", wait=False, port=secured.port)  # and ops at the devices'
    ops, device = connect("ops", "#"), connect("client")
    assert device.publish(HERE.topic("status"), b"secret") is None
    assert ops.heard.get(timeout=WAIT_S) == (HERE.topic("status"), b"secret")
    for client in (forged, naked, plain, lost, astray):
        eventually(lambda client=client: client.link.status.state == "unreachable")
        assert client.heard.empty()
        assert client.told.ups.empty()
    assert f"localhost:{secured.port}" in forged.link.status.message
    for client in (naked, plain):
        client.link.stop(WAIT_S)


SHARED = "$share/ingest/maskgate/v1/+/+/event"


def test_a_device_takes_no_share_of_what_ops_subscribes_to_together(connect: Callable[..., Client]) -> None:
    ops = [connect("ops", SHARED) for _ in range(2)]
    # It may read the events of its site, so it hears some in its group; ops still gets all of them.
    _, door = connect("client", SHARED, "$share/ingest/maskgate/v1/#"), connect("other")
    for number in range(60):
        assert door.publish(THERE.topic("event"), b"%d" % number) is None
    got: list[int] = []
    while len(got) < 60:
        for client in ops:
            with suppress(Empty):
                got.append(int(client.heard.get(timeout=0.1)[1]))
    assert sorted(got) == list(range(60))


def test_nobody_takes_the_session_of_another_one_or_throws_it_out(
    connect: Callable[..., Client], eventually: Any
) -> None:
    consumer = connect("ops", "maskgate/v1/+/+/event", name="ops-db", durable=True)
    consumer.link.stop(WAIT_S)
    own = "maskgate/headquarters/south-door/c8a236a828ca"  # as a device calls itself
    door = connect("other", name=own)
    for number in range(50):
        assert door.publish(THERE.topic("event"), b"%d" % number) is None
    for name in ("ops-db", "ops-bridge", "headquarters/south-door", own):
        thief = connect("client", "maskgate/v1/+/+/event", name=name)
        assert thief.publish(HERE.topic("event"), b"stolen?") is None
        thief.link.stop(WAIT_S)
    again = connect("ops", "maskgate/v1/+/+/event", name="ops-db", durable=True)
    waiting = [again.heard.get(timeout=WAIT_S)[1] for _ in range(54)]
    assert waiting[:50] == [b"%d" % number for number in range(50)]
    assert door.link.status.state == "online"
    assert door.told.ups.empty()  # it was never thrown out


def test_what_happens_while_the_ops_broker_is_away_arrives_when_it_is_back(
    connect: Callable[..., Client], bridged: Any, keys: Path
) -> None:
    door = connect("client")
    assert door.publish(HERE.topic("status"), b"online", retain=True) is None
    bridged.stop()
    assert door.publish(HERE.topic("event"), b"meanwhile") is None
    assert door.publish(HERE.topic("status"), b"offline", retain=True) is None
    bridged.start()
    ops = connect("ops", "maskgate/v1/+/+/status")
    while ops.heard.get(timeout=WAIT_S) != (HERE.topic("status"), b"offline"):
        pass
    late = connect("ops", "maskgate/v1/+/+/status")
    assert late.heard.get(timeout=WAIT_S) == (HERE.topic("status"), b"offline")


def test_a_refusal_is_seen_and_the_event_kept(connect: Callable[..., Client], tmp_path: Path) -> None:
    client, clock = connect("client"), SystemClock()
    outbox = Outbox(OutboxConfig(path=tmp_path / "outbox.sqlite"), clock)
    delivery = Delivery(outbox, client.link, THERE, clock)  # a device with another one's name
    client.link.listen(delivery)
    delivery.start()
    delivery.up(1)
    outbox.append(new_event(CameraFault(state="opened", reason="black", message=""), clock.utc()), THERE)
    delivery.wake()
    while delivery.problem is None:
        delivery.flush(0.05)
    assert f"the broker refuses event 1 on {THERE.topic('event')} (Not authorized)" in delivery.problem
    delivery.close()
    assert outbox.depth == 1
    outbox.close()


def test_a_will_in_another_ones_name_is_not_published(
    secured: Any, keys: Path, connect: Callable[..., Client], eventually: Any
) -> None:
    ops = connect("ops", "#")
    files = {"cert_file": keys / "client.pem", "key_file": keys / "client.key", "ca_file": keys / "ca.pem"}
    link = MqttLink(
        Mqtt(host="localhost", port=secured.port, **files),
        "forger",
        will=lambda: OutgoingMessage(THERE.topic("status"), b"offline", retain=True),
    )
    link.start()
    eventually(lambda: link.status.state == "online")
    drop_connection(link)  # it vanishes without a word
    eventually(lambda: link._connections == 2)
    link.stop(WAIT_S)
    device = connect("client")
    assert device.publish(HERE.topic("event"), b"the last") is None
    assert ops.heard.get(timeout=WAIT_S) == (HERE.topic("event"), b"the last")
