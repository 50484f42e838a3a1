"""What each command takes, and how a refusal is worded. Values come from the network: none is trusted."""

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from edge.errors import MaskgateError
from edge.events import Refusal
from edge.releases.release import Version

MUTE_MAX_S = 24 * 3600.0
_SHOWN = 60
"""Characters of a stranger's text that an answer repeats."""
_LIMITS = frozenset({"greater_than", "greater_than_equal", "less_than", "less_than_equal", "finite_number"})


class RefusedError(MaskgateError):
    """A command is not carried out.

    Attributes:
        why: the reason that a program reads; the text is for people, and says what to do.
    """

    def __init__(self, why: Refusal, message: str) -> None:
        super().__init__(message)
        self.why = why


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class NoArguments(_Arguments):
    """For commands that take no arguments."""


class MuteArguments(_Arguments):
    """What ``mute`` takes."""

    for_s: float = Field(ge=0, le=MUTE_MAX_S)
    """Seconds; 0 ends it."""


class SetThresholdArguments(_Arguments):
    """What ``set-threshold`` takes."""

    value: float = Field(gt=0, lt=1)


class UpdateArguments(_Arguments):
    """What ``update`` takes."""

    url: str = Field(min_length=1, max_length=2000)
    """Where the bundle is; its signature lies beside it, as URL.minisig."""
    version: Version


A = TypeVar("A", bound=_Arguments)


def take(kind: type[A], given: dict[str, JsonValue]) -> A:
    """Check a command's arguments.

    Raises:
        RefusedError: one is missing, unknown, of another type, or out of limits.
    """
    try:
        return kind.model_validate(given)
    except ValidationError as e:
        error = e.errors(include_url=False, include_input=False, include_context=False)[0]
        takes = ", ".join(kind.model_fields) or "none"
        why: Refusal = "malformed"
        if error["type"] == "extra_forbidden":
            why = "unknown argument"
        elif error["type"] in _LIMITS:
            why = "out of limits"
        raise RefusedError(
            why, f"Argument {shown(error['loc'][0])}: {error['msg']}. This command's arguments: {takes}."
        ) from e


def shown(text: object) -> str:
    """A stranger's text, shortened and in printable characters."""
    plain = ascii(text)
    return plain if len(plain) <= _SHOWN else f"{plain[:_SHOWN]}..."
