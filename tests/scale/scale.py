"""A thousand devices on a cluster that loses a node: each event must be in the table once.

    python tests/scale/scale.py [--devices 1000] [--rate 6000] [--for 60] [--seed 7] [--json]

A third of the way in, the node that leads the queue is killed; at two thirds it starts again. Prints the
figures and ends with 1 if an event was lost, or if the table has one that nobody sent.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path
from typing import Any

from cluster import Cluster, Consumer, Database, Program, StageError, wait_for

from edge.config import parse_config
from edge.events import TYPES
from edge.ops.simulate.progress_line import SimulationProgress
from edge.ops.simulate.scheduler import Habits
from edge.ops.simulate.simulated_fleet import SimulatedFleet
from edge.ops.simulate.site import live, make_sites

RECIPE = Path(__file__).parents[2] / "edge/ops/recipes/events.sql"
HOUR = 9.0
"""The busiest hour of the simulated day."""
_DELAYS = """
    SELECT percentile_cont(ARRAY[0.5, 0.99, 1])
        WITHIN GROUP (ORDER BY extract(epoch FROM stored - recordedtime))
    FROM events"""


class Play:
    """Kills and restarts a node while the devices run, and watches their connections.

    Args:
        cluster: the cluster, all of whose nodes run.
        fleet: the devices.
        n: the node that is killed.
        kill_s, restart_s: when, in seconds since the devices started.
    """

    def __init__(
        self, cluster: Cluster, fleet: SimulatedFleet, n: int, kill_s: float, restart_s: float
    ) -> None:
        self._cluster, self._fleet, self._n = cluster, fleet, n
        self._due = [(kill_s, self._kill), (restart_s, self._restart)]
        self._off: dict[object, float] = {}
        self._progress = SimulationProgress(fleet)
        self.outages: dict[object, float] = {}
        """Seconds without a connection of each that was lost; as exact as the fleet's rounds, of 0.1 s."""
        self.killed_cpu_s = 0.0
        self.online = 0
        """Connections just before the kill."""

    @property
    def still_off(self) -> int:
        """Connections that never came back."""
        return len(self._off)

    def tell(self, now_s: float) -> None:
        """Called by the fleet about ten times a second."""
        self._progress.update(now_s)
        if self._due and now_s >= self._due[0][0]:
            self._due.pop(0)[1]()
        if not self.online:
            return
        for line in self._fleet.connections:
            if not line.online:
                self._off.setdefault(line, now_s)
            elif line in self._off:
                self.outages[line] = self.outages.get(line, 0.0) + now_s - self._off.pop(line)

    def _kill(self) -> None:
        self.online = self._fleet.online
        node = self._cluster.nodes[self._n]
        self.killed_cpu_s, _ = node.usage()
        node.kill()

    def _restart(self) -> None:
        self._cluster.start(self._n)


def main() -> int:
    """Run the whole test."""
    parser = argparse.ArgumentParser(description="A thousand devices on a cluster that loses a node.")
    parser.add_argument("--devices", type=int, default=1000, help="entrances; each ten have a speaker, too")
    parser.add_argument("--rate", type=float, default=6000.0, help="people an hour at each")
    parser.add_argument("--for", dest="for_s", type=float, default=60.0, metavar="S", help="seconds")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="one line, for programs")
    args = parser.parse_args()
    try:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="maskgate-scale-")))
            folder.chmod(0o711)  # PostgreSQL's user goes through it
            figures = _play(args, folder, stack)
    except StageError as e:
        print(f"scale: {e}", file=sys.stderr)  # noqa: T201
        return 2
    lines = (f"{name:28}{value}" for name, value in figures.items())
    print(json.dumps(figures) if args.json else "\n".join(lines))  # noqa: T201
    wrong = ("lost", "strangers", "sources_with_gaps", "waiting_in_queue", "still_off", "refused")
    return int(any(figures[name] for name in wrong))


