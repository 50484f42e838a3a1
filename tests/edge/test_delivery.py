"""Delivery over a link in memory that fails by script, and over a real mosquitto that comes and goes."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.clock import Clock, SystemClock
from edge.config import Mqtt, OutboxConfig
from edge.events import CameraFault, Event, Place, Summary, new_event
from edge.mqtt import MqttLink
from edge.outbox import Outbox
from edge.outbox.delivery import WINDOW, Delivery
from edge.sim.manual_clock import START, ManualClock
from edge.sim.memory_link import DeliveredMessage, Fate, MemoryLink

WAIT_S = 20.0
PLACE = Place("hq", "north-door")
FAST = float("inf")
"""Events a second: no limit."""
DEVICE = """
import sys
from pathlib import Path
from edge.clock import SystemClock
from edge.config import Mqtt, OutboxConfig
from edge.outbox.delivery import Delivery
from edge.events import Place, CameraFault, new_event
from edge.mqtt import MqttLink
from edge.outbox import Outbox
clock, place = SystemClock(), Place("hq", "north-door")
outbox = Outbox(OutboxConfig(path=Path(sys.argv[1])), clock)
link = MqttLink(Mqtt(host="127.0.0.1", port=int(sys.argv[2])), "device")
delivery = Delivery(outbox, link, place, clock, rate_per_s=1e6)
delivery.start()
link.start()
data = CameraFault(state="opened", reason="covered", message="it is dark")
while True:
    event = new_event(data, clock.utc())
    outbox.append(event, place)
    print(event.id, flush=True)
    delivery.wake()
"""


def fault(number: int = 1) -> Event:
    data = CameraFault(state="opened", reason="covered", message=str(number))
    return new_event(data, START)


class Device:
    """An outbox, a link and the delivery between them."""

    def __init__(self, path: Path, link: Any, clock: Clock, rate_per_s: float = FAST) -> None:
        self.outbox = Outbox(OutboxConfig(path=path), clock)
        self.delivery = Delivery(self.outbox, link, PLACE, clock, rate_per_s=rate_per_s)
        self.delivery.start()

    def say(self, *events: Event) -> list[str]:
        for event in events:
            self.outbox.append(event, PLACE)
            self.delivery.wake()
        return [event.id for event in events]

    def close(self) -> None:
        self.delivery.close()
        self.outbox.close()


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Device]]:
    """A device on a link; the second one continues with the first one's outbox."""
    made: list[Device] = []

    def build(link: Any, clock: Clock | None = None, rate_per_s: float = FAST) -> Device:
        made.append(Device(tmp_path / "outbox.sqlite", link, clock or SystemClock(), rate_per_s))
        return made[-1]

    yield build
    for device in made:
        device.close()


@pytest.fixture
def make_link() -> Iterator[Callable[..., MqttLink]]:
    """A started link to a broker on this machine."""
    made: list[MqttLink] = []

    def build(port: int, **more: Any) -> MqttLink:
        made.append(MqttLink(Mqtt(host="127.0.0.1", port=port, **more), "device"))
        return made[-1]

    yield build
    for link in made:
        link.stop(WAIT_S)


def wire(received: DeliveredMessage) -> dict[str, Any]:
    return dict(json.loads(received.payload))


def firsts(link: MemoryLink) -> list[str]:
    """Ids in the order in which they came first."""
    return list(dict.fromkeys(wire(r)["id"] for r in link.received))


def test_events_go_out_at_once_on_their_topics(make: Callable[..., Device]) -> None:
    link = MemoryLink()
    device = make(link)
    link.connect()
    event, summary = fault(), new_event(Summary(**dict.fromkeys(Summary.model_fields, 0)), START)
    device.say(event, summary)
    assert device.delivery.flush(WAIT_S) == 0
    assert [(r.topic, wire(r)["id"]) for r in link.received] == [
        ("maskgate/v1/hq/north-door/event", event.id),
        ("maskgate/v1/hq/north-door/summary", summary.id),
    ]


