"""Messages that were written down, one JSON object a line.

Three forms are read: ``{"topic", "retained", "message"}`` as ``maskgate demo`` leaves it; what
``mosquitto_sub -F %j`` (or ``%J``) prints; and CloudEvents alone, as ``maskgate replay --jsonl`` prints them.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from typing import Any

from pydantic_core import from_json

from edge.events import Place, leaf_of
from edge.ops.subscription import ReceivedMessage


def read_lines(lines: Iterable[bytes]) -> Iterator[ReceivedMessage]:
    """The messages; a line of none of the forms becomes one without a topic, an empty line none."""
    for line in lines:
        if line.strip():
            topic, payload, retained = _read(line.strip())
            yield ReceivedMessage(topic, payload, retained, datetime.now(timezone.utc))


def _read(line: bytes) -> tuple[str, bytes, bool]:
    try:
        said = from_json(line)
    except ValueError:
        return "", line, False
    if not isinstance(said, dict):
        return "", line, False
    if isinstance(said.get("topic"), str):
        payload = said["message"] if "message" in said else said.get("payload", "")
        if payload is None:  # how mosquitto_sub writes an empty one
            payload = ""
        text = payload if isinstance(payload, str) else json.dumps(payload)
        return said["topic"], text.encode(), bool(said.get("retained", said.get("retain")))
    return _topic_of(said), line, False


def _topic_of(event: dict[str, Any]) -> str:
    """Where an event would be published."""
    parts = str(event.get("source", "")).split("/")
    if len(parts) != 4:
        return ""
    _, prefix, site, device = parts
    return Place(site, device, prefix).topic(leaf_of(str(event.get("type"))))
