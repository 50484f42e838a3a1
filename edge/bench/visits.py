"""What the device should decide about each visit, and what it decided. Pure."""

import math
from dataclasses import dataclass, field

from edge.bench.motion import Visitor, Wear
from edge.bench.scenes import ScriptedScene
from edge.bench.sightings import Moment
from edge.events import ViolationClosed, ViolationOpened
from edge.people.pipeline import FrameResult

VIOLATING_S = 1.0
"""To count, a visit must be seen without a properly worn mask for this time, in looks that can be judged."""
COMPLIED_S = 2.0
"""To count as complied, a visit must be seen this long with the mask on: a settled person is looked at only
once a second."""
_RECENT_S = 1.5
"""A violation is rightly opened at most this long after a look without a properly worn mask."""


@dataclass(slots=True)
class JudgedVisit:
    """The truth of one visit and what the device decided; moments in s since the scene's start."""

    kind: str
    fps: float
    group: int
    """How many people visit together."""
    wears: tuple[Wear, ...]
    """What was worn, in order."""
    judgeable_s: dict[Wear, float] = field(default_factory=dict)
    """How long it could be judged in each."""
    improper_since: float | None = None
    """The first judgeable look without a properly worn mask."""
    last_improper: float = -math.inf
    """The last such look so far."""
    opened: list[float] = field(default_factory=list)
    false: int = 0
    """How many of them were opened although a mask was worn properly."""
    complied: list[float] = field(default_factory=list)
    tracks: list[int] = field(default_factory=list)
    """Numbers of its tracks, in order of appearance."""
    switched: int = 0
    """Times that another visit's track went over to this one."""

    @property
    def violating(self) -> bool:
        """Whether a violation must be opened."""
        return sum(s for wear, s in self.judgeable_s.items() if not wear.proper) >= VIOLATING_S

    @property
    def proper(self) -> bool:
        """Whether a mask was worn properly all the time, and could be seen."""
        return all(w.proper for w in self.wears) and bool(self.judgeable_s)

    @property
    def must_comply(self) -> bool:
        """Whether the mask went on after what must be a violation, for long enough to see it."""
        return self.violating and self.wears[-1].proper and self.judgeable_s.get(Wear.MASKED, 0) >= COMPLIED_S

    @property
    def found(self) -> bool:
        """Whether a violation was rightly opened."""
        return len(self.opened) > self.false

    @property
    def doubled(self) -> bool:
        """Whether more than one was opened."""
        return len(self.opened) > 1

    @property
    def delay_s(self) -> float | None:
        """From the first judgeable look without a properly worn mask to the violation."""
        since = self.improper_since
        return None if since is None else next((t - since for t in self.opened if t >= since), None)


class Ledger:
    """Follows one scene and keeps the books of its visits."""

    def __init__(self, scene: ScriptedScene) -> None:
        self._look_s = 1 / scene.fps
        self.visits = {v.id: _visit(v, scene) for v in scene.visitors}
        """By the visitor's id."""
        self.of_nobody = 0
        """Violations opened for a false face."""
        self.unclosed: set[str] = set()
        """Ids of violations that were opened and not closed."""
        self._owners: dict[int, int | None] = {}
        self._violations: dict[str, JudgedVisit | None] = {}

    def add(self, moment: Moment, result: FrameResult) -> None:
        """Take in a frame's truth and the device's result."""
        visitors = {s.face.box: s.visitor for s in moment.sightings}
        for sight in result.sights:
            visitor = visitors[sight.track.face.box]
            self._follow(sight.track.id, None if visitor is None else visitor.id)
            if visitor is not None and sight.look.flaw is None:
                self._could_judge(self.visits[visitor.id], visitor.wears(moment.at_s), moment.at_s)
        self.record(result, moment.at_s)

    def record(self, result: FrameResult, at_s: float) -> None:
        """Take in what the device published; also called after the last frame."""
        for event in result.events:
            if isinstance(event.data, ViolationOpened):
                self._open(event.data, at_s)
            elif isinstance(event.data, ViolationClosed):
                self.unclosed.remove(event.data.violation)
                visit = self._violations[event.data.violation]
                if visit is not None and event.data.reason == "complied":
                    visit.complied.append(at_s)

    def _follow(self, track: int, owner: int | None) -> None:
        before = self._owners.get(track)
        self._owners[track] = owner
        if owner is None:
            return
        visit = self.visits[owner]
        visit.switched += before is not None and before != owner
        if track not in visit.tracks:
            visit.tracks.append(track)

    def _could_judge(self, visit: JudgedVisit, wear: Wear, at_s: float) -> None:
        visit.judgeable_s[wear] = visit.judgeable_s.get(wear, 0.0) + self._look_s
        if not wear.proper:
            visit.last_improper = at_s
            if visit.improper_since is None:
                visit.improper_since = at_s

    def _open(self, data: ViolationOpened, at_s: float) -> None:
        owner = self._owners[data.track]
        visit = self._violations[data.violation] = None if owner is None else self.visits[owner]
        self.unclosed.add(data.violation)
        if visit is None:
            self.of_nobody += 1
        else:
            visit.opened.append(at_s)
            visit.false += at_s - visit.last_improper > _RECENT_S


def _visit(visitor: Visitor, scene: ScriptedScene) -> JudgedVisit:
    together = sum(v.part == visitor.part for v in scene.visitors)
    return JudgedVisit(scene.kind, scene.fps, together, tuple(wear for _, wear in visitor.wear))
