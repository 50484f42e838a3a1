"""People who come to an entrance: masked, or not, and then asked to put a mask on. Pure."""

from collections.abc import Generator
from typing import Literal

from edge.events import AnnouncementFailed, AnnouncementPlayed, Place, ViolationClosed, ViolationOpened
from edge.ops.simulate.scheduler import Door, EventScheduler, Process
from edge.values import Verdict

_BUSY = ((7, 0.05), (10, 1.0), (16, 0.5), (19, 0.8), (22, 0.2), (24, 0.05))
"""Until this hour, so many people compared with the busiest time."""
_VERDICTS = (Verdict.MASKED, Verdict.NOT_MASKED, Verdict.CANNOT_JUDGE)
_WEIGHTS = (86, 10, 4)
_SILENT = 0.02
"""Share of the announcements that fail."""
_COMPLY, _COMPLY_UNASKED = 0.7, 0.2


def visits(stage: EventScheduler, door: Door, speaker: Place) -> Process:
    """Everybody who ever comes."""
    habits = stage.habits
    while True:
        yield stage.rng.expovariate(habits.rate_per_h / 3600)
        hour = (habits.hour + stage.now_s / 3600) % 24
        busy = next(share for until, share in _BUSY if hour < until)
        if stage.rng.random() < busy and not door.blind:
            stage.start(_visit(stage, door, speaker))


def _visit(stage: EventScheduler, door: Door, speaker: Place) -> Process:
    door.track += 1
    track, verdict = door.track, stage.rng.choices(_VERDICTS, _WEIGHTS)[0]
    seen_for_s = stage.rng.uniform(0.8, 2.5)
    yield seen_for_s
    if verdict is Verdict.NOT_MASKED:
        opened = ViolationOpened(
            violation=stage.uuid(),
            zone="entrance",
            track=track,
            score=round(stage.rng.betavariate(1, 20), 4),
            face_width_px=round(stage.rng.uniform(40, 160), 1),
            seen_for_s=round(seen_for_s, 3),
            model="mask-simulated",
        )
        if (yield from _violation(stage, door, speaker, opened)):
            verdict = Verdict.MASKED
    yield stage.rng.uniform(1, 4)
    door.window.verdicts[verdict] += 1
    door.window.entered += 1


def _violation(
    stage: EventScheduler, door: Door, speaker: Place, opened: ViolationOpened
) -> Generator[float, None, bool]:
    """Returns whether the mask went on."""
    opened_s = stage.now_s
    stage.say(door.place, opened)
    door.window.violations += 1
    announced = yield from _announcement(stage, speaker, opened.violation)
    complied = stage.rng.random() < (_COMPLY if announced else _COMPLY_UNASKED)
    yield stage.rng.uniform(1, 8)
    reason: Literal["complied", "left"] = "complied" if complied else "left"
    closed = ViolationClosed(
        violation=opened.violation,
        zone=opened.zone,
        track=opened.track,
        reason=reason,
        duration_s=round(stage.now_s - opened_s, 3),
        announced=announced,
    )
    stage.say(door.place, closed)
    door.window.complied += complied
    door.window.announced += announced
    door.window.complied_after_announcement += complied and announced
    return complied


def _announcement(stage: EventScheduler, speaker: Place, violation: str) -> Generator[float, None, bool]:
    """Returns whether it was heard."""
    delay_s = stage.rng.uniform(0.1, 0.3)
    yield delay_s
    if stage.rng.random() < _SILENT:
        stage.say(
            speaker,
            AnnouncementFailed(violation=violation, speaker="simulated", reason="the sound card is away"),
        )
        return False
    stage.say(
        speaker,
        AnnouncementPlayed(
            violation=violation, speaker="simulated", language="en", delay_s=round(delay_s, 3)
        ),
    )
    return True
