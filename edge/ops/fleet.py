"""All devices of a broker, with the last that is known of each. Pure: no I/O, no threads, no clock.

Messages are not trusted: those that can't be read are counted, and what is kept is bounded.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, Field, JsonValue

from edge.ops.subscription import ReceivedMessage
from edge.ops.text import ago, plain
from edge.ops.wording import counts, words

DEVICES_MAX = 10_000
_IDS_MAX = 20_000
SILENT_S = 60.0
"""A device that is on line and sends no health for this many seconds needs a look."""
_COUNT_MAX = 1e9
_Number = Annotated[float, Field(allow_inf_nan=False)]


class _Status(BaseModel):
    state: str
    reason: str = ""
    time: AwareDatetime


class _Outbox(BaseModel):
    depth: int | None = Field(None, ge=0, lt=_COUNT_MAX)


class _Overrides(BaseModel):
    muted_for_s: _Number | None = None
    mask_threshold: _Number | None = None


class _Health(BaseModel):
    fps: _Number | None = None
    temperature_c: _Number | None = None
    outbox: _Outbox = _Outbox()
    overrides: _Overrides = _Overrides()
    problems: list[str] = []


class _Event(BaseModel):
    id: str
    source: str
    type: str
    time: AwareDatetime
    data: dict[str, JsonValue]


@dataclass(slots=True)
class DeviceRow:
    """What is known of one device: a row of the table."""

    name: str
    """The device as ``site/device``."""
    online: bool | None = None
    """Whether it is on line; None before its first status."""
    since: datetime | None = None
    """The time in its status, by its own clock."""
    reason: str = ""
    health_at: datetime | None = None
    """When its last health arrived here."""
    fps: float | None = None
    temperature_c: float | None = None
    waiting: int | None = None
    problems: tuple[str, ...] = ()
    overrides: str = ""
    last_violation: datetime | None = None
    last_zone: str = ""


@dataclass(frozen=True, slots=True)
class StreamLine:
    """One line of the stream of events."""

    time: datetime
    device: str
    what: str
    text: str
    late: bool = False
    """True if the event could not be sent when it happened."""


@dataclass(slots=True)
class Fleet:
    """What is known of all devices.

    Attributes:
        devices: name -> device.
        unreadable: the number of messages that do not follow the contract.
        ignored: the number of messages of devices beyond ``DEVICES_MAX``.
    """

    devices: dict[str, DeviceRow] = field(default_factory=dict)
    unreadable: int = 0
    ignored: int = 0
    _ids: OrderedDict[tuple[str, str], None] = field(default_factory=OrderedDict)

    def take(self, message: ReceivedMessage) -> list[StreamLine]:
        """Take in a message; returns the lines that it adds to the stream."""
        levels = message.topic.split("/")
        if len(levels) != 5 or levels[4] not in ("status", "health", "event", "summary"):
            return []
        name = plain(f"{levels[2]}/{levels[3]}", 130)
        if name not in self.devices and len(self.devices) >= DEVICES_MAX:
            self.ignored += 1
            return []
        try:
            return self._read(levels[4], name, message)
        except (ValueError, OverflowError):  # not JSON, not an event, or a number with thousands of digits
            self.unreadable += 1
            return []

    def _read(self, leaf: str, name: str, message: ReceivedMessage) -> list[StreamLine]:
        if leaf == "status":
            if not message.payload:  # the device was removed for good
                self.devices.pop(name, None)
                return []
            return self._status(self._device(name), _Status.model_validate_json(message.payload), message)
        if leaf == "health":
            self._health(self._device(name), _Health.model_validate_json(message.payload), message.at)
            return []
        event = _Event.model_validate_json(message.payload)
        return [] if self._repeated(event) else self._event(self._device(name), event)

    def _device(self, name: str) -> DeviceRow:
        return self.devices.setdefault(name, DeviceRow(name))

    def _status(self, device: DeviceRow, status: _Status, message: ReceivedMessage) -> list[StreamLine]:
        device.online, device.since = status.state == "online", status.time
        device.reason = plain(status.reason, 200)
        if not device.online:
            device.fps = device.temperature_c = device.health_at = None
            device.problems, device.overrides = (), ""
        if message.retained:
            return []
        return [StreamLine(message.at, device.name, "online" if device.online else "offline", device.reason)]

    def _health(self, device: DeviceRow, health: _Health, at: datetime) -> None:
        device.health_at, device.fps, device.temperature_c = at, health.fps, health.temperature_c
        device.waiting = health.outbox.depth
        device.problems = tuple(plain(p, 300) for p in health.problems[:20])
        changed = []
        if health.overrides.muted_for_s:
            changed.append(f"muted for {ago(health.overrides.muted_for_s)}")
        if health.overrides.mask_threshold is not None:
            changed.append(f"threshold {health.overrides.mask_threshold:g}")
        device.overrides = ", ".join(changed)

    def _event(self, device: DeviceRow, event: _Event) -> list[StreamLine]:
        data = event.data
        if event.type == "violation.opened" and (
            device.last_violation is None or event.time > device.last_violation
        ):
            device.last_violation, device.last_zone = event.time, plain(data.get("zone", ""), 40)
        text = counts(data) if event.type == "summary" else words(data)
        if event.type == "summary" and not text:  # nobody came: a thousand devices report that every minute
            return []
        late = data.get("replayed") is True
        return [StreamLine(event.time, device.name, plain(event.type, 40), plain(text, 500), late)]

    def _repeated(self, event: _Event) -> bool:
        key = (event.source[:200], event.id[:200])
        if key in self._ids:
            return True
        self._ids[key] = None
        if len(self._ids) > _IDS_MAX:
            self._ids.popitem(last=False)
        return False


def trouble(device: DeviceRow, now: datetime, started: datetime) -> str:
    """What is wrong with a device, in words; empty if nothing is.

    Args:
        device: the device.
        now: the time, UTC.
        started: when we started to listen, UTC.
    """
    if device.online is False:
        return device.reason
    last_sign = device.health_at or max(started, device.since or started)
    silent_s = (now - last_sign).total_seconds()
    if device.online and silent_s > SILENT_S:
        return f"online, but no health for {ago(silent_s)}"
    return "; ".join(device.problems)