def _play(args: argparse.Namespace, folder: Path, stack: ExitStack) -> dict[str, Any]:
    cluster, database = _set_up(folder, stack)
    consumers = []
    for n in range(len(cluster.names)):
        consumers.append(Consumer(folder, cluster, database, n))
        stack.callback(consumers[-1].program.kill)
    queue = cluster.queue()
    if len(queue["online"]) < len(cluster.names):
        raise StageError(f"the queue is on {queue['online']} only")
    victim = cluster.names.index(queue["leader"])
    first, *others = [f"localhost:{port}" for port in cluster.mqtt]
    port = int(first.rpartition(":")[2])
    # RabbitMQ 3.10 does not speak MQTT 5, and the simulator does not fall back
    settings = parse_config(
        {"mqtt": {"host": "localhost", "port": port, "fallbacks": others, "protocol": "3.1.1"}}, "scale"
    ).mqtt
    habits = Habits(datetime.now(timezone.utc), HOUR, args.rate)
    sites = make_sites(args.devices, settings.prefix, habits, args.seed)
    fleet = SimulatedFleet(settings, sites, habits, args.seed, threading.Event())
    play = Play(cluster, fleet, victim, args.for_s / 3, args.for_s * 2 / 3)
    lived_s = fleet.run(args.for_s, play.tell)
    done = fleet.result(args.devices, args.seed, lived_s)
    cluster.wait_for(victim)
    stored_s = _settle(database, done.events)
    usage = _usage(cluster, database, consumers, play)
    consumed = [consumer.end() for consumer in consumers]
    expected = set(_made(args, settings.prefix, habits, done.events))
    table = {(source, int(number), event) for source, number, event in database.rows(
        "SELECT source, sequence, id FROM events")}  # fmt: skip
    after = _emptied(cluster)
    outages_s = list(play.outages.values())
    median_s, late_s, max_s = (float(s) for s in database.rows(_DELAYS)[0][0].strip("{}").split(","))
    received = sum(counts["received"] for counts in consumed)
    return {
        "devices": done.devices,
        "sources": done.sources,
        "seconds": done.seconds,
        "made": done.events,
        "acknowledged": done.acknowledged,
        "refused": done.refused,
        "in_table": int(database.rows("SELECT count(*) FROM events")[0][0]),
        "lost": len(expected - table),
        "strangers": len(table - expected),
        "sources_with_gaps": len(database.rows("SELECT DISTINCT source FROM gaps")),
        "delivered": received,
        "doubles_removed": received - len(table),
        "redelivered_by_queue": sum(counts["redelivered"] for counts in consumed),
        "killed": queue["leader"],
        "connections_before": play.online,
        "connections_lost": len(outages_s),
        "still_off": play.still_off,
        "outage_median_s": round(statistics.median(outages_s), 2) if outages_s else None,
        "outage_max_s": round(max(outages_s), 2) if outages_s else None,
        "to_table_median_s": round(median_s, 2),
        "to_table_99_percent_s": round(late_s, 2),
        "to_table_max_s": round(max_s, 2),
        "last_stored_after_end_s": round(stored_s, 1),
        "leader_after": after["leader"],
        "nodes_with_queue_after": len(after["online"]),
        "waiting_in_queue": after["messages"],
        **usage,
    }


def _set_up(folder: Path, stack: ExitStack) -> tuple[Cluster, Database]:
    database = Database(folder / "database")
    stack.callback(database.program.kill)
    cluster = Cluster(folder / "cluster")
    stack.callback(cluster.close)
    cluster.start(0)  # founds the cluster
    cluster.wait_for(0)
    for n in (1, 2):
        cluster.start(n)
    for n in (1, 2):
        cluster.wait_for(n)
    wait_for("PostgreSQL", database.ready)
    database.run(RECIPE)
    return cluster, database


def _made(
    args: argparse.Namespace, prefix: str, habits: Habits, number: int
) -> Iterator[tuple[str, int, str]]:
    """Source, number and id of all events that were made: the same seed makes them again."""
    kinds = frozenset(TYPES.values())
    numbers: Counter[str] = Counter()
    happened = live(make_sites(args.devices, prefix, habits, args.seed))
    for event in islice((message for message in happened if type(message.data) in kinds), number):
        numbers[event.place.source] += 1
        yield event.place.source, numbers[event.place.source], event.id


def _settle(database: Database, number: int, patience_s: float = 60.0) -> float:
    """Wait until the table has ``number`` rows, for ``patience_s`` at most; returns the seconds it took."""
    began_s = time.monotonic()

    def complete() -> bool:
        there = int(database.rows("SELECT count(*) FROM events")[0][0])
        return there >= number or time.monotonic() > began_s + patience_s

    wait_for("the table", complete, 2 * patience_s)
    return time.monotonic() - began_s


def _emptied(cluster: Cluster, patience: int = 5) -> dict[str, Any]:
    """The queue once nothing waits in it; RabbitMQ's own count of that is some seconds old."""
    queue = cluster.queue()
    while queue["messages"] and patience:
        queue, patience = cluster.queue(), patience - 1
    return queue


def _usage(
    cluster: Cluster, database: Database, consumers: list[Consumer], play: Play
) -> dict[str, float | int]:
    def cpu_s(*programs: Program) -> int:
        return round(sum(program.usage()[0] for program in programs))

    own = os.times()
    nodes = list(cluster.nodes.values())
    return {
        "cores": os.cpu_count() or 0,
        "cpu_nodes_s": round(cpu_s(*nodes) + play.killed_cpu_s),
        "cpu_database_s": cpu_s(database.program),
        "cpu_consumers_s": cpu_s(*(consumer.program for consumer in consumers)),
        "cpu_devices_s": round(own.user + own.system),
        "memory_of_a_node_mb": round(max(node.usage()[1] for node in nodes)),
    }


if __name__ == "__main__":
    sys.exit(main())
