"""How the devices' clocks differ from this machine's, as their ``health`` shows."""

import threading
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import BaseModel, ValidationError

from edge.events import Rfc3339

_DEVICES_MAX = 500
"""Of one site; of more, those that reported last."""
_FORGOTTEN_S = 600.0
"""After this time without a report nothing is said about a device's clock."""
_WORTH_SAYING_S = 5.0
"""Half of the default ``max_age_s``: a smaller difference changes no announcement."""
_PROBLEMS_MAX = 5
_READINGS = 3
"""The smallest of the last ones counts: a report that the network held up makes a clock look slow."""


class _ClockReport(BaseModel):
    time: Rfc3339
    clock_trusted: bool


@dataclass(slots=True)
class _Readings:
    received_s: float
    """When the last one came, in monotonic seconds."""
    lags_s: deque[float] = field(default_factory=lambda: deque(maxlen=_READINGS))
    """Our wall clock minus the device's."""
    origins_s: deque[float] = field(default_factory=lambda: deque(maxlen=_READINGS))
    """Our monotonic clock minus the device's wall clock: it does not change when our wall clock is set."""


class DeviceClocks:
    """Written by the link's thread, read by others."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._devices: OrderedDict[str, _Readings] = OrderedDict()

    def note(self, device: str, payload: bytes, received_s: float, utc: datetime) -> None:
        """Take in a device's ``health`` that has just come; anything else is passed over.

        Args:
            device: its name.
            payload: the message; it may be anything.
            received_s: monotonic seconds of the arrival.
            utc: the same moment by this machine's wall clock.
        """
        try:
            report = _ClockReport.model_validate_json(payload)
        except ValidationError:
            return
        with self._lock:
            if not report.clock_trusted:  # the device itself says that it does not know the time
                self._devices.pop(device, None)
                return
            readings = self._devices.setdefault(device, _Readings(received_s))
            self._devices.move_to_end(device)
            readings.received_s = received_s
            readings.lags_s.append((utc - report.time).total_seconds())
            readings.origins_s.append(received_s - report.time.timestamp())
            if len(self._devices) > _DEVICES_MAX:
                self._devices.popitem(last=False)

    def happened_s(self, device: str, time: datetime) -> float | None:
        """From the device's clock to our monotonic seconds; None: the two were not compared."""
        with self._lock:
            readings = self._devices.get(device)
            return None if readings is None else time.timestamp() + min(readings.origins_s)

    def differences_s(self, now_s: float) -> dict[str, float]:
        """By device: its clock minus this machine's, in seconds; below 0 it is behind."""
        with self._lock:
            return {
                device: round(-min(readings.lags_s), 1)
                for device, readings in self._devices.items()
                if now_s - readings.received_s <= _FORGOTTEN_S
            }


def clock_problems(differences_s: dict[str, float]) -> list[str]:
    """What is wrong with the clocks, as full sentences, the worst first."""
    worst = sorted(differences_s.items(), key=lambda item: -abs(item[1]))
    return [
        f"the clock of {device} is {abs(s):.0f} s {'behind' if s < 0 else 'ahead of'} this speaker's: one of "
        "them is wrong; check the time on both machines (timedatectl)"
        for device, s in worst
        if abs(s) > _WORTH_SAYING_S
    ][:_PROBLEMS_MAX]
