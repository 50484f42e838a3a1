"""Every message of contract 2 as one type: schemas are generated from it, messages are checked by it.

A device builds its messages with the same payload types (``edge.events``, ``edge.speaker.self_report``). This
module adds the envelope, which ``cloud_event`` writes as a dict.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, create_model

from edge.events import SCHEMA_BASE, TYPES, Command, Data, Health, Info, Place, Response, Status
from edge.speaker.self_report import SpeakerHealth, SpeakerInfo

NAME = "[A-Za-z0-9][A-Za-z0-9_.-]{0,62}"
"""A topic level, as ``edge.config`` allows it."""
_UUID = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
_TIME = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z$"
_TOPIC = re.compile(f"(?P<prefix>{NAME})/v1/(?P<site>{NAME})/(?P<device>{NAME})/(?P<leaf>[a-z]+)")


def moment(text: str) -> datetime:
    """The UTC time that an envelope gives as text.

    Raises:
        ValueError: the day or the hour does not exist.
    """
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _real(text: str) -> str:
    moment(text)
    return text


Timestamp = Annotated[
    str, Field(pattern=_TIME, json_schema_extra={"format": "date-time"}), AfterValidator(_real)
]


class Envelope(BaseModel):
    """A CloudEvent 1.0 in structured JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    specversion: Literal["1.0"]
    id: str = Field(pattern=_UUID, json_schema_extra={"format": "uuid"})
    """The same in every redelivery: a consumer drops repeats by `source` and `id`."""
    source: str = Field(pattern=f"^/{NAME}/{NAME}/{NAME}$")
    """The device that sent it: /<prefix>/<site>/<device>."""
    type: str
    time: Timestamp
    """When it happened. Trust it only if `data.clock_trusted` is true."""
    datacontenttype: Literal["application/json"]
    dataschema: str
    sequence: str = Field(pattern="^[0-9]{12}$")
    """Rises by one with every event of its source. It sorts as text."""
    recordedtime: Timestamp
    """When the device stored the event."""


class About(Data):
    """What the data of every event has beside its own keys."""

    site: str = Field(pattern=f"^{NAME}$")
    device: str = Field(pattern=f"^{NAME}$")
    clock_trusted: bool
    """False if the device did not know the time. `sequence` still gives the order."""
    replayed: bool
    """True if the event could not be sent when it happened."""


def _event_model(event_type: str, payload: type[Data]) -> type[BaseModel]:
    name = payload.__name__
    fields: dict[str, Any] = {
        "type": (Literal[event_type], ...),
        "dataschema": (Literal[f"{SCHEMA_BASE}{event_type}"], ...),
        "data": (create_model(f"{name}Data", __base__=(payload, About), __doc__=payload.__doc__), ...),
    }
    return create_model(f"{name}Event", __base__=Envelope, __doc__=payload.__doc__, **fields)


class OtherEvent(Envelope):
    """An event of a type that this version does not know."""

    data: dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of message."""

    leaf: str
    """The last topic level."""
    model: type[BaseModel]
    """The type of the whole payload. It refuses unknown keys."""


KINDS: dict[str, Kind] = {
    "status": Kind("status", Status),
    "info": Kind("info", Info),
    "speaker.info": Kind("info", SpeakerInfo),
    "health": Kind("health", Health),
    "speaker.health": Kind("health", SpeakerHealth),
    **{t: Kind("summary" if t == "summary" else "event", _event_model(t, p)) for t, p in TYPES.items()},
    "cmd": Kind("cmd", Command),
    "rsp": Kind("rsp", Response),
}
"""Name -> kind of message. The name of an event's kind is its CloudEvents type."""
LEAVES = tuple(dict.fromkeys(kind.leaf for kind in KINDS.values()))
RETAINED = frozenset({"status", "info"})
"""Leaves whose messages the broker retains. All others must never be retained."""


def parse_topic(topic: str) -> tuple[Place, str] | None:
    """The device and the leaf of a topic; None if the contract has no such topic."""
    match = _TOPIC.fullmatch(topic)
    if match is None or match["leaf"] not in LEAVES:
        return None
    return Place(match["site"], match["device"], match["prefix"]), match["leaf"]


def kind_of(leaf: str, device: str) -> str:
    """The kind of message on a leaf other than ``event``. A speaker's name ends in ``-speaker``."""
    return f"speaker.{leaf}" if leaf in {"info", "health"} and device.endswith("-speaker") else leaf
