"""Commands on ``cmd``, their answers on ``rsp``, and the event that each of them leaves.

The docstrings here are published: they become the descriptions of the contract.
"""

import re
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BeforeValidator, Field, JsonValue, TypeAdapter, ValidationError

from edge.events.data import Data

CommandName = Literal[
    "status", "snapshot-test", "reload", "announce", "mute", "set-threshold", "restart", "update", "rollback"
]


COMMAND_SIZE_MAX = 4096
"""Bytes of a message on `cmd`; a command has about 200."""
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_MOMENT = TypeAdapter(AwareDatetime)


def _only_rfc3339(value: object) -> object:
    """Pydantic also takes seconds since 1970, as a number or as text, for which the contract has no place."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, str) and _RFC3339.fullmatch(value):
        with suppress(ValidationError):  # the 13th month
            return _MOMENT.validate_python(value)
    raise ValueError("write it as RFC 3339 with its time zone, as in 2026-12-01T12:00:00Z")


Rfc3339 = Annotated[AwareDatetime, BeforeValidator(_only_rfc3339)]
"""A moment on the wire: only text, and only in the form of RFC 3339."""


class Command(Data):
    """What ops asks a device to do, on `cmd`; never retained.

    A device refuses a retained command, because it would carry it out again at every connect. With MQTT
    3.1.1 a device that is connected can't see that a command is retained: it carries it out once, within
    `deadline_s`, and refuses it at every later connect.
    """

    transaction: str = Field(min_length=1, max_length=64, pattern="^[ -~]+$")
    """Comes back in the response. If it was answered before, the device repeats only the answer."""
    command: CommandName
    issued: Rfc3339
    deadline_s: float = Field(30.0, gt=0, le=3600, strict=True)
    """The device refuses a command that arrives more than this many seconds after `issued`."""
    arguments: dict[str, JsonValue] = Field(default_factory=dict)


Refusal = Literal[
    "retained", "malformed", "stale", "unknown argument", "out of limits", "not possible", "busy"
]


class Response(Data):
    """The answer to a command, on `rsp`."""

    transaction: str
    status: Literal["ok", "error"]
    error: Refusal | None = None
    message: str = ""
    """A full sentence. If the command was refused, it says what to do."""
    data: dict[str, JsonValue] = Field(default_factory=dict)


class CommandHandled(Data):
    """A command was carried out or refused."""

    transaction: str
    command: str
    status: Literal["ok", "error"]
    error: Refusal | None
    message: str
