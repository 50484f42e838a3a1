"""Simulated devices on a broker: what they live is sent as it happens; at the end all say farewell."""

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
"""How long the last events may take at the end, and again the farewell."""
_FILES = 3
"""That a connection may need."""
_PAYLOADS = frozenset(TYPES.values())


@dataclass(frozen=True, slots=True)
class Outage:
    """Some connections end without a word, and come back."""

    share: float
    """Of all connections, 0 to 1."""
    start_s: float
    length_s: float


class SimulatedFleet:
    """The sources of some sites on a broker.

    Args:
        settings: the broker; with fallbacks, the connections are spread over all of them.
        sites: who lives.
        habits: those of the sites.
        seed: who is hit by the outage.
        stop: ends it.
        connections: all sources share so many; None: each has its own, with a last will.
        outage: if there is one.

    Raises:
        ConfigError: the password or a certificate can't be used.
        UsageError: this machine can't have so many connections.
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
        self.lines = [
            SharedConnection(
                _from(n, settings.brokers()), identity(group, password, tls), group, self.counts, selector
            )
            for n, group in enumerate(groups)
        ]
        self._line_of = {p: line for line, group in zip(self.lines, groups, strict=True) for p in group}
        self._loop = Loop(settings, self.lines, self._rng, self.counts, selector)
        self._outage = outage

    @property
    def online(self) -> int:
        """Connections that are up."""
        return sum(line.online for line in self.lines)

    @property
    def waiting(self) -> int:
        """Events that are not acknowledged."""
        return sum(line.waiting for line in self.lines)

    def run(self, for_s: float, tell: Callable[[float], None], *, clean: bool = False) -> float:
        """Live until the time is over or ``stop`` is set, then set all offline; returns the seconds lived.

        Args:
            for_s: may be infinite.
            tell: called about ten times a second, with the seconds since the begin.
            clean: remove the retained messages at the end.

        Raises:
            LinkError: the broker can't be reached at the begin, or refuses us.
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
        """What was done."""
        counts = self.counts
        return SimulationResult(
            devices=devices,
            sources=len(self._line_of),
            seed=seed,
            seconds=round(lived_s, 1),
            connections=counts.connections,
            last_wills=len(self.lines) == len(self._line_of),
            events=counts.events,
            acknowledged=counts.acknowledged,
            refused=counts.refused,
        )

    def _hand_over(self, said: SimulatedMessage) -> None:
        line = self._line_of[said.place]
        if type(said.data) in _PAYLOADS:
            time = self._habits.start + timedelta(seconds=said.at_s)
            line.add(said.place, Event(said.id, time, said.data))
        elif line.online:
            line.publish(
                OutgoingMessage(said.place.topic("health"), said.data.model_dump_json().encode(), qos=0)
            )

    def _suffer(self, now_s: float) -> None:
        """The outage, when it is time."""
        if self._outage is not None and now_s >= self._outage.start_s:
            hit = self._rng.sample(self.lines, round(self._outage.share * len(self.lines)))
            for line in hit:
                line.cut()
                self._loop.retry_in(line, self._outage.length_s)
            self._outage = None

    def _end(self, *, clean: bool) -> None:
        """All that happened is told, then all say farewell."""
        for _ in range(2):  # once more if a connection is lost meanwhile
            for line in self.lines:
                self._loop.retry_in(line, 0.0)
            self._loop.keepalive = True
            self._loop.until(lambda: self.online == len(self.lines) and not self.waiting, _END_S)
            for line in self.lines:
                line.announce("offline", "stopped")
                if clean:
                    line.clean()
            # From here on no keepalive: its answer, coming after we have closed, would reset the connection,
            # and the broker might miss the DISCONNECT and publish the will.
            self._loop.keepalive = False
            self._loop.until(lambda: not any(line.busy for line in self.lines), _END_S)
            if self.online == len(self.lines):
                break
        for line in self.lines:
            line.leave()
        self._loop.close()


def _from(n: int, brokers: Sequence[Mqtt]) -> list[Mqtt]:
    """All of them, beginning with another one for each ``n``."""
    first = n % len(brokers)
    return [*brokers[first:], *brokers[:first]]


def _allow_files(number: int) -> None:
    """Raise this process's limit of open files if need be.

    Raises:
        UsageError: the system does not let us.
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
