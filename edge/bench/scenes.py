"""Scripted scenes: who visits, how they move and what they wear. Pure and seeded."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from edge.bench.motion import HeadTurn, Stop, Visitor, Wear

_FAR_M = 5.5
"""Faces are 15 px wide there: too small for most detectors and for any judgement."""
_SIZES = (1, 1, 2, 2, 3, 4, 6, 8, 12)
"""Groups, drawn evenly; most people come with others."""
_FPS = (5.0, 5.0, 10.0, 10.0, 10.0, 10.0, 15.0, 15.0, 30.0)
_WEAR = {Wear.MASKED: 0.5, Wear.BARE: 0.4, Wear.WRONG: 0.1}


@dataclass(frozen=True, slots=True)
class ScriptedScene:
    """Some seconds at the door."""

    seed: int
    kind: str
    fps: float
    duration_s: float
    visitors: tuple[Visitor, ...]
    cuts_s: tuple[float, ...] = ()
    """The picture is cut at these moments: whoever is seen after one is somebody else."""


class _Script:
    """Draws the parts of which scenes are made."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def between(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def wear(self) -> Wear:
        kinds = list(_WEAR)
        return kinds[int(self.rng.choice(len(kinds), p=list(_WEAR.values())))]

    def visitor(self, number: int, path: tuple[Stop, ...], wear: tuple[tuple[float, Wear], ...]) -> Visitor:
        return Visitor(number, path, wear, below_camera_m=self.between(0.35, 0.65), phase=self.between(0, 1))

    def visit(self, number: int, begin_s: float = 0.0, slot: tuple[float, float] | None = None) -> Visitor:
        """Walks up at 0.9 to 1.5 m/s, stops for some seconds, walks out past the camera."""
        x, z = slot or (self.between(-0.45, 0.45), self.between(0.8, 1.4))
        arrive = begin_s + (_FAR_M - z) / self.between(0.9, 1.5)
        leave = arrive + self.between(1.0, 4.0)
        side = 1.0 if x + self.between(-0.3, 0.3) > 0 else -1.0
        out_z = max(0.7, z - 0.6)
        gone = leave + self.between(1.0, 1.6)
        path = (
            Stop(begin_s, x + self.between(-0.8, 0.8), _FAR_M),
            Stop(arrive, x, z),
            Stop(leave, x, z),
            Stop(gone, side * (0.62 * out_z + 0.15), out_z),
        )
        return self.visitor(number, path, ((begin_s, self.wear()),))


def _walk_up(script: _Script) -> list[Visitor]:
    """One person, who stops in front of the camera."""
    return [script.visit(0)]


def _walk_through(script: _Script) -> list[Visitor]:
    """Nobody stops: straight past the camera."""
    v = script.visit(0)
    first, near, _, last = v.path
    return [replace(v, path=(first, Stop(near.at_s + script.between(0.8, 1.3), last.x_m, last.z_m)))]


def _turned_heads(script: _Script) -> list[Visitor]:
    out = []
    for v in _group_of(script, 2):
        turns, at = [], v.path[0].at_s + script.between(0.5, 1.5)
        while at < v.path[-1].at_s:
            length = script.between(0.6, 2.0)
            turns.append(HeadTurn(at, at + length, script.between(0.8, 1.5) * script.rng.choice([-1.0, 1.0])))
            at += length + script.between(0.8, 2.0)
        out.append(replace(v, turns=tuple(turns)))
    return out


def _occluded(script: _Script) -> list[Visitor]:
    """A pillar or a passer-by hides everybody for up to a second, once on the way and once while standing."""
    out = []
    for v in _group_of(script, 2):
        walking = script.between(v.path[0].at_s + 0.4 * (v.path[1].at_s - v.path[0].at_s), v.path[1].at_s)
        standing = script.between(v.path[1].at_s + 0.7, v.path[2].at_s + 0.5)
        hidden = tuple((t, t + script.between(0.3, 1.0)) for t in (walking, standing))
        out.append(replace(v, hidden_s=hidden))
    return out


