"""Contract 2: topics and payloads on the wire. Pure: no I/O, no clock.

Every payload is a CloudEvent 1.0 in structured JSON. An ``Event`` is made where something happens, gets its
``sequence`` when the outbox stores it, and is rendered to bytes only here.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

SCHEMA_BASE = "urn:maskgate:v1:"
CONTENT_TYPE = "application/cloudevents+json"
"""Of an event on the wire, as CloudEvents' MQTT binding asks for it; MQTT 3.1.1 has no place for it."""


class Data(BaseModel):
    """Base of all payload types: unknown keys are mistakes, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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
    right within 6 % side by side and within 25 % one behind the other; see ``edge.crowding``."""
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


CommandName = Literal["status", "snapshot-test", "reload", "announce", "mute", "set-threshold", "restart"]


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


class Status(Data):
    """Retained; the broker publishes the offline one when a device vanishes."""

    state: Literal["online", "offline"]
    reason: str
    time: AwareDatetime
    """Of the connection's begin where it is the last will."""

    @classmethod
    def payload(cls, state: Literal["online", "offline"], reason: str, time: datetime) -> bytes:
        """The wire form; also the last will."""
        return cls(state=state, reason=reason, time=time).model_dump_json().encode()


class Overrides(Data):
    """What commands have changed; all of it ends with the next start."""

    muted_for_s: float | None = None
    """Announcements are off for so long from now; None: they are not."""
    mask_threshold: float | None = None
    """In force instead of the configured one; None: that one is."""


class CameraHealth(Data):
    """How the camera is."""

    state: Literal["opening", "live", "fault", "ended"]
    fault: Literal["cannot open", "no frames", "frozen", "black"] | None
    fps: float = Field(ge=0)
    """Pictures a second that come; not all of them need be judged."""
    frames: int = Field(ge=0)
    reconnects: int = Field(ge=0)
    """Both since the start."""


class OutboxHealth(Data):
    """What waits for the broker."""

    depth: int = Field(ge=0)
    """Events that the broker has not acknowledged."""
    dropped: int = Field(ge=0)
    """Events lost since the start, for want of room."""


class LinkHealth(Data):
    """How the connection to the broker is."""

    state: Literal["connecting", "online", "refused", "unreachable", "closed"]
    message: str


class Health(Data):
    """How the device is, every few seconds; not stored."""

    time: AwareDatetime
    clock_trusted: bool
    uptime_s: float = Field(ge=0)
    fps: float = Field(ge=0)
    """Frames a second that were judged."""
    latency_ms: float = Field(ge=0)
    """Median time to judge a frame, from its arrival to its decision."""
    camera: CameraHealth
    outbox: OutboxHealth
    link: LinkHealth
    memory_mb: float | None = None
    temperature_c: float | None = None
    hardware: str = ""
    """The board; another one on the same topic means that two devices have one name. Empty: not known."""
    overrides: Overrides = Field(default_factory=Overrides)
    problems: list[str] = Field(default_factory=list)
    """What is wrong right now, each a full sentence; empty when all is well."""


class Passport(Data):
    """Which model it is."""

    id: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    """Of the .tflite file."""
    kind: str


class CameraInfo(Data):
    """Where pictures come from; width and height in px, 0 before the first picture."""

    source: str
    """Without user name and password."""
    width: int = Field(ge=0)
    height: int = Field(ge=0)


class Info(Data):
    """Retained; what this device is."""

    software: str
    hardware: str = ""
    """The board, in 12 hex digits that a copied card does not take along."""
    runtime: str
    models: dict[str, Passport]
    """``mask`` and ``face``."""
    camera: CameraInfo
    config: dict[str, JsonValue]
    """All of it, without secrets; its keys follow the software, not this contract."""


TYPES: dict[str, type[Data]] = {
    "violation.opened": ViolationOpened,
    "violation.closed": ViolationClosed,
    "camera.fault": CameraFault,
    "camera.tampered": CameraTampered,
    "crowding": Crowded,
    "announcement.requested": AnnouncementRequested,
    "announcement.played": AnnouncementPlayed,
    "announcement.failed": AnnouncementFailed,
    "device.started": DeviceStarted,
    "command.handled": CommandHandled,
    "events.dropped": EventsDropped,
    "identity.duplicated": IdentityDuplicated,
    "summary": Summary,
}
"""CloudEvents type -> payload type: everything that goes through the outbox."""
_NAMES = {payload: name for name, payload in TYPES.items()}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a device stands; each part is a topic level."""

    site: str
    device: str
    prefix: str = "maskgate"

    @property
    def source(self) -> str:
        """The CloudEvents ``source`` of this device."""
        return f"/{self.prefix}/{self.site}/{self.device}"

    def topic(self, leaf: str) -> str:
        """``<prefix>/v1/<site>/<device>/<leaf>``."""
        return f"{self.prefix}/v1/{self.site}/{self.device}/{leaf}"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, before it is stored."""

    id: str
    time: datetime
    data: Data
    clock_trusted: bool = True

    @property
    def type(self) -> str:
        """The CloudEvents type."""
        return _NAMES[type(self.data)]


def new_event(data: Data, time: datetime, *, clock_trusted: bool = True) -> Event:
    """An event with an id of its own, which it keeps over every redelivery."""
    return Event(str(uuid.uuid4()), time, data, clock_trusted)


def leaf_of(event_type: str) -> str:
    """The topic leaf that carries a type."""
    return "summary" if event_type == "summary" else "event"


def cloud_event(
    event: Event, place: Place, *, sequence: int, recorded: datetime, replayed: bool = False
) -> dict[str, JsonValue]:
    """The wire form, ready for ``json.dumps``.

    Args:
        event: what happened.
        place: the device.
        sequence: the outbox's gap-free number; zero-padded on the wire, sortable as text.
        recorded: when the outbox stored it.
        replayed: it could not be sent when it happened.
    """
    return {
        "specversion": "1.0",
        "id": event.id,
        "source": place.source,
        "type": event.type,
        "time": rfc3339(event.time),
        "datacontenttype": "application/json",
        "dataschema": f"{SCHEMA_BASE}{event.type}",
        "sequence": f"{sequence:012d}",
        "recordedtime": rfc3339(recorded),
        "data": {
            "site": place.site,
            "device": place.device,
            **event.data.model_dump(mode="json"),
            "clock_trusted": event.clock_trusted,
            "replayed": replayed,
        },
    }


def rfc3339(moment: datetime) -> str:
    """UTC with milliseconds and a Z."""
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
