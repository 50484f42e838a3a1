"""The CloudEvent around a payload, and the topic that carries it."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timezone

from pydantic import JsonValue

from edge.events.data import Data
from edge.events.payloads import (
    AnnouncementAsked,
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
    UpdateFailed,
    UpdateFinished,
    UpdateReturned,
    ViolationClosed,
    ViolationOpened,
)
from edge.events.requests import CommandHandled

SCHEMA_BASE = "urn:maskgate:v1:"
CONTENT_TYPE = "application/cloudevents+json"
"""Content type of an event on the wire, as CloudEvents' MQTT binding wants it. MQTT 3.1.1 can't carry it."""

EXPIRY_S = 365 * 24 * 3600
"""The message expiry of events, with MQTT 5: nobody's queue is meant to drop one. A broker tells a subscriber
what is left of it, so the difference is how long an event waited there, whatever the clocks say."""

TYPES: dict[str, type[Data]] = {
    "violation.opened": ViolationOpened,
    "violation.closed": ViolationClosed,
    "camera.fault": CameraFault,
    "camera.tampered": CameraTampered,
    "crowding": Crowded,
    "announcement.requested": AnnouncementRequested,
    "announcement.played": AnnouncementPlayed,
    "announcement.asked": AnnouncementAsked,
    "announcement.failed": AnnouncementFailed,
    "device.started": DeviceStarted,
    "command.handled": CommandHandled,
    "events.dropped": EventsDropped,
    "identity.duplicated": IdentityDuplicated,
    "update.finished": UpdateFinished,
    "update.failed": UpdateFailed,
    "update.returned": UpdateReturned,
    "summary": Summary,
}
"""CloudEvents type -> payload type, of every message that goes through the outbox."""
_NAMES = {payload: name for name, payload in TYPES.items()}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a device stands. Each part is one level of its topics."""

    site: str
    device: str
    prefix: str = "maskgate"

    @property
    def source(self) -> str:
        """The CloudEvents ``source`` of this device."""
        return f"/{self.prefix}/{self.site}/{self.device}"

    def topic(self, leaf: str) -> str:
        """The topic ``<prefix>/v1/<site>/<device>/<leaf>``."""
        return f"{self.prefix}/v1/{self.site}/{self.device}/{leaf}"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, before the outbox stores it."""

    id: str
    time: datetime
    data: Data
    clock_trusted: bool = True

    @property
    def type(self) -> str:
        """The CloudEvents type of its payload, as ``violation.opened``."""
        return _NAMES[type(self.data)]


def new_event(data: Data, time: datetime, *, clock_trusted: bool = True) -> Event:
    """Make an event with a fresh id, which it keeps over every redelivery."""
    return Event(str(uuid.uuid4()), time, data, clock_trusted)


def leaf_of(event_type: str) -> str:
    """The last topic level that carries events of this type."""
    return "summary" if event_type == "summary" else "event"


def cloud_event(
    event: Event, place: Place, *, sequence: int, recorded: datetime, replayed: bool = False
) -> dict[str, JsonValue]:
    """The wire form of an event, ready for ``json.dumps``.

    Args:
        event: what happened.
        place: the device.
        sequence: the outbox's gap-free number. It is zero-padded on the wire, so that it sorts as text.
        recorded: when the outbox stored the event.
        replayed: the event could not be sent when it happened.
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
    """A moment as RFC 3339 text: UTC with milliseconds and a Z."""
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
