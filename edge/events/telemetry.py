"""How and what the device is: ``status``, ``health`` and ``info``; none of them is stored."""

from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, Field, JsonValue

from edge.events.data import Data


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


class Releases(Data):
    """Which releases run, as the Debian package or an update calls them; None: not known, not from either."""

    application: str | None = None
    models: str | None = None
    on_trial: bool = False
    """One of them is new here and has not judged frames for its health period yet."""


class Info(Data):
    """Retained; what this device is."""

    software: str
    hardware: str = ""
    """The board, in 12 hex digits that a copied card does not take along."""
    releases: Releases = Field(default_factory=Releases)
    runtime: str
    models: dict[str, Passport]
    """``mask`` and ``face``."""
    camera: CameraInfo
    config: dict[str, JsonValue]
    """All of it, without secrets; its keys follow the software, not this contract."""
