"""People who come to an entrance, with or without a mask, and what they do when asked to wear one. Pure."""

from collections.abc import Generator
from typing import Literal

from edge.events import AnnouncementFailed, AnnouncementPlayed, Place, ViolationClosed, ViolationOpened
from edge.ops.simulate.scheduler import Door, EventScheduler, Process
from edge.values import Verdict

_BUSY = ((7, 0.05), (10, 1.0), (16, 0.5), (19, 0.8), (22, 0.2), (24, 0.05))
"""Hour of the day, and the share of the busiest time's people who come until then. An invented day."""
_VERDICTS = (Verdict.MASKED, Verdict.NOT_MASKED, Verdict.CANNOT_JUDGE)
_WEIGHTS = (86, 10, 4)
_SILENT = 0.02
"""Share of the announcements that fail."""
_COMPLY, _COMPLY_UNASKED = 0.7, 0.2
"""Shares of people who put a mask on, with and without an announcement. Invented, as the weights above."""


def visits(scheduler: EventScheduler, door: Door, speaker: Place) -> Process:
    """The process that lets people come to an entrance, one after the other, for ever."""
    habits = scheduler.habits
    while True:
        yield scheduler.rng.expovariate(habits.rate_per_h / 3600)
        hour = (habits.hour + scheduler.now_s / 3600) % 24
        busy = next(share for until, share in _BUSY if hour < until)
        if scheduler.rng.random() < busy and not door.blind:
            scheduler.start(_visit(scheduler, door, speaker))


def _visit(scheduler: EventScheduler, door: Door, speaker: Place) -> Process:
    door.track += 1
    track, verdict = door.track, scheduler.rng.choices(_VERDICTS, _WEIGHTS)[0]
    seen_for_s = scheduler.rng.uniform(0.8, 2.5)
    yield seen_for_s
    if verdict is Verdict.NOT_MASKED:
        opened = ViolationOpened(
            violation=scheduler.uuid(),
            zone="entrance",
            track=track,
            score=round(scheduler.rng.betavariate(1, 20), 4),
            face_width_px=round(scheduler.rng.uniform(40, 160), 1),
            seen_for_s=round(seen_for_s, 3),
            model="mask-simulated",
        )
        if (yield from _violation(scheduler, door, speaker, opened)):
            verdict = Verdict.MASKED
    yield scheduler.rng.uniform(1, 4)
    door.window.verdicts[verdict] += 1
    door.window.entered += 1


def _violation(
    scheduler: EventScheduler, door: Door, speaker: Place, opened: ViolationOpened
) -> Generator[float, None, bool]:
    """The life of one violation; returns whether the person put a mask on."""
    opened_s = scheduler.now_s
    scheduler.emit(door.place, opened)
    door.window.violations += 1
    announced = yield from _announcement(scheduler, speaker, opened.violation)
    complied = scheduler.rng.random() < (_COMPLY if announced else _COMPLY_UNASKED)
    yield scheduler.rng.uniform(1, 8)
    reason: Literal["complied", "left"] = "complied" if complied else "left"
    closed = ViolationClosed(
        violation=opened.violation,
        zone=opened.zone,
        track=opened.track,
        reason=reason,
        duration_s=round(scheduler.now_s - opened_s, 3),
        announced=announced,
    )
    scheduler.emit(door.place, closed)
    door.window.complied += complied
    door.window.announced += announced
    door.window.complied_after_announcement += complied and announced
    return complied


def _announcement(scheduler: EventScheduler, speaker: Place, violation: str) -> Generator[float, None, bool]:
    """One announcement; returns whether it was played."""
    delay_s = scheduler.rng.uniform(0.1, 0.3)
    yield delay_s
    if scheduler.rng.random() < _SILENT:
        scheduler.emit(
            speaker,
            AnnouncementFailed(violation=violation, speaker="simulated", reason="the sound card is away"),
        )
        return False
    scheduler.emit(
        speaker,
        AnnouncementPlayed(
            violation=violation, speaker="simulated", language="en", delay_s=round(delay_s, 3)
        ),
    )
    return True
