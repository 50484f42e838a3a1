"""``maskgate watch``: a table of all devices and a stream of their events; for programs, JSON lines."""

import json
import os
import shutil
import sys
import threading
from collections import deque

from pydantic_core import from_json

from edge.clock import SystemClock
from edge.events import rfc3339
from edge.ops.fleet import Fleet, StreamLine
from edge.ops.screen import Screen, draw
from edge.ops.subscription import ReceivedMessage, Subscription
from edge.ops.text import plain

_DRAW_EVERY_S = 0.25
_REDRAW_S = 1.0
"""Ages grow although nothing comes."""
_STREAM = 200
_OPEN, _CLOSE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
"""The terminal's second screen, without a cursor; and back, with all that stood there before."""


def print_lines(heard: Subscription, stop: threading.Event) -> None:
    """One JSON object a message, until ``stop`` is set."""
    while not stop.is_set():
        message = heard.next(_REDRAW_S)
        if message is not None:
            _put(json_line(message) + "\n")


def show(heard: Subscription, stop: threading.Event, broker: str) -> None:
    """Table and stream on a terminal, until ``stop`` is set; then the terminal is as it was before.

    Args:
        heard: all that devices say.
        stop: ends it.
        broker: its name for the head line.
    """
    _put(_OPEN)
    try:
        _show(heard, stop, broker)
    finally:
        _put(_CLOSE)


def _show(heard: Subscription, stop: threading.Event, broker: str) -> None:
    clock, fleet, stream = SystemClock(), Fleet(), deque[StreamLine](maxlen=_STREAM)
    began, due_s, news = clock.utc(), clock.monotonic(), True
    while not stop.is_set():
        message = heard.next(max(0.0, due_s - clock.monotonic()))
        if message is not None:
            stream.extend(fleet.take(message))
            if not news:
                news, due_s = True, min(due_s, clock.monotonic() + _DRAW_EVERY_S)
        if clock.monotonic() >= due_s:
            size = shutil.get_terminal_size((100, 30))
            screen = Screen(
                broker, began, size.columns, size.lines, "NO_COLOR" not in os.environ, heard.problem
            )
            lines = draw(fleet, list(stream), screen, clock.utc())
            # over what stands there, line by line: nothing flickers
            _put("\x1b[H" + "\x1b[K\r\n".join(lines) + "\x1b[J")
            news, due_s = False, clock.monotonic() + _REDRAW_S


def json_line(message: ReceivedMessage) -> str:
    """A message for programs; ASCII alone, so that a terminal is safe, too.

    ``payload`` is its JSON, or null where it is none; then ``text`` shows what it is.
    """
    levels = message.topic.split("/")
    out: dict[str, object] = {
        "received": rfc3339(message.at),
        "topic": message.topic,
        "site": levels[2] if len(levels) == 5 else None,
        "device": levels[3] if len(levels) == 5 else None,
        "kind": levels[-1],
        "retained": message.retained,
    }
    try:
        out["payload"] = from_json(message.payload, allow_inf_nan=False)
        return json.dumps(out)
    except ValueError:
        text = message.payload[:1000].decode(errors="replace")
        return json.dumps({**out, "payload": None, "text": plain(text)})


def _put(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