def test_nothing_is_sent_and_nothing_lost_while_the_link_is_down(make: Callable[..., Device]) -> None:
    link = MemoryLink()
    device = make(link)
    ids = device.say(fault(1), fault(2))
    assert device.delivery.flush(0.0) == 2
    link.connect()
    assert device.delivery.flush(WAIT_S) == 0
    assert firsts(link) == ids


def test_replayed_is_what_was_stored_before_the_connection_that_carries_it(
    make: Callable[..., Device],
) -> None:
    link = MemoryLink([Fate.ACKNOWLEDGED, Fate.ACKNOWLEDGED, Fate.CUT_AFTER])
    device = make(link)
    device.say(fault(1))
    link.connect()
    device.delivery.flush(WAIT_S)
    for number in (2, 3, 4):
        device.say(fault(number))
        device.delivery.flush(WAIT_S)
    found = [(int(wire(r)["data"]["message"]), wire(r)["data"]["replayed"]) for r in link.received]
    assert found == [(1, True), (2, False), (3, False), (3, True), (4, False)]


def test_the_next_process_sends_what_the_last_one_left(make: Callable[..., Device]) -> None:
    first = make(MemoryLink())
    ids = first.say(fault(1), fault(2))
    first.close()
    link = MemoryLink()
    second = make(link)
    link.connect()
    ids += second.say(fault(3))
    assert second.delivery.flush(WAIT_S) == 0
    assert firsts(link) == ids


def test_what_is_unacknowledged_is_sent_again_after_a_cut(make: Callable[..., Device]) -> None:
    link = MemoryLink([Fate.ACKNOWLEDGED, Fate.SILENT])
    device = make(link)
    link.connect()
    ids = device.say(fault(1), fault(2), fault(3))
    assert device.delivery.flush(0.1) > 0
    link.connect()
    assert device.delivery.flush(WAIT_S) == 0
    assert firsts(link) == ids
    assert [r.connection for r in link.received if wire(r)["id"] == ids[1]] == [1, 2]


def test_no_more_than_a_window_is_in_flight(make: Callable[..., Device]) -> None:
    link = MemoryLink([Fate.ACKNOWLEDGED, *[Fate.SILENT] * 100])
    device = make(link)
    link.connect()
    device.say(*[fault(i) for i in range(3 * WINDOW)])
    while len(link.received) < 1 + WINDOW:
        device.delivery.flush(0.01)
    assert device.delivery.flush(0.05) == 3 * WINDOW - 1
    assert len(link.received) == 1 + WINDOW


def test_a_refused_event_is_kept_and_nothing_overtakes_it(
    make: Callable[..., Device], caplog: pytest.LogCaptureFixture
) -> None:
    link, clock = MemoryLink([Fate.REFUSED, Fate.REFUSED]), ManualClock()
    device = make(link, clock)
    link.connect()
    ids = device.say(fault(1), fault(2))
    while device.delivery.problem is None:
        device.delivery.flush(0.01)
    assert "refuses event 1 on maskgate/v1/hq/north-door/event (Not authorized)" in device.delivery.problem
    assert "next attempt comes within 1 s" in device.delivery.problem
    assert device.delivery.flush(0.05) == 2
    clock.advance(1.0)
    while "within 1 s" in (device.delivery.problem or ""):
        device.delivery.flush(0.01)
    assert "next attempt comes within 2 s" in str(device.delivery.problem)
    clock.advance(2.0)
    assert device.delivery.flush(WAIT_S) == 0
    assert device.delivery.problem is None
    assert [wire(r)["id"] for r in link.received] == ids


def test_a_backlog_goes_out_no_faster_than_agreed(make: Callable[..., Device]) -> None:
    link, clock = MemoryLink(), ManualClock()
    device = make(link, clock, rate_per_s=8.0)
    device.say(*[fault(i) for i in range(30)])
    link.connect()
    burst = WINDOW + 1
    while len(link.received) < burst:
        device.delivery.flush(0.01)
    assert device.delivery.flush(0.05) == 30 - burst
    clock.advance(5 / 8)
    while len(link.received) < burst + 5:
        device.delivery.flush(0.01)
    assert device.delivery.flush(0.05) == 30 - burst - 5


