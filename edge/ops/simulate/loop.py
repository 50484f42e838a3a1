"""One loop on one thread that makes and serves any number of connections."""

import random
import selectors
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge.config import Mqtt
from edge.errors import LinkError
from edge.mqtt.explain import why_refused, why_unreachable
from edge.mqtt.session import ANSWER_S
from edge.ops.simulate.counts import Counts
from edge.ops.simulate.shared_connection import SharedConnection

_TICK_S = 0.1
_RETRY_MIN_S, _RETRY_MAX_S = 1.0, 10.0
_AT_ONCE = 20
"""Attempts to connect in one round, so that the others are served in between."""


@dataclass(slots=True)
class _Retry:
    due_s: float = 0.0
    pause_s: float = _RETRY_MIN_S


class Loop:
    """Runs only while one of its methods does.

    Args:
        settings: the broker.
        lines: the connections, which register themselves with the selector.
        rng: for the pauses between attempts.
        counts: those of the lines.
        selector: theirs; this loop closes it.
    """

    def __init__(
        self,
        settings: Mqtt,
        lines: Sequence[SharedConnection],
        rng: random.Random,
        counts: Counts,
        selector: selectors.BaseSelector,
    ) -> None:
        self._settings, self._lines, self._rng, self._counts = settings, lines, rng, counts
        self._selector = selector
        self._retries = {line: _Retry() for line in lines}
        self._looked_s = 0.0
        self.keepalive = True

    def retry_in(self, line: SharedConnection, pause_s: float) -> None:
        """If it is not connected, or about to be cut: not before then."""
        self._retries[line].due_s = time.monotonic() + pause_s

    def round(self) -> None:
        """Connect some, and serve all; takes about 0.1 s.

        Raises:
            LinkError: the broker can't be reached or refuses us, and has never taken any of us.
        """
        now_s = time.monotonic()
        due = [line for line in self._lines if line.idle and self._retries[line].due_s <= now_s]
        for line in due[:_AT_ONCE]:
            self._connect(line, now_s)
        for key, ready in self._selector.select(0.0 if len(due) > _AT_ONCE else _TICK_S):
            key.data.serve(ready)
        if now_s - self._looked_s >= 1 and self.keepalive:
            self._looked_s = now_s
            for line in self._lines:
                line.look_after()

    def until(self, done: Callable[[], bool], timeout_s: float) -> None:
        """Go on until it holds, at most so long."""
        until_s = time.monotonic() + timeout_s
        while not done() and time.monotonic() < until_s:
            self.round()

    def close(self) -> None:
        """No more rounds."""
        self._selector.close()

    def _connect(self, line: SharedConnection, now_s: float) -> None:
        if line.ending and not self._counts.connections:
            raise LinkError(why_refused(self._settings, line.ending))
        retry = self._retries[line]
        retry.due_s = now_s + retry.pause_s * self._rng.uniform(0.5, 1)
        retry.pause_s = min(_RETRY_MAX_S, 2 * retry.pause_s)
        try:
            line.connect()
        except (OSError, UnicodeError) as e:
            if not self._counts.connections:
                raise LinkError(why_unreachable(self._settings, e, ANSWER_S)) from e
