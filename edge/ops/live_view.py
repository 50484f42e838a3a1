"""``maskgate watch`` on a terminal: a table of all devices, and a stream of their events."""

import threading
from collections import deque

from rich.console import Console, Group
from rich.live import Live

from edge.clock import SystemClock
from edge.ops.fleet import Fleet, StreamLine
from edge.ops.screen import Screen, draw
from edge.ops.subscription import Subscription

_DRAW_EVERY_S = 0.25
_REDRAW_S = 1.0
"""The screen is drawn this often even if no message comes, because the ages on it grow."""
_STREAM = 200
"""The number of events that are kept for the stream."""


def show(messages: Subscription, stop: threading.Event, broker: str, console: Console | None = None) -> None:
    """Show table and stream until ``stop`` is set. Then the terminal is as it was before.

    Args:
        messages: all messages of all devices.
        stop: ends it.
        broker: the broker's name for the first line.
        console: the terminal; None: standard output.
    """
    clock, fleet, stream = SystemClock(), Fleet(), deque[StreamLine](maxlen=_STREAM)
    started, due_s, changed = clock.utc(), clock.monotonic(), True
    with Live(console=console or Console(), screen=True, auto_refresh=False) as live:
        while not stop.is_set():
            message = messages.next(max(0.0, due_s - clock.monotonic()))
            if message is not None:
                stream.extend(fleet.take(message))
                if not changed:
                    changed, due_s = True, min(due_s, clock.monotonic() + _DRAW_EVERY_S)
            if clock.monotonic() >= due_s:
                width, height = live.console.size
                screen = Screen(broker, started, width, height, messages.problem)
                live.update(Group(*draw(fleet, list(stream), screen, clock.utc())), refresh=True)
                changed, due_s = False, clock.monotonic() + _REDRAW_S
