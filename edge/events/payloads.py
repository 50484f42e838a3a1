"""What happened: payloads of the CloudEvents, which go through the outbox."""

from typing import Literal

from pydantic import Field

from edge.events.data import Data


class ViolationOpened(Data):
    """Somebody wears no mask, or not properly."""

    violation: str
    """Id of the violation: the same in everything that follows from it."""
    zone: str
    track: int
    """Number of the person's track since the service started."""
    score: float = Field(ge=0, le=1)
    """Pooled probability that a mask is worn properly."""
    face_width_px: float = Field(ge=0)
    seen_for_s: float = Field(ge=0)
    """From the person's first look to the decision."""
    model: str
    muted: bool = False
    """Ops has muted this device: no speaker announces it."""


class ViolationClosed(Data):
    """The mask went on, or the person went away."""

    violation: str
    zone: str
    track: int
    reason: Literal["complied", "left"]
    duration_s: float = Field(ge=0)
    """From opened to closed."""
    announced: bool
    """The speaker reported before that the sentence was heard."""


class CameraFault(Data):
    """The camera gives no usable pictures (``opened``), or does again (``closed``)."""

    state: Literal["opened", "closed"]
    reason: str
    message: str


TamperReason = Literal["covered", "turned", "defocused", "too dark", "overexposed"]


class CameraTampered(Data):
    """The camera gives pictures that show too little or something else (``opened``), or is well again."""

    state: Literal["opened", "closed"]
    reason: TamperReason
    message: str
    duration_s: float = Field(ge=0)
    """From its begin to this event."""


class Crowded(Data):
    """More people in view than allowed, or closer together (``opened``), or not any more (``closed``)."""

    state: Literal["opened", "closed"]
    people: int = Field(ge=0)
    """In view: when opened, now; when closed, the most there were."""
    nearest_m: float | None
    """Estimated distance of the nearest pair; None: none could be measured. Up to 2.5 m away, 9 of 10 are
    right within 6 % side by side and within 25 % one behind the other; see ``edge.people.crowding``."""
    duration_s: float = Field(ge=0)


class AnnouncementRequested(Data):
    """The sentence shall sound once, for nobody: somebody tries the speaker."""

    violation: str
    """What ``announcement.played`` will name; there is no such violation."""
    by: Literal["button", "command"]


class AnnouncementPlayed(Data):
    """The sentence was heard: all samples were played."""

    violation: str
    speaker: str
    language: str
    delay_s: float = Field(ge=0)
    """From ``violation.opened``'s time to the first sample, by the speaker's clock."""


class AnnouncementFailed(Data):
    """The sentence could not be played."""

    violation: str
    speaker: str
    reason: str


class Summary(Data):
    """Counts over a window of time; people are counted when they leave."""

    window_s: float = Field(ge=0)
    people: int = Field(ge=0)
    masked: int = Field(ge=0)
    not_masked: int = Field(ge=0)
    cannot_judge: int = Field(ge=0)
    violations: int = Field(ge=0)
    complied: int = Field(ge=0)
    announced: int = Field(ge=0)
    """Violations closed in this window whose announcement was heard."""
    complied_after_announcement: int = Field(ge=0)
    compliance_rate: float | None = Field(ge=0, le=1)
    """The share of the announced ones that complied; None when there was none."""
    entered: int = Field(ge=0)
    left: int = Field(ge=0)
    """People who crossed a counting line, each way."""


class DeviceStarted(Data):
    """The service has started: whatever an earlier run of this device had opened is over."""

    software: str
    previous: Literal["none", "stopped", "ended without warning"]
    """How the run before ended: there was none; it was stopped; it crashed, was killed or lost its power."""
    cause: str = ""
    """What ended it, if systemd saw it fail: ``killed by SIGKILL``. Empty after a power cut."""


class UpdateFinished(Data):
    """A new release has judged frames for its whole health period: it stays."""

    kind: Literal["application", "models"]
    version: str


class UpdateFailed(Data):
    """An update was not begun: what was in use stays so."""

    version: str
    """Empty: it is not known which one it was to be."""
    reason: str


class UpdateReturned(Data):
    """A release was taken back."""

    kind: Literal["application", "models"]
    version: str
    in_use: str
    """The version that is in use instead."""
    reason: str


class EventsDropped(Data):
    """The outbox could not keep everything: so many events will never be delivered."""

    count: int = Field(ge=1)
    by_type: dict[str, int]
    reason: Literal["rows", "bytes", "age", "disk"]
    """Which bound of the outbox was reached."""


class IdentityDuplicated(Data):
    """Another client connects under this device's identity: most often a copied card."""

    client_id: str
    message: str
