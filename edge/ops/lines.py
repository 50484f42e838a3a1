"""Reads recorded messages, one JSON object a line, in three forms.

``{"topic", "retained", "message"}``, as ``maskgate demo`` writes it; what ``mosquitto_sub -F %j`` (or ``%J``)
prints; and CloudEvents alone, as ``maskgate replay --jsonl`` prints them.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from typing import Any

from pydantic_core import from_json

from edge.events import Place, leaf_of
from edge.ops.subscription import ReceivedMessage


def read_lines(lines: Iterable[bytes]) -> Iterator[ReceivedMessage]:
    """The messages of the lines, without empty lines. A line in another form has no topic."""
    for line in lines:
        if line.strip():
            topic, payload, retained = _read(line.strip())
            yield ReceivedMessage(topic, payload, retained, datetime.now(timezone.utc))


def _read(line: bytes) -> tuple[str, bytes, bool]:
    try:
        record = from_json(line)
    except ValueError:
        return "", line, False
    if not isinstance(record, dict):
        return "", line, False
    if isinstance(record.get("topic"), str):
        payload = record["message"] if "message" in record else record.get("payload", "")
        if payload is None:  # mosquitto_sub writes an empty payload as null
            payload = ""
        text = payload if isinstance(payload, str) else json.dumps(payload)
        return record["topic"], text.encode(), bool(record.get("retained", record.get("retain")))
    return _topic_of(record), line, False


def _topic_of(event: dict[str, Any]) -> str:
    """The topic on which an event would be published; empty if its source names no device."""
    parts = str(event.get("source", "")).split("/")
    if len(parts) != 4:
        return ""
    _, prefix, site, device = parts
    return Place(site, device, prefix).topic(leaf_of(str(event.get("type"))))
