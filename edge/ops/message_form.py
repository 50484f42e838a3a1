"""Checks one message by itself: its topic, its form, and whether its parts agree with each other. Pure."""

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
"""At most this many characters of a wrong value are shown."""
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_EARLIEST_YEAR = 2024
"""A clock that shows an earlier year can't have been trusted: no device of this version existed then."""
_SLACK = timedelta(seconds=5)
"""The time of an event may be this much later than its ``recordedtime``, because two clocks are read."""
_AHEAD = timedelta(seconds=60)
"""A device's clock may be this much ahead of ours."""


class Flaw(NamedTuple):
    """One thing that is wrong with a message."""

    key: str
    """The dotted key. It is in brackets if it does not name a key of the payload."""
    found: str
    expected: str


@dataclass(slots=True)
class MessageForm:
    """What a message is, and what is wrong with it."""

    flaws: list[Flaw] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    """Keys and types that this version does not know. They are not flaws, because the contract may grow."""
    place: Place | None = None
    kind: str | None = None
    """A key of ``KINDS``, or ``removal`` for a removed retained message; None for an unknown kind."""
    event: dict[str, Any] | None = None
    """The payload, if it is a CloudEvent without flaws."""


def shown(value: object) -> str:
    """A value as JSON, shortened to ``_SHOWN`` characters."""
    text = json.dumps(value, ensure_ascii=True, default=str)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def look_at(message: ReceivedMessage, *, live: bool) -> MessageForm:
    """Check one message.

    Args:
        message: the message as it came.
        live: it has just come, so a time in it must not lie ahead.
    """
    form = MessageForm()
    if not message.topic:  # only a recorded message can be without a topic
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
        form.kind = "removal"  # the broker keeps nothing for later subscribers
        return form
    payload = _parse(message.payload, form)
    if payload is None:
        return form
    if leaf in {"event", "summary"}:
        _look_at_event(message, payload, leaf, form)
    else:
        form.kind = kind_of(leaf, form.place.device)
        _validate(KINDS[form.kind].model, message.payload, form)
        _look_at_time(payload.get("time"), form)
    if live and (ahead := payload.get("recordedtime", payload.get("time"))) and not form.flaws:
        trusted = payload.get("data", payload).get("clock_trusted", True)
        if trusted and datetime.fromisoformat(ahead.replace("Z", "+00:00")) > message.at + _AHEAD:
            form.flaws.append(Flaw("time", shown(ahead), f"at most {message.at:%Y-%m-%dT%H:%M:%SZ}, now"))
    return form


def _parse(payload: bytes, form: MessageForm) -> dict[str, Any] | None:
    try:
        parsed = from_json(payload, allow_inf_nan=False)
    except ValueError as e:
        form.flaws.append(Flaw("(payload)", shown(payload.decode("utf-8", "replace")), f"JSON ({e})"))
        return None
    if not isinstance(parsed, dict):
        form.flaws.append(Flaw("(payload)", shown(parsed), "a JSON object"))
        return None
    return parsed


def _look_at_event(message: ReceivedMessage, event: dict[str, Any], leaf: str, form: MessageForm) -> None:
    name = event.get("type")
    known = KINDS.get(name) if isinstance(name, str) else None
    if known is not None and known.leaf in {"event", "summary"}:
        form.kind = str(name)
        _validate(known.model, message.payload, form)
    else:
        form.unknown.append(f"type {shown(name)}")
        _validate(OtherEvent, message.payload, form)
    if form.flaws or form.place is None:
        return
    place, data, name = form.place, event["data"], event["type"]
    for key, found, expected in (
        ("source", event["source"], place.source),
        ("data.site", data.get("site"), place.site),
        ("data.device", data.get("device"), place.device),
        ("type", name, name if leaf_of(name) == leaf else f"a type of topic .../{leaf}"),
    ):
        if found != expected:
            form.flaws.append(Flaw(key, shown(found), f"{expected}, by its topic"))
    if data.get("clock_trusted"):
        _look_at_moments(moment(event["time"]), moment(event["recordedtime"]), form)
    if not form.flaws:
        form.event = event


def _look_at_moments(time: datetime, recorded: datetime, form: MessageForm) -> None:
    if time.year < _EARLIEST_YEAR:
        form.flaws.append(Flaw("time", str(time), "clock_trusted false for such an early time"))
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