def _crossing(script: _Script) -> list[Visitor]:
    """Two walk up, each crossing the other's way, and change places once more in front of the camera."""
    out = []
    for number, side in enumerate((-1.0, 1.0)):
        z = script.between(1.3, 2.2)
        arrive = script.between(3.0, 4.0)
        swap = 4.0 + script.between(0.8, 1.6)
        there = swap + script.between(0.9, 1.5)
        leave = there + script.between(1.0, 2.0)
        path = (
            Stop(0.0, side * 0.9, 5.0),
            Stop(arrive, -side * 0.45, z),
            Stop(swap, -side * 0.45, z),
            Stop(there, side * 0.45, z + script.between(-0.2, 0.2)),
            Stop(leave, side * 0.45, z),
            Stop(leave + script.between(0.9, 1.4), side * (0.62 * z + 0.15), z - 0.3),
        )
        out.append(script.visitor(number, path, ((0.0, script.wear()),)))
    return out


def _group(script: _Script) -> list[Visitor]:
    return _group_of(script, int(script.rng.choice(_SIZES)))


def _group_of(script: _Script, size: int) -> list[Visitor]:
    """Rows of up to three, 0.7 m apart; the front comes first and leaves first."""
    out = []
    for number in range(size):
        row, column = divmod(number, 3)
        z = 1.1 + 0.7 * row + script.between(-0.1, 0.1)
        wide = min(3, size - 3 * row)
        x = (column - (wide - 1) / 2) * 0.5 * (0.85 + 0.15 * row) + script.between(-0.1, 0.1)
        out.append(script.visit(number, 0.6 * row + script.between(0, 0.5), (x, z)))
    return out


def _put_on(script: _Script) -> list[Visitor]:
    """The mask goes on while its wearer stands in view."""
    return [_changing(script, v, Wear.MASKED) for v in _group_of(script, int(script.rng.choice((1, 2))))]


def _taken_off(script: _Script) -> list[Visitor]:
    return [_changing(script, v, Wear.BARE) for v in _group_of(script, int(script.rng.choice((1, 2))))]


def _changing(script: _Script, v: Visitor, to: Wear) -> Visitor:
    first, arrive, leave, gone = v.path
    before = Wear.BARE if script.between(0, 1) < 0.7 else Wear.WRONG
    if to is Wear.BARE:
        before = Wear.MASKED
    stay = script.between(4.5, 6.0)
    path = (
        first,
        arrive,
        Stop(arrive.at_s + stay, leave.x_m, leave.z_m),
        replace(gone, at_s=gone.at_s + stay),
    )
    change = arrive.at_s + script.between(0.5, 2.0)
    return replace(v, path=path, wear=((first.at_s, before), (change, to)))


def _cut(script: _Script) -> list[Visitor]:
    """After a cut, others stand where some stood before."""
    before = _group_of(script, int(script.rng.choice((1, 2, 3))))
    return before + [
        replace(v, id=len(before) + v.id, wear=((0.0, script.wear()),), phase=script.between(0, 1), part=1)
        for v in before
    ]


_KINDS: dict[str, tuple[float, Callable[[_Script], list[Visitor]]]] = {
    "walk up": (0.18, _walk_up),
    "walk through": (0.10, _walk_through),
    "turned heads": (0.12, _turned_heads),
    "occluded": (0.12, _occluded),
    "crossing": (0.12, _crossing),
    "group": (0.18, _group),
    "put on": (0.08, _put_on),
    "taken off": (0.06, _taken_off),
    "cut": (0.04, _cut),
}
"""Share of the scenes and script of each kind."""
KINDS = tuple(_KINDS)


def make_scenes(seed: int, visits: int) -> Iterator[ScriptedScene]:
    """Scenes of all kinds and frame rates until there are enough visits.

    Args:
        seed: the same one gives the same scenes.
        visits: over all scenes there are at least this many.
    """
    rng = np.random.default_rng((seed, 0))
    shares = np.array([share for share, _ in _KINDS.values()])
    count = 0
    while count < visits:
        kind, fps = KINDS[int(rng.choice(len(KINDS), p=shares / shares.sum()))], float(rng.choice(_FPS))
        scene = make_scene(int(rng.integers(2**31)), kind, fps)
        yield scene
        count += len(scene.visitors)


def make_scene(seed: int, kind: str, fps: float) -> ScriptedScene:
    """One scene of a kind."""
    script = _Script(np.random.default_rng(seed))
    visitors = tuple(_KINDS[kind][1](script))
    cuts: tuple[float, ...] = ()
    if kind == "cut":
        ends = [v.path[2].at_s for v in visitors if v.part == 0]
        cuts = (script.between(min(ends) - 0.5, max(ends)),)
    return ScriptedScene(seed, kind, fps, max(v.path[-1].at_s for v in visitors) + 0.5, visitors, cuts)
