"""The AsyncAPI 3.0 document: channels, operations and messages, as the device sees them (it sends events)."""

import json
from typing import Any

from pydantic import JsonValue

from edge.events import CONTENT_TYPE
from edge.ops.examples import EXAMPLES
from edge.ops.messages import KINDS, LEAVES, NAME, RETAINED
from edge.ops.schemas import all_schemas, message_schema

VERSION = "1.1.0"
"""Version of the contract. The first number is the ``v1`` of the topics; the second rises with additions."""
_INFO = """The MQTT messages that maskgate devices send, and the commands that they take.

**Delivery.** Each event and summary comes at least once, in order, and with the same `id` each time. Drop
repeats by `source` and `id`. `sequence` rises by one with every event of a source. A gap means that events
are lost; `events.dropped` reports how many. A `device.started` with `sequence` 1 starts a new outbox. If its
`previous` is `none`, the device is new. Otherwise the old outbox could not be read, and the events that
waited in it are lost. After `device.started`, everything that was open before is closed.

**Evolution.** Within v1 this contract only grows: keys, event types, commands and values of enumerations may
be added. Existing ones are never removed, renamed, made optional, or changed in meaning or unit. So ignore
keys and event types that you do not know, and treat an unknown value of an enumeration as any other reason.
Additions are not `required` here, because devices with older software do not send them. To validate, use the
newest of these files. Any other change becomes v2, on topics of its own, beside v1.

**Schemas.** The `dataschema` of a CloudEvent, `urn:maskgate:v1:<type>`, names the `data` in the file
`<type>.json` beside this document. No message contains a picture."""

_CHANNELS = {
    "status": ("Online or offline", "Retained. When a device vanishes, its last will says `offline`."),
    "info": ("What a device is", "Retained: software, models, camera, configuration without secrets."),
    "health": ("State of a device", "Every few seconds. Not stored: a message that is missed is gone."),
    "event": ("What happened", "Sent through the device's outbox, which keeps it until the broker has it."),
    "summary": ("Counts", "Every minute, sent through the outbox as events are."),
    "cmd": ("Commands", "To one device. A device refuses a retained or a late command."),
    "rsp": ("Answers to commands", "One for each command, with its `transaction`."),
}
_PARAMETERS = {
    "prefix": "The first topic level; `maskgate` unless the devices are configured otherwise.",
    "site": "A building or campus.",
    "device": "A device of the site. Names that end in `-speaker` are speakers, all others are entrances.",
}


def document() -> dict[str, Any]:
    """The whole AsyncAPI document, ready for ``json.dumps``."""
    names, schemas = all_schemas()
    return {
        "asyncapi": "3.0.0",
        "id": "urn:maskgate:v1",
        "info": {
            "title": "maskgate",
            "version": VERSION,
            "description": _INFO,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {leaf: _channel(leaf) for leaf in LEAVES},
        "operations": {
            ("receive" if leaf == "cmd" else "send") + leaf.title(): _operation(leaf) for leaf in LEAVES
        },
        "components": {
            "messages": {name: _message(name, names[name]) for name in KINDS},
            "schemas": schemas,
            "parameters": {
                name: {"description": f"{text} Matches ^{NAME}$."} for name, text in _PARAMETERS.items()
            },
        },
    }


def _channel(leaf: str) -> JsonValue:
    title, description = _CHANNELS[leaf]
    return {
        "address": f"{{prefix}}/v1/{{site}}/{{device}}/{leaf}",
        "title": title,
        "description": description,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _kinds(leaf)},
        "parameters": {name: {"$ref": f"#/components/parameters/{name}"} for name in _PARAMETERS},
    }


def _operation(leaf: str) -> JsonValue:
    made: dict[str, JsonValue] = {
        "action": "receive" if leaf == "cmd" else "send",
        "channel": {"$ref": f"#/channels/{leaf}"},
        "messages": [{"$ref": f"#/channels/{leaf}/messages/{name}"} for name in _kinds(leaf)],
        "bindings": {
            "mqtt": {
                "qos": 0 if leaf == "health" else 1,
                "retain": leaf in RETAINED,
                "bindingVersion": "0.2.0",
            }
        },
    }
    if leaf == "cmd":
        made["reply"] = {
            "channel": {"$ref": "#/channels/rsp"},
            "messages": [{"$ref": "#/channels/rsp/messages/rsp"}],
        }
    return made


def _message(name: str, schema: str) -> JsonValue:
    kind = KINDS[name]
    event = kind.leaf in {"event", "summary"}
    made: dict[str, JsonValue] = {
        "name": name,
        "title": schema,
        "summary": (kind.model.__doc__ or "").partition("\n")[0],
        "contentType": CONTENT_TYPE if event else "application/json",
        "payload": {"$ref": f"#/components/schemas/{schema}"},
        "examples": [{"name": name, "payload": EXAMPLES[name]}],
    }
    if kind.leaf in {"cmd", "rsp"}:
        made["correlationId"] = {"location": "$message.payload#/transaction"}
    return made


def _kinds(leaf: str) -> list[str]:
    return [name for name, kind in KINDS.items() if kind.leaf == leaf]


def contract_files() -> dict[str, str]:
    """Name and text of every file of ``edge/ops/contract``."""
    made = {f"{name}.json": message_schema(name) for name in KINDS} | {"asyncapi.json": document()}
    return {name: json.dumps(content, indent=2, ensure_ascii=False) + "\n" for name, content in made.items()}
