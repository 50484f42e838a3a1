"""Contract 2: topics and payloads on the wire. Pure: no I/O, no clock.

Every event is a CloudEvent 1.0 in structured JSON. An ``Event`` is made where something happens, gets its
``sequence`` when the outbox stores it, and is rendered to bytes only in ``cloud_event``.
"""

from edge.events.base import (
    Data,
)
from edge.events.envelope import (
    CONTENT_TYPE,
    SCHEMA_BASE,
    TYPES,
    Event,
    Place,
    cloud_event,
    leaf_of,
    new_event,
    rfc3339,
)
from edge.events.payloads import (
    AnnouncementFailed,
    AnnouncementPlayed,
    AnnouncementRequested,
    CameraFault,
    CameraTampered,
    Crowded,
    DeviceStarted,
    EventsDropped,
    IdentityDuplicated,
    Summary,
    TamperReason,
    ViolationClosed,
    ViolationOpened,
)
from edge.events.requests import (
    Command,
    CommandHandled,
    CommandName,
    Refusal,
    Response,
)
from edge.events.telemetry import (
    CameraHealth,
    CameraInfo,
    Health,
    Info,
    LinkHealth,
    OutboxHealth,
    Overrides,
    Passport,
    Status,
)

__all__ = [
    "CONTENT_TYPE",
    "SCHEMA_BASE",
    "TYPES",
    "AnnouncementFailed",
    "AnnouncementPlayed",
    "AnnouncementRequested",
    "CameraFault",
    "CameraHealth",
    "CameraInfo",
    "CameraTampered",
    "Command",
    "CommandHandled",
    "CommandName",
    "Crowded",
    "Data",
    "DeviceStarted",
    "Event",
    "EventsDropped",
    "Health",
    "IdentityDuplicated",
    "Info",
    "LinkHealth",
    "OutboxHealth",
    "Overrides",
    "Passport",
    "Place",
    "Refusal",
    "Response",
    "Status",
    "Summary",
    "TamperReason",
    "ViolationClosed",
    "ViolationOpened",
    "cloud_event",
    "leaf_of",
    "new_event",
    "rfc3339",
]
