"""``reference/events.md``: every message on MQTT, from the contract's own schemas."""

import json
from collections.abc import Iterator
from typing import Any

from docs.generate.markdown import block, code, page, plain, table
from edge.ops.messages import KINDS, RETAINED, Envelope
from edge.ops.schemas import field_texts, message_schema

INTRODUCTION = """\
Every message goes to `<prefix>/v1/<site>/<device>/<leaf>`; the prefix is `maskgate` unless `mqtt.prefix`
names another. [`edge/ops/contract/`](../../edge/ops/contract/asyncapi.json) holds the same as JSON Schemas
and as an AsyncAPI document, for programs. Within `v1`, keys and types may be added: let through what you do
not know.

Events and summaries are [CloudEvents](https://cloudevents.io) in structured JSON. They wait on the device's
disk until the broker has acknowledged them, and arrive at least once and in order: drop repeats by `source`
and `id`."""
_COMMON = """\
`data` always holds `site`, `device`, `clock_trusted` (false: the device did not know the time) and
`replayed` (true: the event could not be sent when it happened), beside the keys listed below."""
_LEAVES = {
    "status": "who is there; also the last will",
    "info": "what the device is",
    "health": "how the device is, every `reporting.health_every_s`",
    "event": "what happened",
    "summary": "counts, every `reporting.summary_every_s`",
    "cmd": "what the ops centre asks for",
    "rsp": "the answer",
}


def events() -> str:
    """The whole page."""
    leaves = [
        (code(leaf), "yes" if leaf in RETAINED else "no", "0" if leaf == "health" else "1", text)
        for leaf, text in _LEAVES.items()
    ]
    parts = [INTRODUCTION, "## Topics", table(("leaf", "retained", "QoS", "carries"), leaves)]
    parts += ["## The envelope of every event", table(("key", "meaning"), _envelope())]
    data = {"site", "device", "clock_trusted", "replayed"}
    parts.append(_COMMON)
    for name, kind in KINDS.items():
        schema = message_schema(name)
        inner = _inner(schema)
        rows = [row for row in _rows(inner, schema.get("$defs", {})) if row[0].strip("`") not in data]
        parts += [f"## {code(name)}", f"{plain(inner.get('description'))} On {code(kind.leaf)}."]
        parts += [table(("key", "type", "meaning"), rows), block(_example(schema), "json")]
    return page("Event reference", "the types in edge/events and edge/ops/messages.py", *parts)


def _envelope() -> Iterator[tuple[str, str]]:
    texts = field_texts(Envelope)
    fixed = {"type": "What happened; one of those below.", "dataschema": "The schema of `data`."}
    for key in Envelope.model_fields:
        yield code(key), plain(texts.get(key)) or fixed.get(key, "Always the same.")


def _inner(schema: dict[str, Any]) -> dict[str, Any]:
    """The part of a schema that differs: an event's data, or all of any other message."""
    if "specversion" not in schema["properties"]:
        return schema
    found: dict[str, Any] = schema["$defs"][schema["properties"]["data"]["$ref"].rpartition("/")[2]]
    return found


def _rows(schema: dict[str, Any], parts: dict[str, Any], at: str = "") -> Iterator[tuple[str, str, str]]:
    for key, field in schema["properties"].items():
        yield code(f"{at}{key}"), _type(field), plain(field.get("description"))
        if (inner := _part(field, parts)) is not None:
            yield from _rows(inner, parts, f"{at}{key}.")


def _part(field: dict[str, Any], parts: dict[str, Any]) -> dict[str, Any] | None:
    found: dict[str, Any] | None = parts.get(str(field.get("$ref", "")).rpartition("/")[2])
    return found if found is not None and "properties" in found else None


def _type(field: dict[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(_type(option) for option in field["anyOf"])
    if "enum" in field:
        return " or ".join(code(json.dumps(value)) for value in field["enum"])
    if "const" in field:
        return code(json.dumps(field["const"]))
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}"
    name = field.get("type", "object" if "$ref" in field else "any value")
    least = f", from {field['minimum']:g}" if "minimum" in field else ""
    most = f" to {field['maximum']:g}" if "maximum" in field else ""
    return f"{field.get('format', name)}{least}{most}"


def _example(schema: dict[str, Any]) -> str:
    return json.dumps(schema["examples"][0], indent=2, ensure_ascii=False)
