"""What happened: the payloads of the CloudEvents that go through the outbox.

The docstrings here are published: they become the descriptions of the contract.
"""

from typing import Literal

from pydantic import Field

from edge.events.data import Data


class ViolationOpened(Data):
    """A person wears no mask, or does not wear it properly."""

    violation: str
    """Id of the violation. All later events about this violation carry the same id."""
    zone: str
    track: int
    """Number of the person's track, counted since the service started."""
    score: float = Field(ge=0, le=1)
    """Pooled probability that a mask is worn properly."""
    face_width_px: float = Field(ge=0)
    seen_for_s: float = Field(ge=0)
    """Seconds from the first look at the person to the decision."""
    model: str
    muted: bool = False
    """Ops has muted this device, so no speaker announces this violation."""


class ViolationClosed(Data):
    """A violation is over: the person put a mask on, or went away."""

    violation: str
    zone: str
    track: int
    reason: Literal["complied", "left"]
    duration_s: float = Field(ge=0)
    """Seconds from `violation.opened` to this event."""
    announced: bool
    """Before this event, the speaker reported that the announcement was played."""


class CameraFault(Data):
    """The camera gives no usable pictures (`opened`), or gives them again (`closed`)."""

    state: Literal["opened", "closed"]
    reason: str
    message: str


TamperReason = Literal["covered", "turned", "defocused", "too dark", "overexposed"]


class CameraTampered(Data):
    """The camera's pictures show too little, or another scene (`opened`), or are fine again (`closed`)."""

    state: Literal["opened", "closed"]
    reason: TamperReason
    message: str
    duration_s: float = Field(ge=0)
    """Seconds from the start of the tampering to this event."""


class Crowded(Data):
    """More people are in view than allowed, or they stand too close (`opened`); or no longer (`closed`)."""

    state: Literal["opened", "closed"]
    people: int = Field(ge=0)
    """People in view: now where it is opened, the most at one time where it is closed."""
    nearest_m: float | None
    """Estimated distance in metres between the nearest two people; null if it could not be measured. Up to
    2.5 m from the camera, 9 of 10 distances are right within 6 % for people side by side, and within 25 % for
    people one behind the other."""
    duration_s: float = Field(ge=0)
    """Seconds since the crowding started."""


class AnnouncementRequested(Data):
    """The announcement should be played once, without a violation: somebody tests the speaker."""

    violation: str
    """The id that `announcement.played` will carry. There is no violation with this id."""
    by: Literal["button", "command"]


class AnnouncementPlayed(Data):
    """The announcement was played to its end."""

    violation: str
    speaker: str
    language: str
    delay_s: float = Field(ge=0)
    """Seconds from the violation to the start of the sound, by the speaker's clock. What a device on another
    machine sent at once counts from its arrival: the clocks of two machines need not agree."""


class AnnouncementAsked(Data):
    """Another system was asked to announce, and accepted; whether the sentence was heard is not known."""

    violation: str
    speaker: str
    delay_s: float = Field(ge=0)
    """Seconds from the violation until the other system was asked, measured as in `announcement.played`."""


class AnnouncementFailed(Data):
    """The announcement could not be played."""

    violation: str
    speaker: str
    reason: str


class Summary(Data):
    """Counts over a window of time. A person is counted when they leave the view."""

    window_s: float = Field(ge=0)
    people: int = Field(ge=0)
    masked: int = Field(ge=0)
    not_masked: int = Field(ge=0)
    cannot_judge: int = Field(ge=0)
    violations: int = Field(ge=0)
    complied: int = Field(ge=0)
    announced: int = Field(ge=0)
    """Violations that were closed in this window and whose announcement was played."""
    complied_after_announcement: int = Field(ge=0)
    compliance_rate: float | None = Field(ge=0, le=1)
    """Share of the announced violations that complied, 0 to 1; null if none was announced."""
    entered: int = Field(ge=0)
    left: int = Field(ge=0)
    """`entered` and `left` count the people who crossed the counting line, one for each direction."""


class DeviceStarted(Data):
    """The service has started: everything that an earlier run of this device had opened is over."""

    software: str
    previous: Literal["none", "stopped", "ended without warning"]
    """How the run before ended: there was none; it was stopped; or it crashed, was killed or lost power."""
    cause: str = ""
    """What ended the run before, if systemd saw it fail, as `killed by SIGKILL`. Empty after a power cut."""


class UpdateFinished(Data):
    """A new release has judged frames for its whole health period, so it stays in use."""

    kind: Literal["application", "models"]
    version: str


class UpdateFailed(Data):
    """An update was not started: the release that was in use stays in use."""

    version: str
    """The version that was asked for; empty if it is not known."""
    reason: str


class UpdateReturned(Data):
    """A new release was taken back, and an earlier one is in use again."""

    kind: Literal["application", "models"]
    version: str
    in_use: str
    """The version that is in use now."""
    reason: str


class EventsDropped(Data):
    """The outbox could not keep all events: `count` of them will never be delivered."""

    count: int = Field(ge=1)
    by_type: dict[str, int]
    """How many events of each type were dropped."""
    reason: Literal["rows", "bytes", "age", "disk", "damaged"]
    """The bound of the outbox that was reached; or `damaged`: its file has lost or changed them."""
    sequences: list[str] = Field(default_factory=list)
    """If they are `damaged`: the `sequence` of each, as far as known; the first 100."""


class IdentityDuplicated(Data):
    """Another client connects with this device's identity. Most often its card is a copy."""

    client_id: str
    message: str
