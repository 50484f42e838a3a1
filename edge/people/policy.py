"""From looks to verdicts to violations: one per person and visit. Pure: no I/O, no clock.

A verdict belongs to a person, not to a track. Where the tracker is in doubt whether a track still follows the
same person, the person is on probation: evidence starts again, and nothing is opened or closed. If the fresh
evidence agrees with the verdict, it is the same person, and nothing has happened. If it does not, it is
somebody else, who gets a track of its own; the violation stays with the first person and closes as ``left``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from edge.people.evidence import Evidence, Rules, certainty_of
from edge.people.outcomes import Arrived, Closed, Departed, Opened, Outcome, Settled
from edge.values import Look, MaskScore, Track, Verdict, sigmoid

_PERSON_SIGHTINGS, _PERSON_S = 3, 0.4
"""A face found less often, or for less time in s, was a flicker of the detector, not a person."""
_PAST = 64
"""This many people who left are remembered, in case their visit goes on."""


@dataclass(slots=True)
class _Person:
    evidence: Evidence = field(default_factory=Evidence)
    arrived: bool = False
    verdict: Verdict = Verdict.CANNOT_JUDGE
    doubted: Track | None = None
    """On probation: the track as it was when the doubt came; ``evidence`` is what was seen since."""
    opened_at: float | None = None
    violated: bool = False
    announced: bool = False

    @property
    def shown(self) -> Verdict:
        return self.verdict if self.doubted is None else Verdict.CANNOT_JUDGE

    @property
    def last_agrees(self) -> bool:
        return self.evidence.looks == 0 or self.evidence.masked_lately == (self.verdict is Verdict.MASKED)


class Policy:
    """Judges people.

    Args:
        rules: how much evidence, and how long.
        threshold_logit: the classifier's threshold as log-odds.
        least_score: the least score with which the detector reports a face.
    """

    def __init__(self, rules: Rules, threshold_logit: float, least_score: float = 0.6) -> None:
        self._rules = rules
        self.least_score = least_score
        self.threshold_logit = threshold_logit
        """May be changed; a settled person keeps the verdict until new looks say otherwise."""
        self._people: dict[int, _Person] = {}
        self._violated: dict[int, bool] = {}
        """Of people who left, by their tracks' ids: whether the visit has had its violation."""

    def wants(self, track: Track, look: Look, now: float) -> bool:
        """Whether asking the classifier about this look can change anything."""
        if look.flaw is not None:
            return False
        person = self._people.get(track.id)
        if person is None or person.shown is Verdict.CANNOT_JUDGE or not person.last_agrees:
            return True
        return now - person.evidence.last_s >= self._rules.recheck_s

    def wants_mirrored(self, track: Track) -> bool:
        """Every other look is at the mirror image: few faces are misjudged both ways."""
        person = self._people.get(track.id)
        return person is not None and person.evidence.looks % 2 == 1

    def observe(self, track: Track, look: Look, score: MaskScore, now: float) -> None:
        """Take in the classifier's opinion of one look."""
        certainty = certainty_of(look.face.score, self.least_score)
        margin = score.logit - self.threshold_logit
        self._of(track).evidence.add(look, margin, certainty, self._rules.evidence, now)

    def doubt(self, track: Track, rivals: Iterable[int]) -> None:
        """From this frame on it may be somebody else who is followed.

        Args:
            track: in doubt.
            rivals: the tracks of those who it may be; empty: it may be anybody.
        """
        person = self._people.get(track.id)
        if person is None:
            return
        others = [self._people.get(rival) for rival in rivals]
        if others and all(o is not None and _alike(o, person) for o in others):
            return  # whoever it is, the same is known of them
        person.evidence = Evidence()
        if person.verdict is not Verdict.CANNOT_JUDGE:
            person.doubted = person.doubted or track

    def strangers(self, seen: Iterable[Track], now: float) -> list[Track]:
        """The tracks that follow somebody else now; ends the probation of those who are the same."""
        out = []
        for track in seen:
            person = self._people.get(track.id)
            if person is None or person.doubted is None:
                continue
            verdict = person.evidence.verdict(track, self._rules, now)
            if verdict is person.verdict:
                person.doubted = None
            elif verdict is not None:
                out.append(track)
        return out

    def hand_over(self, old: Track, new: Track) -> Track:
        """Give what was seen since the doubt to the other person.

        Args:
            old: the track as it was; its person is gone.
            new: the same face's track from now on.

        Returns:
            The old track as it was last seen before the doubt, for ``step``'s ``gone``.
        """
        person = self._people[old.id]
        self._people[new.id] = _Person(person.evidence)
        before, person.doubted = person.doubted or old, None
        return before

    def announced(self, track_id: int) -> None:
        """The speaker has asked this person for a mask."""
        if (person := self._people.get(track_id)) is not None:
            person.announced = True

    def step(
        self, seen: Iterable[Track], gone: Sequence[Track], now: float, *, alarms: bool = True
    ) -> list[Outcome]:
        """What follows from all that was observed up to now.

        Args:
            seen: the people in this frame.
            gone: the people who have left.
            now: the frame's ``captured_at``.
            alarms: whether violations may be opened now; open ones are closed in any case.
        """
        out: list[Outcome] = []
        for track in gone:
            out += self._depart(track, now)
        for track in seen:
            person = self._of(track)
            if not person.arrived and _is_person(track):
                person.arrived = True
                out.append(Arrived(track))
            if person.arrived and person.doubted is None:
                out += self._settle(track, person, now)
                out += self._open_or_close(track, person, now, alarms=alarms)
        return out

    def verdict(self, track_id: int) -> Verdict:
        """The verdict on a person now."""
        person = self._people.get(track_id)
        return Verdict.CANNOT_JUDGE if person is None else person.shown

    def present(self) -> tuple[Verdict, ...]:
        """The verdict on everybody who has arrived and not left, seen in the last frame or not."""
        return tuple(person.shown for person in self._people.values() if person.arrived)

    def score(self, track_id: int) -> float:
        """Pooled probability that this person wears a mask properly; 0.5 while nothing is known."""
        person = self._people.get(track_id)
        return 0.5 if person is None else sigmoid(person.evidence.value)

    def _of(self, track: Track) -> _Person:
        if track.id not in self._people:
            before = track.resumes is not None and self._violated.pop(track.resumes, False)
            self._people[track.id] = _Person(violated=before)
        return self._people[track.id]

    def _settle(self, track: Track, person: _Person, now: float) -> list[Outcome]:
        verdict = person.evidence.verdict(track, self._rules, now)
        if verdict is None or verdict is person.verdict:
            return []
        person.verdict = verdict
        return [Settled(track, verdict, sigmoid(person.evidence.value))]

    def _open_or_close(self, track: Track, person: _Person, now: float, *, alarms: bool) -> list[Outcome]:
        if person.verdict is Verdict.NOT_MASKED and alarms and not person.violated:
            person.opened_at, person.violated = now, True
            return [Opened(track, sigmoid(person.evidence.value))]
        if person.verdict is Verdict.MASKED and person.opened_at is not None:
            return [self._close(track, person, now, complied=True)]
        return []

    def _close(self, track: Track, person: _Person, now: float, *, complied: bool) -> Closed:
        opened_at = now if person.opened_at is None else person.opened_at
        person.opened_at = None
        return Closed(track, complied, max(0.0, now - opened_at), person.announced)

    def _depart(self, track: Track, now: float) -> list[Outcome]:
        person = self._people.pop(track.id, None)
        if person is None:
            return []
        self._violated[track.id] = person.violated
        if len(self._violated) > _PAST:
            del self._violated[next(iter(self._violated))]
        if not person.arrived:
            return []
        out: list[Outcome] = []
        if person.opened_at is not None:
            out.append(self._close(track, person, min(track.last_seen, now), complied=False))
        out.append(Departed(track, person.verdict, person.violated))
        return out


def _alike(a: _Person, b: _Person) -> bool:
    """Whether the same is known of both, so that it does not matter who is who."""
    known = a.verdict is b.verdict is not Verdict.CANNOT_JUDGE
    return known and a.doubted is b.doubted is None and a.violated == b.violated


def _is_person(track: Track) -> bool:
    return track.sightings >= _PERSON_SIGHTINGS and track.last_seen - track.first_seen >= _PERSON_S
