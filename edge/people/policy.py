"""From looks to verdicts to violations: one per person. Pure: no I/O, no clock.

Each look adds the classifier's log-odds, measured from its threshold, to the person's evidence. The step is
limited, so that no single frame decides. It is weighted by how well the look could be judged, and by the time
since the last look, so that a fast camera's near-copies do not count as independent looks.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edge.people.outcomes import Arrived, Closed, Departed, Opened, Outcome, Settled
from edge.values import Look, MaskScore, Track, Verdict, sigmoid

_MAX_LOOK = 3.0
"""Log-odds that one look may add at most."""
_MAX_EVIDENCE_FACTOR = 2.0
"""Evidence saturates at this multiple of what settles a person, so that a change of mind stays possible."""
_INDEPENDENT_S = 0.1
"""Looks closer together than this share their weight."""
_PERSON_SIGHTINGS, _PERSON_S = 3, 0.4
"""A face found less often, or for less time, was a flicker of the detector, not a person."""


@dataclass(frozen=True, slots=True)
class Rules:
    """When looks become a verdict; units as in ``edge.config.Decision``."""

    min_looks: int
    min_time_s: float
    evidence: float
    recheck_s: float


@dataclass(slots=True)
class _Person:
    evidence: float = 0.0
    looks: int = 0
    first_look: float = 0.0
    last_look: float = float("-inf")
    last_agrees: bool = True
    arrived: bool = False
    verdict: Verdict = Verdict.CANNOT_JUDGE
    opened_at: float | None = None
    violated: bool = False
    announced: bool = False


class Policy:
    """Judges people.

    Args:
        rules: how much evidence, and how long.
        threshold_logit: the classifier's threshold as log-odds.
    """

    def __init__(self, rules: Rules, threshold_logit: float) -> None:
        self._rules = rules
        self.threshold_logit = threshold_logit
        """May be changed; a settled person keeps the verdict until new looks say otherwise."""
        self._people: dict[int, _Person] = {}

    def wants(self, track: Track, look: Look, now: float) -> bool:
        """Whether asking the classifier about this look can change anything."""
        if look.flaw is not None:
            return False
        person = self._people.get(track.id)
        if person is None or person.verdict is Verdict.CANNOT_JUDGE or not person.last_agrees:
            return True
        return now - person.last_look >= self._rules.recheck_s

    def wants_mirrored(self, track: Track) -> bool:
        """Every other look is at the mirror image: few faces are misjudged both ways."""
        person = self._people.get(track.id)
        return person is not None and person.looks % 2 == 1

    def observe(self, track: Track, look: Look, score: MaskScore, now: float) -> None:
        """Take in the classifier's opinion of one look."""
        person = self._people.setdefault(track.id, _Person())
        if person.looks == 0:
            person.first_look = now
        margin = score.logit - self.threshold_logit
        weight = look.quality * min(1.0, (now - person.last_look) / _INDEPENDENT_S)
        limit = self._rules.evidence * _MAX_EVIDENCE_FACTOR
        step = weight * max(-_MAX_LOOK, min(_MAX_LOOK, margin))
        person.evidence = max(-limit, min(limit, person.evidence + step))
        person.looks += 1
        person.last_look = now
        person.last_agrees = (margin >= 0) == (person.verdict is Verdict.MASKED)

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
            person = self._people.setdefault(track.id, _Person())
            if not person.arrived and _is_person(track):
                person.arrived = True
                out.append(Arrived(track))
            if person.arrived:
                out += self._settle(track, person, now)
                out += self._open_or_close(track, person, now, alarms=alarms)
        return out

    def verdict(self, track_id: int) -> Verdict:
        """The verdict on a person now."""
        person = self._people.get(track_id)
        return Verdict.CANNOT_JUDGE if person is None else person.verdict

    def present(self) -> tuple[Verdict, ...]:
        """The verdict on everybody who has arrived and not left, seen in the last frame or not."""
        return tuple(person.verdict for person in self._people.values() if person.arrived)

    def score(self, track_id: int) -> float:
        """Pooled probability that this person wears a mask properly; 0.5 while nothing is known."""
        person = self._people.get(track_id)
        return 0.5 if person is None else sigmoid(person.evidence)

    def _settle(self, track: Track, person: _Person, now: float) -> list[Outcome]:
        rules = self._rules
        if person.looks < rules.min_looks or now - person.first_look < rules.min_time_s:
            return []
        if abs(person.evidence) < rules.evidence:
            return []
        verdict = Verdict.MASKED if person.evidence > 0 else Verdict.NOT_MASKED
        if verdict is person.verdict:
            return []
        person.verdict, person.last_agrees = verdict, True
        return [Settled(track, verdict, sigmoid(person.evidence))]

    def _open_or_close(self, track: Track, person: _Person, now: float, *, alarms: bool) -> list[Outcome]:
        if person.verdict is Verdict.NOT_MASKED and alarms and not person.violated:
            person.opened_at, person.violated = now, True
            return [Opened(track, sigmoid(person.evidence))]
        if person.verdict is Verdict.MASKED and person.opened_at is not None:
            return [self._close(track, person, now, complied=True)]
        return []

    def _close(self, track: Track, person: _Person, now: float, *, complied: bool) -> Closed:
        began = now if person.opened_at is None else person.opened_at
        person.opened_at = None
        return Closed(track, complied, max(0.0, now - began), person.announced)

    def _depart(self, track: Track, now: float) -> list[Outcome]:
        person = self._people.pop(track.id, None)
        if person is None or not person.arrived:
            return []
        out: list[Outcome] = []
        if person.opened_at is not None:
            out.append(self._close(track, person, min(track.last_seen, now), complied=False))
        out.append(Departed(track, person.verdict, person.violated))
        return out


def _is_person(track: Track) -> bool:
    return track.sightings >= _PERSON_SIGHTINGS and track.last_seen - track.first_seen >= _PERSON_S
