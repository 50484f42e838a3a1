"""Delivers the outbox's events over the link: at least once, in order, and with the same ``id`` each time.

An event leaves the outbox only when the broker has acknowledged it. Events that were in flight when a
connection ended are sent again on the next one, the oldest first. A consumer drops repeats by ``source`` and
``id``.
"""

import json
import logging
import random
import threading
from collections.abc import Callable, Sequence
from functools import partial
from queue import Empty, SimpleQueue
from typing import Protocol

from edge.backoff import Backoff
from edge.clock import Clock
from edge.events import CONTENT_TYPE, EXPIRY_S, Place, leaf_of

_log = logging.getLogger(__name__)
WINDOW = 10
"""Events in flight before the first of them is acknowledged. Some hosted brokers allow no more."""
_IDLE_S = 5.0
"""While nothing happens, the store is asked this often, so that it can try a full disk again."""
_RETRY = Backoff(first_s=1.0, longest_s=60.0)
"""Pauses after the broker has refused an event."""


class Item(Protocol):
    """An event in the store."""

    @property
    def sequence(self) -> int:
        """Its number, which rises by one from event to event."""
        ...

    @property
    def type(self) -> str:
        """Its CloudEvents type."""
        ...

    @property
    def body(self) -> str:
        """The CloudEvent as JSON."""
        ...


class EventStore(Protocol):
    """What keeps events until they are acknowledged."""

    @property
    def last(self) -> int:
        """The number given last."""
        ...

    @property
    def depth(self) -> int:
        """The number of events that are not acknowledged."""
        ...

    def pending(self, after: int, limit: int) -> Sequence[Item]:
        """The oldest events with a number above ``after``, oldest first."""
        ...

    def remove(self, sequence: int) -> None:
        """Remove an event that the broker has acknowledged."""
        ...


class BrokerLink(Protocol):
    """A connection to the broker that comes and goes."""

    def listen(self, listener: "Delivery") -> None:
        """Set who is called, from any thread: up, acknowledgements, down, in this order. Before the start."""
        ...

    def publish(
        self, topic: str, payload: bytes, *, content_type: str, expiry_s: int, connection: int
    ) -> int | None:
        """Send with QoS 1 on that connection; returns a token, or None if it has ended."""
        ...


class Delivery:
    """Sends the store's events on a thread of its own. All other threads only leave it a note.

    Args:
        store: keeps the events.
        link: carries them. Delivery becomes its listener.
        place: gives the topics.
        clock: times the rate and the pause after a refusal.
        rate_per_s: the most events a second after a burst of ``WINDOW`` events. Without this limit, a
            thousand devices that come back after an outage could overload the broker.
    """

    def __init__(
        self, store: EventStore, link: BrokerLink, place: Place, clock: Clock, *, rate_per_s: float = 50.0
    ) -> None:
        self._store, self._link, self._place, self._clock = store, link, place, clock
        self._interval_s = 1 / rate_per_s
        self._rng = random.Random()  # noqa: S311 - no secret
        self.problem: str | None = None
        """Why a broker that is reached does not take events, as a full sentence."""
        self._notes: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._progress = threading.Condition()
        self._closed = False
        self._connection: int | None = None
        self._in_flight: dict[int, Item] = {}
        self._sent = 0  # the highest number sent on this connection
        self._old = 0  # numbers up to this one were stored before this connection began
        self._window = 1
        self._refusals = 0
        self._due_s = self._retry_s = clock.monotonic()
        self._thread = threading.Thread(target=self._run, name="delivery", daemon=True)
        link.listen(self)

    def start(self) -> None:
        """Start to deliver."""
        self._thread.start()

    def wake(self) -> None:
        """Tell delivery that an event was stored."""
        self._notes.put(lambda: None)

    def up(self, connection: int) -> None:
        """The link is connected. Each connection has a number of its own. Does not block, as the next two."""
        self._notes.put(partial(self._reset, connection))

    def down(self) -> None:
        """The connection has ended. Nothing sent on it will be acknowledged any more."""
        self._notes.put(partial(self._reset, None))

    def acknowledged(self, token: int, refusal: str | None) -> None:
        """The broker took a message, or refused it for a reason."""
        self._notes.put(partial(self._answered, token, refusal))

    def flush(self, timeout_s: float) -> int:
        """Wait for up to ``timeout_s`` until all events are acknowledged; returns how many are left."""
        self.wake()
        with self._progress:
            self._progress.wait_for(lambda: self._store.depth == 0, timeout_s)
        return self._store.depth

    def close(self) -> None:
        """Stop and join the thread. Events that are not acknowledged stay in the store."""
        self._closed = True
        self.wake()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._closed:
            pause_s = self._send()
            try:
                self._notes.get(timeout=pause_s)()
                while True:
                    self._notes.get_nowait()()
            except Empty:
                continue

    def _reset(self, connection: int | None) -> None:
        self._connection, self._old = connection, self._store.last
        self._start_over()

    def _start_over(self) -> None:
        # Send one event alone first: if the broker refuses it, no other has overtaken it.
        self._in_flight.clear()
        self._sent, self._window = 0, 1

    def _answered(self, token: int, refusal: str | None) -> None:
        item = self._in_flight.pop(token, None)
        if item is None:
            return
        if refusal is not None:
            self._refused(item, refusal)
            return
        self._store.remove(item.sequence)
        if self._refusals:
            _log.warning("the broker takes events again")
        self.problem, self._refusals, self._window = None, 0, WINDOW
        with self._progress:
            self._progress.notify_all()

    def _refused(self, item: Item, refusal: str) -> None:
        self._refusals += 1
        self._retry_s = self._clock.monotonic() + _RETRY.pause_s(self._refusals, self._rng)
        self._start_over()
        self.problem = (
            f"the broker refuses event {item.sequence} on {self._topic(item)} ({refusal}): check its access "
            "list for this device's login; the event is kept, and the next attempt comes within "
            f"{_RETRY.limit_s(self._refusals):.0f} s"
        )
        _log.warning("%s", self.problem)

    def _send(self) -> float:
        """Send what may be sent now; returns the seconds until the next look, if no note comes earlier."""
        while self._connection is not None and len(self._in_flight) < self._window:
            now_s = self._clock.monotonic()
            wait_s = max(self._retry_s, self._due_s - WINDOW * self._interval_s) - now_s
            if wait_s > 0:
                return wait_s
            items = self._store.pending(self._sent, 1)
            if not items:
                break
            item = items[0]
            token = self._link.publish(
                self._topic(item),
                self._payload(item),
                content_type=CONTENT_TYPE,
                expiry_s=EXPIRY_S,
                connection=self._connection,
            )
            if token is None:
                break
            self._in_flight[token] = item
            self._sent = item.sequence
            self._due_s = max(self._due_s, now_s) + self._interval_s
        return _IDLE_S

    def _topic(self, item: Item) -> str:
        return self._place.topic(leaf_of(item.type))

    def _payload(self, item: Item) -> bytes:
        """The event as bytes. It is marked ``replayed`` if it was stored before this connection was made."""
        if item.sequence > self._old:
            return item.body.encode()
        wire = json.loads(item.body)
        wire.setdefault("data", {})["replayed"] = True
        return json.dumps(wire, separators=(",", ":")).encode()
