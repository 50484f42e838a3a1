"""What goes wrong at an entrance: the camera fails or is tampered with, or too many come at once. Pure."""

from edge.events import CameraFault, CameraTampered, Crowded
from edge.ops.simulate.scheduler import Door, EventScheduler, Process

_VISITS_EACH = 300
"""So many people come between two troubles."""
_NOTICED_S = 5.0
"""From a trouble's begin to its event."""


def troubles(stage: EventScheduler, door: Door) -> Process:
    """One after the other, for ever."""
    while True:
        yield stage.rng.expovariate(stage.habits.rate_per_h / 3600 / _VISITS_EACH)
        yield from stage.rng.choice((_fault, _tampering, _crowd))(stage, door)


def _fault(stage: EventScheduler, door: Door) -> Process:
    door.blind = True
    message = "/dev/video0 gives no pictures: check its cable, or plug it in again"
    stage.say(door.place, CameraFault(state="opened", reason="no frames", message=message))
    yield stage.rng.uniform(10, 120)
    door.blind = False
    message = "/dev/video0 gives pictures again"
    stage.say(door.place, CameraFault(state="closed", reason="recovered", message=message))


def _tampering(stage: EventScheduler, door: Door) -> Process:
    lasts_s = round(stage.rng.uniform(20, 200), 1)
    message = "the camera seems to be covered: look at its lens"
    opened = CameraTampered(state="opened", reason="covered", message=message, duration_s=_NOTICED_S)
    stage.say(door.place, opened)
    yield lasts_s - _NOTICED_S
    message = "the camera sees its entrance again"
    closed = CameraTampered(state="closed", reason="covered", message=message, duration_s=lasts_s)
    stage.say(door.place, closed)


def _crowd(stage: EventScheduler, door: Door) -> Process:
    people, nearest_m = stage.rng.randint(6, 15), round(stage.rng.uniform(0.4, 1.2), 2)
    lasts_s = round(stage.rng.uniform(10, 90), 1)
    stage.say(door.place, Crowded(state="opened", people=people, nearest_m=nearest_m, duration_s=_NOTICED_S))
    yield lasts_s - _NOTICED_S
    stage.say(door.place, Crowded(state="closed", people=people, nearest_m=nearest_m, duration_s=lasts_s))
