"""From the bytes of a message to what was heard. Pure; the bytes may be anything at all."""

import logging

from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from edge.speaker.announcer import Heard

_log = logging.getLogger(__name__)
SIZE_MAX = 64 * 1024
"""Bytes; an event has about 1000."""


class _Subject(BaseModel):
    # Printable ASCII only: the id ends up in logs and terminals.
    violation: str = Field("", max_length=200, pattern=r"^[ -~]*$")
    clock_trusted: bool = False
    replayed: bool = False


class _CloudEvent(BaseModel):
    type: str
    time: AwareDatetime
    data: _Subject


def parse(payload: bytes, received_s: float) -> Heard | None:
    """What a message says, or None (and a line in the log) if it is no event.

    Args:
        payload: as it came from the broker.
        received_s: monotonic seconds of the arrival.
    """
    if len(payload) > SIZE_MAX:
        _log.warning("dropped a message of %d bytes: an event has at most %d", len(payload), SIZE_MAX)
        return None
    try:
        said = _CloudEvent.model_validate_json(payload)
    except ValidationError as e:
        first = e.errors(include_url=False, include_input=False)[0]
        key = ".".join(map(str, first["loc"])) or "all of it"
        _log.warning("dropped a message that is no event: %s: %s", key, first["msg"])
        return None
    subject = said.data
    return Heard(said.type, subject.violation, said.time, subject.clock_trusted, received_s, subject.replayed)
