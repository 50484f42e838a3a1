"""One frame in, one result out: faces, people, verdicts, and the events that follow.

What it needs from the outside is defined here, so that it runs in tests without OpenCV, models or a camera.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from edge.events import Data, Event, Summary, ViolationClosed, ViolationOpened, new_event
from edge.policy import Closed, Departed, Opened, Outcome, Policy
from edge.tracks import Tracker
from edge.values import Box, Face, Frame, Image, Look, MaskScore, Track, Verdict


class Detector(Protocol):
    """Finds faces."""

    def find(self, image: Image) -> list[Face]:
        """All faces, in the picture's pixels."""
        ...


class Classifier(Protocol):
    """Judges one look at one face."""

    def score(self, image: Image, box: Box | None) -> MaskScore:
        """The probability of a properly worn mask."""
        ...


class Cuts(Protocol):
    """Notices that the picture shows another scene."""

    def update(self, image: Image) -> bool:
        """Whether there is a cut before this picture."""
        ...


@dataclass(frozen=True, slots=True)
class Sight:
    """A person in one frame, for those who draw or count."""

    track: Track
    look: Look
    verdict: Verdict
    """The person's, pooled; not this look's."""


@dataclass(frozen=True, eq=False, slots=True)
class Result:
    """What one frame led to."""

    sights: tuple[Sight, ...]
    outcomes: tuple[Outcome, ...]
    events: tuple[Event, ...]


@dataclass(slots=True)
class Tally:
    """Running counts; people are counted when they leave."""

    people: int = 0
    masked: int = 0
    not_masked: int = 0
    cannot_judge: int = 0
    violations: int = 0
    complied: int = 0

    def add(self, outcome: Outcome) -> None:
        """Count what an outcome says."""
        if isinstance(outcome, Departed):
            self.people += 1
            name = outcome.verdict.value
            setattr(self, name, getattr(self, name) + 1)
        elif isinstance(outcome, Opened):
            self.violations += 1
        elif isinstance(outcome, Closed) and outcome.complied:
            self.complied += 1

    def __str__(self) -> str:
        return (
            f"{self.people} people: {self.masked} masked, {self.not_masked} not masked, "
            f"{self.cannot_judge} could not be judged; {self.violations} violations, {self.complied} complied"
        )

    def summary(self, window_s: float) -> Summary:
        """The counts as an event's payload."""
        return Summary(
            window_s=window_s,
            people=self.people,
            masked=self.masked,
            not_masked=self.not_masked,
            cannot_judge=self.cannot_judge,
            violations=self.violations,
            complied=self.complied,
        )


@dataclass(slots=True)
class Pipeline:
    """The whole decision, without the device around it.

    Attributes:
        detector: finds the faces.
        classifier: judges them.
        assess: says whether and how well a face can be judged.
        zone, model_id: carried by every violation.
        total: counts since the start.
    """

    detector: Detector
    classifier: Classifier
    assess: Callable[[Image, Face], Look]
    cuts: Cuts
    tracker: Tracker
    policy: Policy
    zone: str
    model_id: str
    total: Tally = field(default_factory=Tally)
    _violations: dict[int, str] = field(default_factory=dict)

    def process(self, frame: Frame, *, clock_trusted: bool = True) -> Result:
        """Judge one frame; frames come in the order of ``captured_at``."""
        now = frame.captured_at
        lost = self.tracker.cut() if self.cuts.update(frame.image) else ()
        update = self.tracker.update(self.detector.find(frame.image), now)
        looks = {}
        for track in update.seen:
            look = looks[track.id] = self.assess(frame.image, track.face)
            if self.policy.wants(track, look, now):
                self.policy.observe(track, look, self.classifier.score(frame.image, track.face.box), now)
        outcomes = self.policy.step(update.seen, [*lost, *update.gone], now)
        sights = tuple(Sight(t, looks[t.id], self.policy.verdict(t.id)) for t in update.seen)
        return Result(sights, tuple(outcomes), self._events(outcomes, frame.taken, clock_trusted))

    def finish(self, now: float, taken: datetime, *, clock_trusted: bool = True) -> Result:
        """The source has ended or failed: everybody has left."""
        outcomes = self.policy.step((), self.tracker.cut(), now)
        return Result((), tuple(outcomes), self._events(outcomes, taken, clock_trusted))

    def _events(self, outcomes: list[Outcome], taken: datetime, clock_trusted: bool) -> tuple[Event, ...]:  # noqa: FBT001 - private
        for outcome in outcomes:
            self.total.add(outcome)
        payloads = [p for o in outcomes if (p := self._payload(o)) is not None]
        return tuple(new_event(p, taken, clock_trusted=clock_trusted) for p in payloads)

    def _payload(self, outcome: Outcome) -> Data | None:
        if isinstance(outcome, Opened):
            track = outcome.track
            self._violations[track.id] = str(uuid.uuid4())
            return ViolationOpened(
                violation=self._violations[track.id],
                zone=self.zone,
                track=track.id,
                score=round(outcome.score, 4),
                face_width_px=round(track.face.box.width, 1),
                seen_for_s=round(track.last_seen - track.first_seen, 3),
                model=self.model_id,
            )
        if isinstance(outcome, Closed):
            return ViolationClosed(
                violation=self._violations.pop(outcome.track.id),
                zone=self.zone,
                track=outcome.track.id,
                reason="complied" if outcome.complied else "left",
                duration_s=round(outcome.duration_s, 3),
            )
        return None
