"""``maskgate watch`` for programs: one JSON object for each message."""

import json
import sys
import threading

from pydantic_core import from_json

from edge.events import rfc3339
from edge.ops.subscription import ReceivedMessage, Subscription
from edge.ops.text import plain

_LOOK_S = 1.0
"""How often ``stop`` is checked."""


def print_lines(messages: Subscription, stop: threading.Event) -> None:
    """Print one JSON object for each message, until ``stop`` is set."""
    while not stop.is_set():
        message = messages.next(_LOOK_S)
        if message is not None:
            sys.stdout.write(json_line(message) + "\n")
            sys.stdout.flush()


def json_line(message: ReceivedMessage) -> str:
    """A message as one line of JSON. It is ASCII, so that it is safe on a terminal, too.

    ``payload`` is the message's JSON. If the message is not JSON, it is null, and ``text`` shows the message.
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
