"""What ops asks for on ``cmd``, the answer on ``rsp``, and the event that each leaves."""

from typing import Literal

from pydantic import AwareDatetime, Field, JsonValue

from edge.events.data import Data

CommandName = Literal[
    "status", "snapshot-test", "reload", "announce", "mute", "set-threshold", "restart", "update", "rollback"
]


class Command(Data):
    """What ops asks a device to do, on ``cmd``; never retained."""

    transaction: str = Field(min_length=1, max_length=64, pattern="^[ -~]+$")
    """Comes back in the response; a transaction that was answered before is answered, not done, again."""
    command: CommandName
    issued: AwareDatetime
    deadline_s: float = Field(30.0, gt=0, le=3600)
    """Refused where it arrives later than this after ``issued``."""
    arguments: dict[str, JsonValue] = Field(default_factory=dict)


Refusal = Literal[
    "retained", "malformed", "stale", "unknown argument", "out of limits", "not possible", "busy"
]


class Response(Data):
    """The answer to a command, on ``rsp``."""

    transaction: str
    status: Literal["ok", "error"]
    error: Refusal | None = None
    message: str = ""
    """A full sentence; what to do where it was refused."""
    data: dict[str, JsonValue] = Field(default_factory=dict)


class CommandHandled(Data):
    """A command was done or refused."""

    transaction: str
    command: str
    status: Literal["ok", "error"]
    error: Refusal | None
    message: str
