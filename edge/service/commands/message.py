"""From the bytes of a message to a command. The bytes may be anything: the parser bounds their depth."""

from typing import Annotated, get_args

from pydantic import BaseModel, Field, ValidationError

from edge.events import COMMAND_SIZE_MAX, Command, CommandName
from edge.service.commands.parameters import RefusedError, shown


class _Label(BaseModel):
    transaction: Annotated[str, Field(min_length=1, max_length=64, pattern="^[ -~]+$")]


class _Title(BaseModel):
    command: CommandName


def transaction_of(payload: bytes) -> str:
    """A message's transaction, however wrong the rest of it is; empty where it has no valid one."""
    try:
        return _Label.model_validate_json(payload).transaction if len(payload) <= COMMAND_SIZE_MAX else ""
    except ValidationError:
        return ""


def command_of(payload: bytes) -> str:
    """A message's command, however wrong the rest of it is; empty where it names none that exists."""
    try:
        return _Title.model_validate_json(payload).command if len(payload) <= COMMAND_SIZE_MAX else ""
    except ValidationError:
        return ""


def read(payload: bytes) -> Command:
    """Parse a command.

    Raises:
        RefusedError: it is not a command; the text says which key is wrong.
    """
    if len(payload) > COMMAND_SIZE_MAX:
        raise RefusedError("malformed", f"A command has at most {COMMAND_SIZE_MAX} bytes; this one has more.")
    try:
        return Command.model_validate_json(payload)
    except ValidationError as e:
        error = e.errors(include_url=False, include_input=False, include_context=False)[0]
        if error["type"] == "json_invalid":
            raise RefusedError("malformed", f"Not valid JSON: {error['msg'][:200]}.") from e
        key = shown(".".join(map(str, error["loc"]))) if error["loc"] else "all of it"
        wrong = error["msg"].removeprefix("Value error, ")[:200]
        raise RefusedError(
            "malformed",
            f"Key {key}: {wrong}. A command has the keys {', '.join(Command.model_fields)}; "
            f"the commands are {', '.join(get_args(CommandName))}.",
        ) from e