def test_closing_ends_its_thread(make: Callable[..., Device]) -> None:
    device = make(MemoryLink())
    assert "delivery" in [t.name for t in threading.enumerate()]
    device.close()
    assert "delivery" not in [t.name for t in threading.enumerate()]


@pytest.mark.slow
@given(
    fates=st.lists(st.sampled_from([f for f in Fate if f is not Fate.REFUSED]), max_size=40),
    bursts=st.lists(st.integers(0, 8), min_size=1, max_size=4),
    cuts=st.lists(st.booleans(), min_size=4, max_size=4),
)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_at_least_once_in_order_whatever_the_link_does(
    tmp_path_factory: pytest.TempPathFactory, fates: list[Fate], bursts: list[int], cuts: list[bool]
) -> None:
    link = MemoryLink(fates)
    device = Device(tmp_path_factory.mktemp("delivery") / "outbox.sqlite", link, ManualClock())
    ids: list[str] = []
    for burst, cut in zip(bursts, cuts, strict=False):
        if cut:
            link.cut()
        ids += device.say(*[fault(i) for i in range(burst)])
        link.connect()
    while device.delivery.flush(0.02):
        link.connect()  # a broker that says nothing is left, as keepalive does
    device.close()
    assert firsts(link) == ids
    assert device.delivery.problem is None


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_real_broker_gets_all_in_order_once(
    broker: Any, make_ops: Any, make: Callable[..., Device], make_link: Any, protocol: str
) -> None:
    ops = make_ops(broker.port)
    link = make_link(broker.port, protocol=protocol)
    device = make(link)
    early = device.say(*[fault(i) for i in range(50)])
    link.start()
    assert device.delivery.flush(WAIT_S) == 0
    late = device.say(*[fault(i) for i in range(50)])
    assert device.delivery.flush(WAIT_S) == 0
    events = ops.events(100)
    assert [e["id"] for e in events] == early + late
    assert [int(e["sequence"]) for e in events] == list(range(1, 101))
    assert [e["data"]["replayed"] for e in events] == [True] * 50 + [False] * 50
    assert ops.heard.empty()


def test_a_broker_that_restarts_in_mid_stream_costs_nothing(
    broker: Any, make_ops: Any, make: Callable[..., Device], make_link: Any
) -> None:
    ops = make_ops(broker.port)
    link = make_link(broker.port)
    device = make(link)
    link.start()
    events = [fault(i) for i in range(300)]
    camera = threading.Thread(target=device.say, args=events)
    camera.start()
    ops.wait_for(20)
    broker.stop()
    camera.join()
    assert device.delivery.flush(0.0) > 0
    broker.start()
    assert device.delivery.flush(WAIT_S) == 0
    assert [e["id"] for e in ops.events(300)] == [e.id for e in events]


@pytest.mark.slow
def test_kill_9_between_append_and_acknowledgement_costs_nothing(
    broker: Any, make_ops: Any, make: Callable[..., Device], make_link: Any, tmp_path: Path
) -> None:
    ops = make_ops(broker.port)
    told: list[str] = []
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", DEVICE, str(tmp_path / "outbox.sqlite"), str(broker.port)],
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout
            told += [next(process.stdout).strip() for _ in range(40)]
            process.send_signal(signal.SIGKILL)
            told += [line.strip() for line in process.stdout if line.endswith("\n")]
    link = make_link(broker.port)
    device = make(link)
    link.start()
    assert device.delivery.flush(WAIT_S) == 0
    events = ops.events(device.outbox.last)
    assert [int(e["sequence"]) for e in events] == list(range(1, device.outbox.last + 1))
    assert set(told) <= {e["id"] for e in events}
