"""Simulated devices on a broker: their messages are sent as they happen, and at the end all go offline."""

import random
import resource
import selectors
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from edge.config import Mqtt
from edge.errors import UsageError
from edge.events import TYPES, Event
from edge.mqtt import OutgoingMessage
from edge.mqtt.security import make_tls_context, read_password
from edge.ops.simulate.counts import Counts, SimulationResult
from edge.ops.simulate.loop import Loop
from edge.ops.simulate.scheduler import Habits, SimulatedMessage
from edge.ops.simulate.shared_connection import SharedConnection
from edge.ops.simulate.site import SimulatedSite, live
from edge.ops.simulate.wire import identity

_END_S = 10.0
"""Seconds that the last events may take at the end, and again the farewell."""
_FILES = 3
"""Open files that one connection may need."""
_PAYLOADS = frozenset(TYPES.values())


@dataclass(frozen=True, slots=True)
class Outage:
    """Some connections are cut, and come back later."""

    share: float
    """Share of all connections that are cut, 0 to 1."""
    start_s: float
    length_s: float


class SimulatedFleet:
    """All sources of some sites, connected to a broker.

    Args:
        settings: the broker. The connections are spread over it and its fallbacks.
        sites: the simulated sites.
        habits: the settings that the sites were made with.
        seed: decides which connections an outage hits.
        stop: ends the simulation.
        connections: the number of connections that all sources share. None gives each source a connection of
            its own, with a last will.
        outage: when to cut some connections; None cuts none.

    Raises:
        ConfigError: the password or a certificate can't be used.
        UsageError: this machine does not allow as many connections.
    """

    def __init__(
        self,
        settings: Mqtt,
        sites: Sequence[SimulatedSite],
        habits: Habits,
        seed: int,
        stop: threading.Event,
        *,
        connections: int | None = None,
        outage: Outage | None = None,
    ) -> None:
        self.counts = Counts()
        self._sites, self._habits, self._stop = sites, habits, stop
        selector = selectors.DefaultSelector()
        self._rng = random.Random(seed)
        places = [place for site in sites for place in site.places]
        number = min(connections or len(places), len(places))
        groups = [places[n::number] for n in range(number)]
        _allow_files(_FILES * len(groups))
        password, tls = read_password(settings), make_tls_context(settings)
        self.connections = [
            SharedConnection(
                _from(n, settings.brokers()), identity(group, password, tls), group, self.counts, selector
            )
            for n, group in enumerate(groups)
        ]
        self._connection_of = {p: c for c, group in zip(self.connections, groups, strict=True) for p in group}
        self._loop = Loop(settings, self.connections, self._rng, self.counts, selector)
        self._outage = outage

    @property
    def online(self) -> int:
        """The number of connections that are up."""
        return sum(connection.online for connection in self.connections)

    @property
    def waiting(self) -> int:
        """The number of events that are not acknowledged."""
        return sum(connection.waiting for connection in self.connections)

    def run(self, for_s: float, tell: Callable[[float], None], *, clean: bool = False) -> float:
        """Run for ``for_s`` or until ``stop`` is set, then set all sources offline.

        Args:
            for_s: seconds; may be infinite.
            tell: called about ten times a second, with the seconds since the start.
            clean: remove the retained messages at the end.

        Returns:
            The seconds that the simulation ran.

        Raises:
            LinkError: the broker can't be reached at the start, or refuses us.
        """
        happenings = live(self._sites)
        upcoming = next(happenings)
        began_s = time.monotonic()
        while not self._stop.is_set() and (now_s := time.monotonic() - began_s) < for_s:
            while upcoming.at_s <= now_s:
                self._hand_over(upcoming)
                upcoming = next(happenings)
            self._suffer(now_s)
            self._loop.round()
            tell(now_s)
        lived_s = time.monotonic() - began_s
        self._end(clean=clean)
        return lived_s

    def result(self, devices: int, seed: int, lived_s: float) -> SimulationResult:
        """The result after ``run``, which returned ``lived_s``."""
        counts = self.counts
        return SimulationResult(
            devices=devices,
            sources=len(self._connection_of),
            seed=seed,
            seconds=round(lived_s, 1),
            connections=counts.connections,
            last_wills=len(self.connections) == len(self._connection_of),
            events=counts.events,
            acknowledged=counts.acknowledged,
            refused=counts.refused,
        )

    def _hand_over(self, message: SimulatedMessage) -> None:
        connection = self._connection_of[message.place]
        if type(message.data) in _PAYLOADS:
            time = self._habits.start + timedelta(seconds=message.at_s)
            connection.add(message.place, Event(message.id, time, message.data))
        elif connection.online:
            payload = message.data.model_dump_json().encode()
            connection.publish(OutgoingMessage(message.place.topic("health"), payload, qos=0))

    def _suffer(self, now_s: float) -> None:
        """Start the outage when it is due."""
        if self._outage is not None and now_s >= self._outage.start_s:
            hit = self._rng.sample(self.connections, round(self._outage.share * len(self.connections)))
            for connection in hit:
                connection.cut()
                self._loop.retry_in(connection, self._outage.length_s)
            self._outage = None

    def _end(self, *, clean: bool) -> None:
        """Send the last events, then set all sources offline and disconnect."""
        for _ in range(2):  # a second time if a connection is lost meanwhile
            for connection in self.connections:
                self._loop.retry_in(connection, 0.0)
            self._loop.keepalive = True
            self._loop.until(lambda: self.online == len(self.connections) and not self.waiting, _END_S)
            for connection in self.connections:
                connection.announce("offline", "stopped")
                if clean:
                    connection.clean()
            # No keepalive from here on: if its answer came after we have closed the socket, the connection
            # would be reset, and the broker might miss the DISCONNECT and publish the will.
            self._loop.keepalive = False
            self._loop.until(lambda: not any(connection.busy for connection in self.connections), _END_S)
            if self.online == len(self.connections):
                break
        for connection in self.connections:
            connection.leave()
        self._loop.close()


def _from(n: int, brokers: Sequence[Mqtt]) -> list[Mqtt]:
    """All brokers, starting with another one for each ``n``."""
    first = n % len(brokers)
    return [*brokers[first:], *brokers[:first]]


def _allow_files(number: int) -> None:
    """Raise this process's limit of open files if it is too low for ``number`` more.

    Raises:
        UsageError: the system does not allow it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = number + 100
    if needed <= soft:
        return
    if hard != resource.RLIM_INFINITY and needed > hard:
        raise UsageError(
            f"{needed} open files are needed and {hard} allowed: let each process have more (ulimit -n), or "
            "share connections: --connections 100 (then without last wills)"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
