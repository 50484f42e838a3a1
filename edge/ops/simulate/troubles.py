"""Troubles at an entrance: a camera fails or is tampered with, or too many people come at once. Pure."""

from edge.events import CameraFault, CameraTampered, Crowded
from edge.ops.simulate.scheduler import Door, EventScheduler, Process

_VISITS_EACH = 300
"""Mean number of people who come between two troubles. Invented."""
_NOTICED_S = 5.0
"""Seconds from the start of a trouble to its event."""


def troubles(scheduler: EventScheduler, door: Door) -> Process:
    """The process that causes one trouble after the other at an entrance, for ever."""
    while True:
        yield scheduler.rng.expovariate(scheduler.habits.rate_per_h / 3600 / _VISITS_EACH)
        yield from scheduler.rng.choice((_fault, _tampering, _crowd))(scheduler, door)


def _fault(scheduler: EventScheduler, door: Door) -> Process:
    door.blind = True
    message = "/dev/video0 gives no pictures: check its cable, or plug it in again"
    scheduler.emit(door.place, CameraFault(state="opened", reason="no frames", message=message))
    yield scheduler.rng.uniform(10, 120)
    door.blind = False
    message = "/dev/video0 gives pictures again"
    scheduler.emit(door.place, CameraFault(state="closed", reason="recovered", message=message))


def _tampering(scheduler: EventScheduler, door: Door) -> Process:
    lasts_s = round(scheduler.rng.uniform(20, 200), 1)
    message = "the camera seems to be covered: look at its lens"
    opened = CameraTampered(state="opened", reason="covered", message=message, duration_s=_NOTICED_S)
    scheduler.emit(door.place, opened)
    yield lasts_s - _NOTICED_S
    message = "the camera sees its entrance again"
    closed = CameraTampered(state="closed", reason="covered", message=message, duration_s=lasts_s)
    scheduler.emit(door.place, closed)


def _crowd(scheduler: EventScheduler, door: Door) -> Process:
    people, nearest_m = scheduler.rng.randint(6, 15), round(scheduler.rng.uniform(0.4, 1.2), 2)
    lasts_s = round(scheduler.rng.uniform(10, 90), 1)
    opened = Crowded(state="opened", people=people, nearest_m=nearest_m, duration_s=_NOTICED_S)
    scheduler.emit(door.place, opened)
    yield lasts_s - _NOTICED_S
    closed = Crowded(state="closed", people=people, nearest_m=nearest_m, duration_s=lasts_s)
    scheduler.emit(door.place, closed)
