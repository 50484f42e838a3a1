"""From the bytes of a message to a command. The bytes may be anything at all."""

from typing import Annotated, get_args

from pydantic import BaseModel, Field, ValidationError

from edge.events import Command, CommandName
from edge.service.commands.parameters import RefusedError, shown

SIZE_MAX = 4096
"""Bytes; a command has about 200. Depth is bounded by the parser, and again by the arguments' types."""


class _Label(BaseModel):
    transaction: Annotated[str, Field(min_length=1, max_length=64, pattern="^[ -~]+$")]


class _Title(BaseModel):
    command: CommandName


def transaction_of(payload: bytes) -> str:
    """What a message calls itself, however wrong the rest of it is; empty where that is no valid name."""
    try:
        return _Label.model_validate_json(payload).transaction if len(payload) <= SIZE_MAX else ""
    except ValidationError:
        return ""


def command_of(payload: bytes) -> str:
    """Which command a message names, however wrong the rest of it is; empty where there is no such one."""
    try:
        return _Title.model_validate_json(payload).command if len(payload) <= SIZE_MAX else ""
    except ValidationError:
        return ""


def read(payload: bytes) -> Command:
    """The command.

    Raises:
        RefusedError: it is none; says which key is wrong.
    """
    if len(payload) > SIZE_MAX:
        raise RefusedError("malformed", f"{len(payload)} bytes: a command has at most {SIZE_MAX}.")
    try:
        return Command.model_validate_json(payload)
    except ValidationError as e:
        error = e.errors(include_url=False, include_input=False, include_context=False)[0]
        if error["type"] == "json_invalid":
            raise RefusedError("malformed", f"Not valid JSON: {error['msg'][:200]}.") from e
        key = shown(".".join(map(str, error["loc"]))) if error["loc"] else "all of it"
        raise RefusedError(
            "malformed",
            f"Key {key}: {error['msg'][:200]}. A command has the keys {', '.join(Command.model_fields)}; "
            f"the commands are {', '.join(get_args(CommandName))}.",
        ) from e
