"""Commands on ``cmd``, their answers on ``rsp``, and the event that each of them leaves.

The docstrings here are published: they become the descriptions of the contract.
"""

from typing import Literal

from pydantic import AwareDatetime, Field, JsonValue

from edge.events.data import Data

CommandName = Literal[
    "status", "snapshot-test", "reload", "announce", "mute", "set-threshold", "restart", "update", "rollback"
]


class Command(Data):
    """What ops asks a device to do, on `cmd`; never retained."""

    transaction: str = Field(min_length=1, max_length=64, pattern="^[ -~]+$")
    """Comes back in the response. If it was answered before, the device repeats only the answer."""
    command: CommandName
    issued: AwareDatetime
    deadline_s: float = Field(30.0, gt=0, le=3600)
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
