"""Simulated devices behave on a real broker as real ones do."""

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from itertools import takewhile
from typing import Any

import pytest

from edge.cli.broker_options import parse_address
from edge.cli.program import _run, build_parser
from edge.config import Mqtt, parse_config
from edge.errors import LinkError, UsageError
from edge.events import TYPES
from edge.ops.simulate.scheduler import Habits
from edge.ops.simulate.simulated_fleet import Outage, SimulatedFleet
from edge.ops.simulate.site import SimulatedSite, live, make_sites

pytestmark = pytest.mark.process

BUSY = Habits(datetime.now(timezone.utc), hour=9, rate_per_h=200_000, health_every_s=0.5, summary_every_s=1)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "edge.cli", "events", *arguments]


def settings(port: int) -> Mqtt:
    return parse_config({"mqtt": {"host": "127.0.0.1", "port": port}}, "test").mqtt


def fleet(broker: Any, sites: Sequence[SimulatedSite], **options: Any) -> SimulatedFleet:
    return SimulatedFleet(settings(broker.port), sites, BUSY, 7, threading.Event(), **options)


def all_heard(ops: Any) -> list[tuple[str, str, bool]]:
    """Everything that was published before this call."""
    ops.client.publish("marker", "the end", 1)
    return list(iter(ops.next, ("marker", "the end", False)))


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Runs a command of ``maskgate events`` beside the test."""
    started = []

    def run(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_the_seed_decides_what_happens() -> None:
    def lives(seed: int) -> list[str]:
        said = takewhile(lambda s: s.at_s < 20, live(make_sites(12, "maskgate", BUSY, seed)))
        return [f"{s.at_s} {s.place.source} {s.id} {s.data.model_dump_json()}" for s in said]

    first = lives(7)
    assert lives(7) == first
    assert set(lives(8)).isdisjoint(first)
    assert [float(line.split()[0]) for line in first] == sorted(float(line.split()[0]) for line in first)


def test_all_kinds_of_things_happen() -> None:
    habits = Habits(BUSY.start, hour=9, rate_per_h=5_000)
    said = list(takewhile(lambda s: s.at_s < 600, live(make_sites(10, "maskgate", habits, 7))))
    happened = {type(s.data) for s in said}
    assert happened >= {
        TYPES[t]
        for t in (
            "violation.opened", "violation.closed", "announcement.played", "announcement.failed", "summary",
            "camera.fault", "camera.tampered", "crowding", "device.started",
        )
    }  # fmt: skip


@pytest.mark.slow
def test_fifty_devices_with_an_outage_keep_the_contract_to_the_letter(
    broker: Any, start: Callable[..., subprocess.Popen[str]]
) -> None:
    address = f"127.0.0.1:{broker.port}"
    checker = start("check", "--broker", address, "--strict", "--json", "--count", "800")
    simulation = start(
        "simulate", "--broker", address, "--devices", "50", "--rate", "200000", "--hour", "9", "--seed", "7",
        "--outage", "0.5@1+0.5", "--json",
    )  # fmt: skip
    out, err = checker.communicate(timeout=60)
    assert checker.returncode == 0, out + err
    report = json.loads(out)
    assert (report["messages"], report["problems"], report["unknown"]) == (800, 0, {})
    assert report["sources"] >= 50
    simulation.send_signal(signal.SIGINT)
    out, err = simulation.communicate(timeout=60)
    assert simulation.returncode == 0, err
    done = json.loads(out)
    assert (done["devices"], done["sources"], done["last_wills"], done["refused"]) == (50, 55, True, 0)
    assert done["acknowledged"] == done["events"] > 0


def test_what_an_outage_held_back_comes_later_in_order_and_marked(
    broker: Any, make_ops: Callable[..., Any]
) -> None:
    ops = make_ops(broker.port)
    hit = fleet(broker, make_sites(3, "maskgate", BUSY, 7), outage=Outage(1.0, 1.0, 0.4))
    hit.run(1.8, lambda _: None)
    assert (hit.counts.acknowledged, hit.counts.connections) == (hit.counts.events, 8)
    heard = all_heard(ops)
    wires = [json.loads(payload) for topic, payload, _ in heard if topic.endswith(("/event", "/summary"))]
    for source in {w["source"] for w in wires}:
        own = {w["id"]: int(w["sequence"]) for w in wires if w["source"] == source}  # without repeats
        assert list(own.values()) == list(range(1, len(own) + 1))
    late = [w for w in wires if w["data"]["replayed"] and w["type"] != "device.started"]
    assert late
    reasons = [json.loads(payload)["reason"] for topic, payload, _ in heard if topic.endswith("/status")]
    assert sorted(reasons) == sorted(["running"] * 8 + ["the connection was lost"] * 4 + ["stopped"] * 4)


def test_who_is_killed_is_offline_by_its_last_will(
    broker: Any, make_ops: Callable[..., Any], start: Callable[..., subprocess.Popen[str]]
) -> None:
    ops = make_ops(broker.port)
    simulation = start("simulate", "--broker", f"127.0.0.1:{broker.port}", "--devices", "2")
    states: dict[str, str] = {}

    def hear(reason: str) -> None:
        while list(states.values()) != [reason] * 3:
            topic, payload, _ = ops.next()
            if topic.endswith("/status"):
                states[topic] = json.loads(payload)["reason"]

    hear("running")
    simulation.kill()
    hear("the connection was lost")


def test_two_simulations_do_not_throw_each_other_out(broker: Any) -> None:
    both = [fleet(broker, make_sites(1, "maskgate", BUSY, seed)) for seed in (7, 8)]
    with ThreadPoolExecutor(2) as pool:
        for one in both:
            pool.submit(one.run, 1.0, lambda _: None)
    assert [one.counts.connections for one in both] == [2, 2]


def test_shared_connections_have_no_wills_and_clean_leaves_nothing(
    broker: Any, make_ops: Callable[..., Any], content_types: Any
) -> None:
    ops, kinds = make_ops(broker.port), content_types(broker.port, "maskgate/v1/+/+/event")
    few = fleet(broker, make_sites(25, "maskgate", BUSY, 7), connections=3)
    few.run(0.5, lambda _: None, clean=True)
    done = few.result(25, 7, 0.5)
    assert (done.sources, done.connections, done.last_wills) == (28, 3, False)
    assert done.acknowledged == done.events
    assert kinds.get(timeout=20) == "application/cloudevents+json"  # as a device's are
    heard = all_heard(ops)
    assert sum("stopped" in payload for _, payload, _ in heard) == 28
    late = make_ops(broker.port)
    late.client.publish("marker", "the first to come", 1)
    assert late.next()[0] == "marker"


def test_a_broker_that_is_away_or_refuses_is_named(make_broker: Callable[..., Any], broker: Any) -> None:
    with socket.socket() as taken:  # bound, never listening
        taken.bind(("127.0.0.1", 0))
        lonely = SimulatedFleet(
            settings(taken.getsockname()[1]), make_sites(1, "maskgate", BUSY, 7), BUSY, 7, threading.Event()
        )
        with pytest.raises(LinkError, match="connection refused"):
            lonely.run(5, lambda _: None)
    closed = make_broker("allow_anonymous false")
    closed.start()
    with pytest.raises(LinkError, match="Not authorized"):
        fleet(closed, make_sites(1, "maskgate", BUSY, 7)).run(5, lambda _: None)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("broker", ("broker", 1883)),
        ("broker.example.org:8883", ("broker.example.org", 8883)),
        ("[::1]:18", ("::1", 18)),
        ("[::1]", ("::1", 1883)),
    ],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", ":1883", "a:b", "a:0", "a:65536", "a/b", "me@a", "a b:x"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError, match="--broker"):
        parse_address(text)


@pytest.mark.parametrize(
    ("option", "value"),
    [("--outage", "2@1+1"), ("--outage", "0.5"), ("--hour", "24"), ("--devices", "0"), ("--rate", "-1")],
)
def test_what_makes_no_sense_is_refused(option: str, value: str) -> None:
    done = subprocess.run(command("simulate", option, value), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"argument {option}: invalid" in done.stderr


def test_more_devices_than_fit_into_memory_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(build_parser().parse_args(["events", "simulate", "--devices", "100000000"])) == 2
    assert "--devices 100000000: more than 20000 need several runs" in capsys.readouterr().err
