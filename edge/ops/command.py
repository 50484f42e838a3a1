"""``maskgate command``: one command to one device, and its answer."""

import json
import re
import threading
import uuid
from collections.abc import Sequence
from typing import TypeVar

from pydantic import JsonValue, ValidationError

from edge.clock import SystemClock
from edge.config import Mqtt
from edge.errors import LinkError, UsageError
from edge.events import Command, CommandName, Data, Place, Response, Status
from edge.ops.subscription import Subscription
from edge.ops.text import flat, plain

D = TypeVar("D", bound=Data)
_AWAY_S = 2.0
"""For the answer of a device that is off line, by the last word of it."""
_DEVICE = re.compile(r"(?:([A-Za-z0-9_.-]+)/v1/)?([A-Za-z0-9_.-]+)/([A-Za-z0-9_.-]+)(?:/cmd)?")


def ask(
    settings: Mqtt, place: Place, name: CommandName, arguments: dict[str, JsonValue], timeout_s: float
) -> Response:
    """Send one command and wait for its answer.

    Args:
        settings: the broker.
        place: the device.
        name: the command.
        arguments: its arguments.
        timeout_s: for the answer; the device does not begin later than that, either.

    Raises:
        LinkError: the broker can't be reached, or no answer came in time; says what is known of the device.
    """
    clock = SystemClock()
    command = Command(
        transaction=str(uuid.uuid4()),
        command=name,
        issued=clock.utc(),
        deadline_s=timeout_s,
        arguments=arguments,
    )
    status: Status | None = None
    with Subscription(settings, [place.topic("rsp"), place.topic("status")], threading.Event()) as heard:
        # the broker reads this after our subscription, which was sent first
        heard.link.publish(place.topic("cmd"), command.model_dump_json().encode())
        began_s = clock.monotonic()
        until_s = began_s + timeout_s
        while (left_s := until_s - clock.monotonic()) > 0:
            message = heard.next(left_s)
            if message is None:
                break
            if message.topic == place.topic("status"):
                status = _read(Status, message.payload) or status
                if status is not None and status.state == "offline":  # it does not hear us
                    until_s = min(until_s, clock.monotonic() + _AWAY_S)
            else:
                answer = _read(Response, message.payload)
                if answer is not None and answer.transaction == command.transaction:
                    return answer
        where = f"{settings.host}:{settings.port} in {clock.monotonic() - began_s:.1f} s"
        problem = heard.problem or _known(status)
    raise LinkError(f"{place.site}/{place.device}: no answer over {where}; {problem}")


def parse_device(text: str, prefix: str) -> Place:
    """The device that a person names.

    Raises:
        UsageError: no device is called like this.
    """
    found = _DEVICE.fullmatch(text)
    if found is None:
        raise UsageError(f"device: found {text!r}; give SITE/DEVICE, as hq/north-door, or a device's topic")
    return Place(found[2], found[3], found[1] or prefix)


def parse_arguments(texts: Sequence[str]) -> dict[str, JsonValue]:
    """``KEY=VALUE`` each; a value that is JSON is taken as such, any other one as text.

    Raises:
        UsageError: one is no such pair.
    """
    out: dict[str, JsonValue] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise UsageError(f"argument: found {text!r}; give KEY=VALUE, as for_s=600")
        try:
            out[key] = json.loads(value)
        except ValueError:
            out[key] = value
    return out


def lines(answer: Response) -> list[str]:
    """An answer for people."""
    head = "done" if answer.status == "ok" else f"refused ({answer.error})"
    pairs = [(plain(k), v) for k, v in flat(answer.data)] if answer.data else []
    width = max((len(k) for k, _ in pairs), default=0)
    return [f"{head}: {plain(answer.message)}", *(f"  {k:{width}}  {_value(v)}" for k, v in pairs)]


def _value(value: JsonValue) -> str:
    if value is None or value == []:
        return "-"
    return plain(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _read(kind: type[D], payload: bytes) -> D | None:
    try:
        return kind.model_validate_json(payload)
    except ValidationError:
        return None


def _known(status: Status | None) -> str:
    """What is known of a device that does not answer."""
    if status is None:
        return "nothing is known of it: check the name"
    since = f"it is {status.state} since {status.time:%Y-%m-%d %H:%M:%S} UTC ({plain(status.reason, 100)})"
    return since if status.state == "offline" else f"{since}: does its [commands] enabled say true?"
