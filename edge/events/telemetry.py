"""The device's own state: ``status``, ``health`` and ``info``. None of them goes through the outbox.

The docstrings here are published: they become the descriptions of the contract.
"""

from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, Field, JsonValue

from edge.events.data import Data


class Status(Data):
    """Whether the device is online; retained. If a device vanishes, the broker publishes `offline` for it."""

    state: Literal["online", "offline"]
    reason: str
    time: AwareDatetime
    """When the state changed. In the offline message of a vanished device: when its connection was made."""

    @classmethod
    def payload(cls, state: Literal["online", "offline"], reason: str, time: datetime) -> bytes:
        """The message as bytes, which also serves as the last will."""
        return cls(state=state, reason=reason, time=time).model_dump_json().encode()


class Overrides(Data):
    """Settings that commands have changed. They end with the next start of the service."""

    muted_for_s: float | None = None
    """Announcements are off for this many seconds from now; null if they are on."""
    mask_threshold: float | None = None
    """The threshold that replaces the configured one; null if the configured one holds."""


class CameraHealth(Data):
    """State of the camera."""

    state: Literal["opening", "live", "fault", "ended"]
    fault: Literal["cannot open", "no frames", "frozen", "black"] | None
    fps: float = Field(ge=0)
    """Pictures a second that the camera gives. Not all of them have to be judged."""
    frames: int = Field(ge=0)
    """Pictures since the service started."""
    reconnects: int = Field(ge=0)
    """How often the camera was opened again since the service started."""
    damaged: int = Field(0, ge=0)
    """Pictures since the service started that were skipped, because they could not be decoded."""


class OutboxHealth(Data):
    """Events that wait for the broker."""

    depth: int = Field(ge=0)
    """Events that the broker has not acknowledged."""
    dropped: int = Field(ge=0)
    """Events that the outbox lost since the service started."""


class LinkHealth(Data):
    """State of the connection to the broker."""

    state: Literal["connecting", "online", "refused", "unreachable", "closed"]
    message: str


class Health(Data):
    """State of the device, every few seconds; not stored."""

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
    """Id of the board; empty if not known. Two ids on one topic mean that two devices have the same name."""
    overrides: Overrides = Field(default_factory=Overrides)
    problems: list[str] = Field(default_factory=list)
    """What is wrong right now, each as a full sentence; empty if nothing is wrong."""


class Passport(Data):
    """Which model the device runs."""

    id: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    """SHA-256 of the .tflite file."""
    kind: str


class CameraInfo(Data):
    """Where pictures come from. Width and height are in pixels, and 0 before the first picture."""

    source: str
    """Address of the camera: of a URL only the scheme, the host and the port."""
    width: int = Field(ge=0)
    height: int = Field(ge=0)


class Releases(Data):
    """Versions in use, as the Debian package or an update names them; null if they came from neither."""

    application: str | None = None
    models: str | None = None
    on_trial: bool = False
    """One of the two is new on this device and has not yet judged frames for its whole health period."""


class Info(Data):
    """What this device is; retained."""

    software: str
    hardware: str = ""
    """Id of the board: 12 hex digits that a copied card does not take along."""
    releases: Releases = Field(default_factory=Releases)
    runtime: str
    models: dict[str, Passport]
    """The models `mask` and `face`."""
    camera: CameraInfo
    config: dict[str, JsonValue]
    """The whole configuration, without secrets. Its keys follow the software, not this contract."""
