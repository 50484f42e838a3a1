"""A loop on one thread that makes and serves any number of connections."""

import random
import selectors
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge.backoff import Backoff
from edge.config import Mqtt
from edge.errors import LinkError
from edge.mqtt.explain import why_refused, why_unreachable
from edge.mqtt.session import ANSWER_S
from edge.ops.simulate.counts import Counts
from edge.ops.simulate.shared_connection import SharedConnection

_TICK_S = 0.1
_RETRY = Backoff(first_s=1.0, longest_s=10.0)
_AT_ONCE = 20
"""Attempts to connect in one round. More would keep the other connections from being served."""


@dataclass(slots=True)
class _Retry:
    due_s: float = 0.0
    attempts: int = 0


class Loop:
    """Makes and serves connections, but only while one of its methods runs.

    Args:
        settings: the broker.
        connections: what to serve. They register themselves with the selector.
        rng: draws the pauses between attempts.
        counts: the counts that the connections share.
        selector: the one that the connections use. This loop closes it.
    """

    def __init__(
        self,
        settings: Mqtt,
        connections: Sequence[SharedConnection],
        rng: random.Random,
        counts: Counts,
        selector: selectors.BaseSelector,
    ) -> None:
        self._settings, self._connections, self._rng, self._counts = settings, connections, rng, counts
        self._selector = selector
        self._retries = {connection: _Retry() for connection in connections}
        self._looked_s = 0.0
        self.keepalive = True

    def retry_in(self, connection: SharedConnection, pause_s: float) -> None:
        """Let a connection wait for ``pause_s`` before it is made (again)."""
        self._retries[connection].due_s = time.monotonic() + pause_s

    def round(self) -> None:
        """Make some connections and serve all of them, for about 0.1 s.

        Raises:
            LinkError: the broker can't be reached or refuses us, and has not accepted any connection yet.
        """
        now_s = time.monotonic()
        due = [c for c in self._connections if c.idle and self._retries[c].due_s <= now_s]
        for connection in due[:_AT_ONCE]:
            self._connect(connection, now_s)
        for key, ready in self._selector.select(0.0 if len(due) > _AT_ONCE else _TICK_S):
            key.data.serve(ready)
        if now_s - self._looked_s >= 1 and self.keepalive:
            self._looked_s = now_s
            for connection in self._connections:
                connection.look_after()

    def until(self, done: Callable[[], bool], timeout_s: float) -> None:
        """Run rounds until ``done`` holds, but for ``timeout_s`` at most."""
        until_s = time.monotonic() + timeout_s
        while not done() and time.monotonic() < until_s:
            self.round()

    def close(self) -> None:
        """Close the selector. No round may follow."""
        self._selector.close()

    def _connect(self, connection: SharedConnection, now_s: float) -> None:
        if connection.ending and not self._counts.connections:
            raise LinkError(why_refused(self._settings, connection.ending))
        retry = self._retries[connection]
        retry.attempts += 1
        retry.due_s = now_s + _RETRY.pause_s(retry.attempts, self._rng)
        try:
            connection.connect()
        except (OSError, UnicodeError) as e:
            if not self._counts.connections:
                raise LinkError(why_unreachable(self._settings, e, ANSWER_S)) from e
