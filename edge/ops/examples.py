"""One example of each kind of message, as it looks on the wire."""

import json
from datetime import datetime, timedelta, timezone

from pydantic import BaseModel, JsonValue

from edge.events import (
    AnnouncementAsked,
    AnnouncementFailed,
    AnnouncementPlayed,
    AnnouncementRequested,
    CameraFault,
    CameraHealth,
    CameraInfo,
    CameraTampered,
    Command,
    CommandHandled,
    Crowded,
    Data,
    DeviceStarted,
    Event,
    EventsDropped,
    Health,
    IdentityDuplicated,
    Info,
    LinkHealth,
    OutboxHealth,
    Passport,
    Place,
    Releases,
    Response,
    Status,
    Summary,
    UpdateFailed,
    UpdateFinished,
    UpdateReturned,
    ViolationClosed,
    ViolationOpened,
    cloud_event,
)
from edge.speaker.self_report import SpeakerHealth, SpeakerInfo, Voiced

DOOR = Place("headquarters", "north-door")
SPEAKER = Place("headquarters", "north-door-speaker")
_SOFTWARE = "maskgate 0.1.0"
_VIOLATION = "9b2f5c1e-0d4a-4c57-9d2e-6a1f0c3b8e71"
_START = datetime(2026, 3, 2, 8, 0, tzinfo=timezone.utc)
_ONLINE = LinkHealth(state="online", message="connected to broker.example.org:8883 with MQTT 5")

_EVENTS: tuple[tuple[Place, float, Data], ...] = (
    (DOOR, 0, DeviceStarted(software=_SOFTWARE, previous="stopped")),
    (
        DOOR,
        75.21,
        ViolationOpened(
            violation=_VIOLATION,
            zone="entrance",
            track=12,
            score=0.0312,
            face_width_px=84.5,
            seen_for_s=1.2,
            model="mask-1a2b3c4d",
        ),
    ),
    (
        SPEAKER,
        75.42,
        AnnouncementPlayed(violation=_VIOLATION, speaker="loudspeaker", language="en", delay_s=0.21),
    ),
    (
        DOOR,
        79.71,
        ViolationClosed(
            violation=_VIOLATION,
            zone="entrance",
            track=12,
            reason="complied",
            duration_s=4.5,
            announced=True,
        ),
    ),
    (
        DOOR,
        120,
        Summary(
            window_s=60.0,
            people=7,
            masked=6,
            not_masked=0,
            cannot_judge=1,
            violations=1,
            complied=1,
            announced=1,
            complied_after_announcement=1,
            compliance_rate=1.0,
            entered=5,
            left=2,
        ),
    ),
    (
        DOOR,
        180,
        CameraFault(
            state="opened",
            reason="no frames",
            message="/dev/video0 gives no pictures: check its cable, or plug it in again",
        ),
    ),
    (
        DOOR,
        240,
        CameraTampered(
            state="opened",
            reason="covered",
            message="the camera seems to be covered: look at its lens",
            duration_s=10.0,
        ),
    ),
    (DOOR, 300, Crowded(state="opened", people=9, nearest_m=0.8, duration_s=5.0)),
    (DOOR, 330, AnnouncementRequested(violation="test-5d0c7a52-0d0f-4f9e-8f1e-2f7a9b1c4d3e", by="button")),
    (
        SPEAKER,
        360,
        AnnouncementFailed(violation=_VIOLATION, speaker="loudspeaker", reason="the sound card is busy"),
    ),
    (
        SPEAKER,
        390,
        AnnouncementAsked(violation=_VIOLATION, speaker="loudspeaker/home-assistant", delay_s=0.34),
    ),
    (
        DOOR,
        420,
        CommandHandled(
            transaction="4711", command="mute", status="error", error="out of limits",
            message="for_s: found 90000; at most 86400",
        ),
    ),
    (
        DOOR,
        480,
        EventsDropped(count=1, by_type={"unknown": 1}, reason="damaged", sequences=["000000000009"]),
    ),
    (
        DOOR,
        540,
        IdentityDuplicated(
            client_id="maskgate/headquarters/north-door",
            message="another client connects as maskgate/headquarters/north-door: is a card a copy?",
        ),
    ),
    (DOOR, 600, UpdateFinished(kind="application", version="0.2.0")),
    (DOOR, 660, UpdateFailed(version="0.3.0", reason="its signature does not fit: the file was changed")),
    (
        DOOR,
        720,
        UpdateReturned(
            kind="models", version="1.2.0", in_use="1.1.0",
            reason="it never judged frames long enough to be final in the time it had",
        ),
    ),
)  # fmt: skip


def _wire(number: int, place: Place, after_s: float, data: Data) -> dict[str, JsonValue]:
    time = _START + timedelta(seconds=after_s)
    event = Event(f"6f1c2d3e-0000-4000-8000-{number:012x}", time, data)
    return cloud_event(event, place, sequence=number, recorded=time + timedelta(milliseconds=4))


def _plain(model: BaseModel) -> dict[str, JsonValue]:
    wire: dict[str, JsonValue] = json.loads(model.model_dump_json())
    return wire


EXAMPLES: dict[str, dict[str, JsonValue]] = {
    "status": _plain(Status(state="online", reason="running", time=_START)),
    "info": _plain(
        Info(
            software=_SOFTWARE,
            releases=Releases(application="0.2.0", models="1.1.0"),
            runtime="litert 2.1.6",
            models={
                "mask": Passport(id="mask-1a2b3c4d", sha256="1a2b3c4d" * 8, kind="classifier"),
                "face": Passport(id="face-5e6f7a8b", sha256="5e6f7a8b" * 8, kind="detector"),
            },
            camera=CameraInfo(source="/dev/video0", width=640, height=480),
            config={"site": {"id": DOOR.site, "device": DOOR.device, "zone": "entrance"}},
        )
    ),
    "health": _plain(
        Health(
            time=_START,
            clock_trusted=True,
            uptime_s=86400.0,
            fps=14.9,
            latency_ms=21.5,
            camera=CameraHealth(state="live", fault=None, fps=15.0, frames=1_290_211, reconnects=0),
            outbox=OutboxHealth(depth=0, dropped=0),
            link=_ONLINE,
            memory_mb=148.2,
            temperature_c=51.5,
        )
    ),
    "speaker.info": _plain(
        SpeakerInfo(
            software=_SOFTWARE, speakers=["loudspeaker"], config={"speaker": {"languages": ["en", "de"]}}
        )
    ),
    "speaker.health": _plain(
        SpeakerHealth(
            time=_START,
            clock_trusted=True,
            uptime_s=86400.0,
            speakers={
                "loudspeaker": Voiced(
                    announced=31, failed=0, queue=0, last=_VIOLATION, last_time=_START, problem=None
                )
            },
            outbox=OutboxHealth(depth=0, dropped=0),
            link=_ONLINE,
            memory_mb=41.0,
            problems=[],
        )
    ),
    **{
        str(wire["type"]): wire
        for number, (place, after_s, data) in enumerate(_EVENTS, start=1)
        for wire in [_wire(number, place, after_s, data)]
    },
    "cmd": _plain(
        Command(transaction="4711", command="mute", issued=_START, deadline_s=30.0, arguments={"for_s": 9e4})
    ),
    "rsp": _plain(
        Response(
            transaction="4711", status="error", error="out of limits",
            message="for_s: found 90000; at most 86400",
        )
    ),
}  # fmt: skip
"""Kind of message -> its example."""
