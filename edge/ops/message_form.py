"""One message by itself: its topic, its form, and whether its parts agree with each other. Pure."""

import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from edge.events import Place, leaf_of
from edge.ops.messages import KINDS, LEAVES, RETAINED, OtherEvent, kind_of, moment, parse_topic
from edge.ops.subscription import ReceivedMessage

_SHOWN = 60
"""Characters of a wrong value that are shown."""
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_EARLIEST_YEAR = 2024
"""A clock that shows less can't have been trusted."""
_SLACK = timedelta(seconds=5)
"""An event may be stamped so much later than it was stored: two clocks are read."""
_AHEAD = timedelta(seconds=60)
"""How much a device's clock may be ahead of ours."""


class Flaw(NamedTuple):
    """What is wrong with a message."""

    key: str
    """Dotted; in brackets where it is no key of the payload."""
    found: str
    expected: str


@dataclass(slots=True)
class MessageForm:
    """What a message is."""

    flaws: list[Flaw] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    """Keys and types that this version does not know: no flaw, since the contract may grow."""
    place: Place | None = None
    kind: str | None = None
    """A key of ``KINDS``, or ``removal``, of a retained message; None: nothing that this version knows."""
    event: dict[str, Any] | None = None
    """The payload if it is a CloudEvent without flaws."""


def shown(value: object) -> str:
    """A value as JSON, shortened."""
    text = json.dumps(value, ensure_ascii=True, default=str)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def look_at(message: ReceivedMessage, *, live: bool) -> MessageForm:
    """Check one message.

    Args:
        message: as it came.
        live: it has just come, so that no time in it may lie ahead.
    """
    form = MessageForm()
    if not message.topic:  # only what was written down can be without one
        form.flaws.append(
            Flaw("(topic)", "none", 'a JSON object with "topic", or a CloudEvent with "source"')
        )
        return form
    topic = parse_topic(message.topic)
    if topic is None:
        leaves = "|".join(LEAVES)
        form.flaws.append(Flaw("(topic)", shown(message.topic), f"<prefix>/v1/<site>/<device>/{leaves}"))
        return form
    form.place, leaf = topic
    if message.retained and leaf not in RETAINED:
        form.flaws.append(Flaw("(retained)", "a retained message", f"{leaf} is never retained"))
    if not message.payload and leaf in RETAINED:
        form.kind = "removal"
        return form  # nothing is left for later subscribers
    said = _parse(message.payload, form)
    if said is None:
        return form
    if leaf in {"event", "summary"}:
        _look_at_event(message, said, leaf, form)
    else:
        form.kind = kind_of(leaf, form.place.device)
        _validate(KINDS[form.kind].model, message.payload, form)
        _look_at_time(said.get("time"), form)
    if live and (ahead := said.get("recordedtime", said.get("time"))) and not form.flaws:
        trusted = said.get("data", said).get("clock_trusted", True)
        if trusted and datetime.fromisoformat(ahead.replace("Z", "+00:00")) > message.at + _AHEAD:
            form.flaws.append(Flaw("time", shown(ahead), f"at most {message.at:%Y-%m-%dT%H:%M:%SZ}, now"))
    return form


def _parse(payload: bytes, form: MessageForm) -> dict[str, Any] | None:
    try:
        said = from_json(payload, allow_inf_nan=False)
    except ValueError as e:
        form.flaws.append(Flaw("(payload)", shown(payload.decode("utf-8", "replace")), f"JSON ({e})"))
        return None
    if not isinstance(said, dict):
        form.flaws.append(Flaw("(payload)", shown(said), "a JSON object"))
        return None
    return said


def _look_at_event(message: ReceivedMessage, said: dict[str, Any], leaf: str, form: MessageForm) -> None:
    name = said.get("type")
    known = KINDS.get(name) if isinstance(name, str) else None
    if known is not None and known.leaf in {"event", "summary"}:
        form.kind = str(name)
        _validate(known.model, message.payload, form)
    else:
        form.unknown.append(f"type {shown(name)}")
        _validate(OtherEvent, message.payload, form)
    if form.flaws or form.place is None:
        return
    place, data, name = form.place, said["data"], said["type"]
    for key, found, expected in (
        ("source", said["source"], place.source),
        ("data.site", data.get("site"), place.site),
        ("data.device", data.get("device"), place.device),
        ("type", name, name if leaf_of(name) == leaf else f"a type of topic .../{leaf}"),
    ):
        if found != expected:
            form.flaws.append(Flaw(key, shown(found), f"{expected}, by its topic"))
    if data.get("clock_trusted"):
        _look_at_moments(moment(said["time"]), moment(said["recordedtime"]), form)
    if not form.flaws:
        form.event = said


def _look_at_moments(time: datetime, recorded: datetime, form: MessageForm) -> None:
    if time.year < _EARLIEST_YEAR:
        form.flaws.append(Flaw("time", str(time), "clock_trusted false, so long ago"))
    elif time > recorded + _SLACK:
        form.flaws.append(Flaw("time", str(time), f"no later than recordedtime, {recorded}"))


def _look_at_time(text: object, form: MessageForm) -> None:
    if isinstance(text, str) and not _RFC3339.fullmatch(text):
        form.flaws.append(Flaw("time", shown(text), "RFC 3339"))


def _validate(model: type[BaseModel], payload: bytes, form: MessageForm) -> None:
    try:
        model.model_validate_json(payload, strict=True)
    except ValidationError as e:
        for error in e.errors(include_url=False):
            key = ".".join(map(str, error["loc"]))
            if error["type"] == "extra_forbidden":
                form.unknown.append(key)
            elif error["type"] == "missing":
                form.flaws.append(Flaw(key, "nothing", "a value"))
            else:
                expected = error["msg"].removeprefix("Input should be ").removeprefix("String should ")
                form.flaws.append(Flaw(key, shown(error["input"]), expected))
