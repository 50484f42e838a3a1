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
from edge.ops.subscription import PATIENCE_S, Subscription
from edge.ops.text import flat, plain

D = TypeVar("D", bound=Data)
_AWAY_S = 2.0
"""Seconds that a device gets to answer if its last status says that it is off line."""
_DEADLINE_MIN_S = 0.1
"""A command's deadline, where almost no time is left."""
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
        timeout_s: seconds for all of it: to reach the broker, and to get the answer. The device refuses a
            command that arrives later.

    Raises:
        LinkError: the broker can't be reached, or no answer came in time. It says what the broker knows.
    """
    clock = SystemClock()
    started_s = clock.monotonic()
    until_s = started_s + timeout_s
    status: Status | None = None
    filters = [place.topic("rsp"), place.topic("status")]
    patience_s = min(PATIENCE_S, timeout_s)
    with Subscription(settings, filters, threading.Event(), patience_s=patience_s) as messages:
        command = Command(
            transaction=str(uuid.uuid4()),
            command=name,
            issued=clock.utc(),
            deadline_s=max(_DEADLINE_MIN_S, until_s - clock.monotonic()),
            arguments=arguments,
        )
        # The subscription was sent first, so the broker has it before it gets the command.
        messages.link.publish(place.topic("cmd"), command.model_dump_json().encode())
        while (left_s := until_s - clock.monotonic()) > 0:
            message = messages.next(left_s)
            if message is None:
                break
            if message.topic == place.topic("status"):
                status = _read(Status, message.payload) or status
                if status is not None and status.state == "offline":  # it does not get the command
                    until_s = min(until_s, clock.monotonic() + _AWAY_S)
            else:
                answer = _read(Response, message.payload)
                if answer is not None and answer.transaction == command.transaction:
                    return answer
        where = f"{settings.host}:{settings.port} in {clock.monotonic() - started_s:.1f} s"
        problem = messages.problem or _known(status)
    raise LinkError(f"{place.site}/{place.device}: no answer over {where}; {problem}")


def parse_device(text: str, prefix: str) -> Place:
    """The device that a person names on the command line.

    Raises:
        UsageError: the text can't be the name of a device.
    """
    match = _DEVICE.fullmatch(text)
    if match is None:
        raise UsageError(f"device: found {text!r}; give SITE/DEVICE, as hq/north-door, or a device's topic")
    return Place(match[2], match[3], match[1] or prefix)


def parse_arguments(texts: Sequence[str]) -> dict[str, JsonValue]:
    """The arguments of a command, each given as ``KEY=VALUE``. A value that is not JSON is taken as text.

    Raises:
        UsageError: one of the texts is not such a pair.
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
    """An answer as lines for people."""
    head = "done" if answer.status == "ok" else f"refused ({answer.error})"
    pairs = [(plain(k), v) for k, v in flat(answer.data)] if answer.data else []
    width = max((len(k) for k, _ in pairs), default=0)
    return [f"{head}: {plain(answer.message)}", *(f"  {k:{width}}  {_value(v)}" for k, v in pairs)]


def _value(value: JsonValue) -> str:
    if value is None or value == []:
        return "-"
    return plain(value if isinstance(value, str) else json.dumps(_rounded(value), ensure_ascii=False))


def _rounded(value: JsonValue) -> JsonValue:
    """The same value with at most four decimals in each number: people can't read 17 digits."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, list):
        return [_rounded(inner) for inner in value]
    return value


def _read(kind: type[D], payload: bytes) -> D | None:
    try:
        return kind.model_validate_json(payload)
    except ValidationError:
        return None


def _known(status: Status | None) -> str:
    """What the broker knows of a device that does not answer, as a sentence."""
    if status is None:
        return "the broker knows nothing of it: check the name"
    since = f"it is {status.state} since {status.time:%Y-%m-%d %H:%M:%S} UTC ({plain(status.reason, 100)})"
    return since if status.state == "offline" else f"{since}: does its [commands] enabled say true?"
