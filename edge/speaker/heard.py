"""From the bytes of a message to what was heard. The bytes may be anything at all."""

from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from edge.errors import MaskgateError
from edge.speaker.announcer import HeardViolation

SIZE_MAX = 64 * 1024
"""Bytes; an event has about 1000."""


class NoEventError(MaskgateError):
    """A message is no event; the text is short and says why."""


class _Subject(BaseModel):
    # Printable ASCII only: the id ends up in logs and terminals.
    violation: str = Field("", max_length=200, pattern=r"^[ -~]*$")
    zone: str = Field("", max_length=200, pattern=r"^[ -~]*$")
    clock_trusted: bool = False
    replayed: bool = False
    muted: bool = False


class _CloudEvent(BaseModel):
    type: str
    time: AwareDatetime
    data: _Subject


def parse(payload: bytes, received_s: float) -> HeardViolation:
    """What a message says.

    Args:
        payload: as it came from the broker or over the local path.
        received_s: monotonic seconds of the arrival.

    Raises:
        NoEventError: it is no event.
    """
    if len(payload) > SIZE_MAX:
        raise NoEventError(f"a message of {len(payload)} bytes: an event has at most {SIZE_MAX}")
    try:
        said = _CloudEvent.model_validate_json(payload)
    except ValidationError as e:
        first = e.errors(include_url=False, include_input=False)[0]
        key = ".".join(map(str, first["loc"])) or "all of it"
        raise NoEventError(f"a message that is no event: {key}: {first['msg']}") from e
    about = said.data
    return HeardViolation(
        said.type,
        about.violation,
        said.time,
        about.clock_trusted,
        received_s,
        about.replayed,
        about.zone,
        payload,
        about.muted,
    )


def announced(payload: bytes) -> str | None:
    """The violation of an ``announcement.played``; None if the message is anything else."""
    try:
        heard = parse(payload, 0.0)
    except NoEventError:
        return None
    if heard.type != "announcement.played":
        return None
    return heard.violation or None
