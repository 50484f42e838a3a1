"""One frame in, one result out: faces, people, verdicts, and the events that follow."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from edge.events import CameraTampered, Crowded, Data, Event, new_event
from edge.people.crowding import CrowdingMonitor
from edge.people.heads import one_a_head
from edge.people.hours import OpeningHours
from edge.people.outcomes import Crossed, Outcome
from edge.people.policy import Policy
from edge.people.protocols import Assessor, Classifier, Cut, Cuts, Detector, TamperMonitor
from edge.people.scenery import Scenery
from edge.people.tally import Tally
from edge.people.tracks import Tracker
from edge.people.violations import Violations
from edge.people.zones import LineCounter, Zones
from edge.values import Box, Frame, Image, Look, Track, Verdict


@dataclass(frozen=True, slots=True)
class Sight:
    """A person in one frame: what is drawn, shown by lights and counted."""

    track: Track
    look: Look
    verdict: Verdict
    score: float
    """``verdict`` and ``score`` are the person's, pooled over all looks; not this look's."""


@dataclass(frozen=True, eq=False, slots=True)
class FrameResult:
    """What one frame led to."""

    sights: tuple[Sight, ...]
    """Everybody whose face was found in a zone."""
    present: tuple[Verdict, ...]
    """The verdict on everybody who has arrived and not left; empty outside the opening hours."""
    outcomes: tuple[Outcome, ...]
    events: tuple[Event, ...]


@dataclass(slots=True)
class Pipeline:
    """The whole decision, without the device around it.

    Attributes:
        detector, classifier, assess, cuts, tampering: see ``edge.people.protocols``.
        tracker, policy: follow and judge people.
        zones, lines, hours, crowding: what the configuration asks for.
        violations: gives each violation its id and zone.
        scenery: knows the faces that are part of the scene.
        total: counts since the start.
    """

    detector: Detector
    classifier: Classifier
    assess: Assessor
    cuts: Cuts
    tampering: TamperMonitor | None
    tracker: Tracker
    policy: Policy
    zones: Zones
    lines: LineCounter
    hours: OpeningHours
    crowding: CrowdingMonitor
    violations: Violations
    scenery: Scenery = field(default_factory=Scenery)
    total: Tally = field(default_factory=Tally)

    def process(self, frame: Frame, *, clock_trusted: bool = True) -> FrameResult:
        """Judge one frame; frames come in the order of ``captured_at``."""
        now = frame.captured_at
        faces = self.scenery.people(one_a_head(self.detector.find(frame.image)), now)
        cut = self.cuts.update(frame.image)
        is_cut = cut is Cut.SURE or (cut is Cut.LIKELY and not self.tracker.finds(faces, now))
        lost = self.tracker.cut() if is_cut else ()
        update = self.tracker.update(faces, now)
        looks = self._look(frame.image, update.seen)
        tracks = {track.id: track for track in update.seen}
        for doubt in update.doubts:
            self.policy.doubt(tracks[doubt.track], doubt.rivals)
        for track, look in looks:
            if self.policy.wants(track, look, now):
                mirrored = self.policy.wants_mirrored(track)
                score = self.classifier.score(frame.image, track.face.box, mirrored=mirrored)
                self.policy.observe(track, look, score, now)
        looks, replaced = self._separate(looks, now)
        here = [track for track, _ in looks]
        gone = [*lost, *update.gone, *replaced]
        # a clock that is surely wrong can't know the hours: asking once too often is better than never
        alarms = not clock_trusted or self.hours.open(frame.taken)
        outcomes = [
            *self.policy.step(here, gone, now, alarms=alarms),
            *self._cross(update.seen, frame.image),
        ]
        payloads = [*self._payloads(outcomes), *self._crowd(here, frame.image, now)]
        judgeable = any(look.flaw is None for _, look in looks)
        people = [track.face.box for track in update.seen]
        payloads += self._tamper(frame, people, face_seen=judgeable)
        self._forget(gone)
        return FrameResult(
            sights=tuple(
                Sight(track, look, self.policy.verdict(track.id), self.policy.score(track.id))
                for track, look in looks
            ),
            present=self.policy.present() if alarms else (),
            outcomes=tuple(outcomes),
            events=_events(payloads, frame.taken, clock_trusted=clock_trusted),
        )

    def finish(self, now: float, taken: datetime, *, clock_trusted: bool = True) -> FrameResult:
        """The source has ended or failed: everybody has left."""
        gone = self.tracker.cut()
        outcomes = self.policy.step((), gone, now)
        payloads = self._payloads(outcomes)
        self._forget(gone)
        return FrameResult((), (), tuple(outcomes), _events(payloads, taken, clock_trusted=clock_trusted))

    def announced(self, violation: str) -> None:
        """The speaker has played this violation's announcement."""
        track_id = self.violations.track_of(violation)
        if track_id is not None:
            self.policy.announced(track_id)

    def _look(self, image: Image, seen: Sequence[Track]) -> list[tuple[Track, Look]]:
        """The people in a zone, each with how well the face can be judged."""
        height, width = image.shape[:2]
        looks = []
        for track in seen:
            zone = self.zones.of(track.face.box, width, height)
            if zone is not None:
                self.violations.place(track, zone.name)
                looks.append((track, self.assess(image, track.face, zone.min_face_width_px)))
        return looks

    def _separate(
        self, looks: Sequence[tuple[Track, Look]], now: float
    ) -> tuple[list[tuple[Track, Look]], list[Track]]:
        """Give those who are somebody else by now a track of their own; also returns who is gone by that."""
        strangers = {track.id: track for track in self.policy.strangers([t for t, _ in looks], now)}
        new = {track_id: self.tracker.split(track_id) for track_id in strangers}
        for old_id, track in new.items():
            self.violations.place(track, self.violations.zone_of(old_id))
        gone = [self.policy.hand_over(strangers[old_id], track) for old_id, track in new.items()]
        return [(new.get(track.id, track), look) for track, look in looks], gone

    def _cross(self, seen: Sequence[Track], image: Image) -> list[Outcome]:
        height, width = image.shape[:2]
        out: list[Outcome] = []
        for track in seen:
            x, y = track.face.box.center
            crossings = self.lines.update(track.id, (x / width, y / height))
            out += [Crossed(track, crossing.line, crossing.inward) for crossing in crossings]
        return out

    def _crowd(self, here: Sequence[Track], image: Image, now: float) -> list[Data]:
        height, width = image.shape[:2]
        changes = self.crowding.update([track.face for track in here], (width, height), now)
        return [
            Crowded(
                state="opened" if change.opened else "closed",
                people=change.people,
                nearest_m=None if change.nearest_m is None else round(change.nearest_m, 2),
                duration_s=round(change.duration_s, 3),
            )
            for change in changes
        ]

    def _tamper(self, frame: Frame, people: Sequence[Box], *, face_seen: bool) -> list[Data]:
        if self.tampering is None:
            return []
        change = self.tampering.update(frame.image, frame.captured_at, face_seen=face_seen, people=people)
        if change is None:
            return []
        return [
            CameraTampered(
                state="opened" if change.opened else "closed",
                reason=change.reason,
                message=change.message,
                duration_s=round(change.duration_s, 3),
            )
        ]

    def _payloads(self, outcomes: Sequence[Outcome]) -> list[Data]:
        for outcome in outcomes:
            self.total.add(outcome)
        return [p for outcome in outcomes if (p := self.violations.payload(outcome)) is not None]

    def _forget(self, gone: Sequence[Track]) -> None:
        self.violations.forget(gone)
        for track in gone:
            self.lines.forget(track.id)


def _events(payloads: Sequence[Data], taken: datetime, *, clock_trusted: bool) -> tuple[Event, ...]:
    return tuple(new_event(payload, taken, clock_trusted=clock_trusted) for payload in payloads)
