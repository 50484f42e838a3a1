"""From the bytes of a message to the event in it. The bytes may be anything."""

from pydantic import BaseModel, Field, ValidationError

from edge.errors import MaskgateError
from edge.events import Rfc3339
from edge.speaker.announcer import ReceivedViolation

SIZE_MAX = 64 * 1024
"""Bytes; an event has about 1000."""


class NoEventError(MaskgateError):
    """A message is not an event; the text is short and says why."""


class _Subject(BaseModel):
    # Printable ASCII only: the id ends up in logs and terminals.
    violation: str = Field("", max_length=200, pattern=r"^[ -~]*$")
    zone: str = Field("", max_length=200, pattern=r"^[ -~]*$")
    clock_trusted: bool = False
    replayed: bool = False
    muted: bool = False


class _CloudEvent(BaseModel):
    type: str
    time: Rfc3339
    data: _Subject


def parse(payload: bytes, received_s: float) -> ReceivedViolation:
    """Parse a message.

    Args:
        payload: as it came from the broker or over the local path.
        received_s: monotonic seconds of the arrival.

    Raises:
        NoEventError: it is not an event.
    """
    if len(payload) > SIZE_MAX:
        raise NoEventError(f"a message of {len(payload)} bytes: an event has at most {SIZE_MAX}")
    try:
        event = _CloudEvent.model_validate_json(payload)
    except ValidationError as e:
        first = e.errors(include_url=False, include_input=False)[0]
        key = ".".join(map(str, first["loc"])) or "all of it"
        raise NoEventError(f"a message that is not an event: {key}: {first['msg']}") from e
    subject = event.data
    return ReceivedViolation(
        event.type,
        subject.violation,
        event.time,
        subject.clock_trusted,
        received_s,
        subject.replayed,
        subject.zone,
        payload,
        subject.muted,
    )


def announced(payload: bytes) -> str | None:
    """The id of the violation in an ``announcement.played``; None for any other message."""
    try:
        event = parse(payload, 0.0)
    except NoEventError:
        return None
    if event.type != "announcement.played":
        return None
    return event.violation or None
