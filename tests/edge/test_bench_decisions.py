"""The proof itself is proved: seeds, the books of truth on tiny scenes, figures, and which faces are used."""

import csv
import hashlib
import json
import math
from dataclasses import replace
from datetime import datetime, timezone
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.bench.cast import CONTEXT, Cast, FaceSprite, patterns, real_faces
from edge.bench.decisions import _misjudged, play, rescaled, run, table
from edge.bench.figures import expectations, figures, rate
from edge.bench.modelled import ScoreModel
from edge.bench.motion import FacePose, HeadTurn, Stop, Visitor, Wear, hidden_share
from edge.bench.painter import Painter
from edge.bench.scenes import KINDS, ScriptedScene, make_scene, make_scenes
from edge.bench.sightings import Moment, SimulatedDetection, watch
from edge.bench.visits import JudgedVisit, Ledger
from edge.config import Config
from edge.errors import UsageError
from edge.events import ViolationOpened, new_event
from edge.people.compose import LoadedModels, load_models, make_pipeline
from edge.people.evidence import certainty_of
from edge.people.pipeline import FrameResult, Sight
from edge.values import Box, Face, Image, Look, MaskScore, Track, Verdict

MASKED, BARE, WRONG = Wear.MASKED, Wear.BARE, Wear.WRONG
NEAR = (Stop(0, 0, 1.2), Stop(8, 0, 1.2))
OPENED = datetime(2026, 6, 1, tzinfo=timezone.utc)


class Oracle:
    """A classifier that says of each visitor what it is told to: by default the truth."""

    def __init__(self, lie: Wear | None = None) -> None:
        self.lie = lie
        self.wears: dict[Box, Wear | None] = {}

    def expect(self, moment: Moment) -> None:
        self.wears = {
            s.face.box: s.visitor.wears(moment.at_s) if s.visitor else None for s in moment.sightings
        }

    def score(self, image: Image, box: Box | None, *, mirrored: bool) -> MaskScore:
        assert box is not None
        wear = self.lie or self.wears[box] or MASKED
        return MaskScore(0.99, 4.0) if wear.proper else MaskScore(0.01, -4.0)


@pytest.fixture(scope="module")
def models() -> LoadedModels:
    return load_models(Config())


def at_door(*visitors: Visitor, duration_s: float = 8.0, cuts_s: tuple[float, ...] = ()) -> ScriptedScene:
    return ScriptedScene(3, "walk up", 10.0, duration_s, visitors, cuts_s)


def watched(scene: ScriptedScene, models: LoadedModels, oracle: Oracle | None = None) -> Ledger:
    (roles,) = patterns(1).deal([scene])
    painter = Painter(roles, scene.seed)
    return play(scene, make_pipeline(Config(), models), painter, oracle or Oracle())


@pytest.mark.slow
def test_a_perfect_classifier_makes_no_mistake_at_a_quiet_door(models: LoadedModels) -> None:
    masked = Visitor(0, (Stop(0, -0.4, 1.3), Stop(8, -0.4, 1.3)), ((0, MASKED),))
    bare = Visitor(1, (Stop(0, 0.0, 1.3), Stop(8, 0.0, 1.3)), ((0, BARE),))
    puts_on = Visitor(2, (Stop(0, 0.4, 1.3), Stop(8, 0.4, 1.3)), ((0, WRONG), (3.0, MASKED)))
    ledger = watched(at_door(masked, bare, puts_on), models)
    assert [len(v.opened) for v in ledger.visits.values()] == [0, 1, 1]
    assert [len(v.tracks) for v in ledger.visits.values()] == [1, 1, 1]
    assert not ledger.unclosed
    got = figures(list(ledger.visits.values()))
    assert (got["found"]["count"], got["found"]["of"]) == (2, 2)
    assert (got["false"]["count"], got["false"]["of"]) == (0, 1)
    assert (got["complied"]["count"], got["complied"]["of"]) == (1, 1)
    assert got["doubled"]["count"] == got["identity_switches"] == got["complied_wrongly"]["count"] == 0
    assert 0.3 <= got["decided_after_s"]["median"] <= 1.0


@pytest.mark.slow
def test_somebody_hidden_for_longer_than_anybody_is_remembered_counts_as_doubled(
    models: LoadedModels,
) -> None:
    path = (Stop(0, 0, 1.2), Stop(12, 0, 1.2))
    visitor = Visitor(0, path, ((0, BARE),), hidden_s=((3.0, 9.0),))
    (visit,) = watched(at_door(visitor, duration_s=12.0), models).visits.values()
    assert visit.doubled
    assert len(visit.tracks) == 2
    assert visit.false == 0
    assert figures([visit])["doubled"]["share"] == 1.0


@pytest.mark.slow
def test_a_classifier_that_sees_no_mask_makes_a_false_violation(models: LoadedModels) -> None:
    (visit,) = watched(at_door(Visitor(0, NEAR, ((0, MASKED),))), models, Oracle(lie=BARE)).visits.values()
    assert visit.proper
    assert (visit.false, len(visit.opened)) == (1, 1)
    assert figures([visit])["false"]["share"] == 1.0


@pytest.mark.slow
def test_a_classifier_that_sees_masks_only_misses(models: LoadedModels) -> None:
    (visit,) = watched(at_door(Visitor(0, NEAR, ((0, WRONG),))), models, Oracle(lie=MASKED)).visits.values()
    assert visit.violating
    assert not visit.found
    assert figures([visit])["missed_by_wear"]["worn wrongly"]["share"] == 1.0
    assert figures([visit])["missed_by_wear"]["bare"]["of"] == 0


@pytest.mark.slow
def test_who_shows_no_judgeable_look_without_a_mask_need_not_be_found(models: LoadedModels) -> None:
    far = (Stop(0, 0, 5.5), Stop(8, 0, 5.4))
    turned = (HeadTurn(0.0, 16.0, math.pi / 2),)
    scene = at_door(Visitor(0, far, ((0, BARE),)), Visitor(1, NEAR, ((0, BARE), (0.6, MASKED))))
    never, brief = watched(scene, models).visits.values()
    assert not never.violating
    assert not never.proper
    assert not brief.violating
    (away,) = watched(at_door(Visitor(0, NEAR, ((0, BARE),), turns=turned)), models).visits.values()
    assert away.judgeable_s.get(BARE, 0) < 4.0


def test_people_before_and_after_a_cut_are_different_visits(models: LoadedModels) -> None:
    before = Visitor(0, NEAR, ((0, BARE),))
    after = replace(before, id=1, wear=((0, MASKED),), part=1)
    ledger = watched(at_door(before, after, cuts_s=(4.0,)), models)
    assert [len(v.opened) for v in ledger.visits.values()] == [1, 0]
    assert all(v.switched == 0 and v.group == 1 for v in ledger.visits.values())
    assert all(
        (m.at_s >= 4.0) == any(p.visitor.part == 1 for p in m.present)
        for m in watch(at_door(before, after, cuts_s=(4.0,)))
    )


def test_the_ledger_follows_tracks_that_go_over_to_others_and_to_nobody() -> None:
    a, b = Visitor(0, NEAR, ((0, MASKED),)), Visitor(1, NEAR, ((0, BARE),))
    puts_on = Visitor(2, NEAR, ((0, BARE), (1.8, MASKED)))
    ledger = Ledger(at_door(a, b, puts_on))

    def look(at_s: float, visitor: Visitor | None, *data: ViolationOpened) -> None:
        face = Face(Box(at_s, 0, at_s + 50, 60), 0.9)
        sight = Sight(Track(7, face, 0.0, at_s, 5), Look(face, 1.0, None), Verdict.CANNOT_JUDGE, 0.5)
        moment = Moment(at_s, 0, (), (SimulatedDetection(face, visitor),))
        ledger.add(moment, FrameResult((sight,), (), (), tuple(new_event(d, OPENED) for d in data)))

    def opened(number: str) -> ViolationOpened:
        return ViolationOpened(
            violation=number, zone="z", track=7, score=0.1, face_width_px=50, seen_for_s=1, model="m"
        )

    look(0.0, b)
    look(0.1, a, opened("on a masked one"))
    look(0.2, None, opened("on nobody"))
    look(0.3, b, opened("on a bare one"))
    look(1.7, puts_on)
    look(3.1, puts_on, opened("just after"))
    look(3.3, puts_on, opened("long after"))
    masked, bare = ledger.visits[0], ledger.visits[1]
    assert (masked.switched, masked.false, masked.opened) == (1, 1, [0.1])
    assert (bare.switched, bare.false, bare.opened, bare.delay_s) == (0, 0, [0.3], 0.3)
    assert ledger.of_nobody == 1
    assert (ledger.visits[2].opened, ledger.visits[2].false) == ([3.1, 3.3], 1)
    assert ledger.unclosed == {"on a masked one", "on nobody", "on a bare one", "just after", "long after"}


@pytest.mark.slow
@pytest.mark.parametrize("least", [0.5, 0.6, 0.77])
def test_scripted_faces_are_as_sure_whatever_the_detectors_least_score(least: float) -> None:
    for score in (0.6, 0.7, 0.92):
        face = rescaled(Face(Box(0, 0, 50, 60), score), least)
        assert certainty_of(face.score, least) == pytest.approx(certainty_of(score, 0.6))


@pytest.mark.slow
def test_the_same_seed_tells_the_same_and_another_one_does_not() -> None:
    first, again, other = run(None, 7, 10), run(None, 7, 10), run(None, 8, 10)
    assert json.dumps(first) == json.dumps(again)
    assert first["all"] != other["all"]
    assert first["violations_never_closed"] == 0
    assert sum(f["visits"] for f in first["by_kind"].values()) == first["all"]["visits"] >= 10


@pytest.mark.slow
def test_a_report_has_its_keys_and_reads_as_a_table() -> None:
    report = run(None, 9, 6)
    assert {
        "seed", "model", "faces", "decision", "expected", "all", "by_fps", "by_group", "by_kind",
        "violations_of_nobody", "misjudged_faces",
    } <= report.keys()  # fmt: skip
    assert {"found", "missed", "false", "doubled", "complied", "decided_after_s"} <= report["all"].keys()
    assert report["all"]["missed"].keys() == {"count", "of", "share", "low", "high"}
    text = table(report)
    assert ["all", str(report["all"]["visits"])] in [line.split()[:2] for line in text.splitlines()]
    assert all(name in text for name in report["expected"])


def test_the_faces_behind_mistakes_are_named_and_no_others() -> None:
    portraits = {
        w: [FaceSprite(f"{w.value} {n}", np.zeros((9, 9, 3), np.uint8)) for n in range(3)] for w in Wear
    }
    scenes = [at_door(*(Visitor(n, NEAR, ((0, w),)) for n, w in enumerate((MASKED, MASKED, BARE, BARE))))]
    roles, ledger = Cast(portraits, {}).deal(scenes), Ledger(scenes[0])
    fine, false, missed, found = ledger.visits.values()
    fine.judgeable_s[MASKED] = false.judgeable_s[MASKED] = 2.0
    missed.judgeable_s[BARE] = found.judgeable_s[BARE] = 2.0
    false.opened, false.false, found.opened = [1.0], 1, [1.0]
    assert _misjudged(roles, [ledger]) == {"false": ["masked 1"], "missed": ["bare 0"]}


def test_wilson_intervals() -> None:
    assert rate([False] * 100) == {"count": 0, "of": 100, "share": 0.0, "low": 0.0, "high": 0.037}
    half = rate([True] * 5 + [False] * 95)
    assert (half["share"], half["low"], half["high"]) == (0.05, 0.0215, 0.1118)
    assert rate([])["share"] is None


def test_an_expectation_without_a_measurement_is_not_met() -> None:
    assert not any(e["met"] for e in expectations([]).values())
    found = JudgedVisit("walk up", 10.0, 1, (BARE,), {BARE: 2.0}, improper_since=1.0, opened=[1.5])
    masked = JudgedVisit("walk up", 10.0, 1, (MASKED,), {MASKED: 2.0})
    assert all(e["met"] for e in expectations([found, masked]).values())
    late = replace(found, opened=[1.9])
    assert not expectations([late, masked])["median s to decide"]["met"]
    twice = replace(found, opened=[1.5, 3.0])
    assert not expectations([twice, masked])["doubled at 10 fps"]["met"]
    assert expectations([replace(twice, fps=5.0), found, masked])["doubled at 10 fps"]["met"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_scene_shows_its_people(kind: str) -> None:
    for seed in range(3):
        scene = make_scene(seed, kind, 10.0)
        moments = list(watch(scene))
        assert [m.at_s for m in moments] == sorted(m.at_s for m in moments)
        assert all(b.at_s - a.at_s < 0.12 for a, b in pairwise(moments))
        seen = {s.visitor.id for m in moments for s in m.sightings if s.visitor}
        cut_off = {v.id for v in scene.visitors if scene.cuts_s}
        assert seen | cut_off == {v.id for v in scene.visitors}
        assert watch(scene).__next__() == moments[0]
        assert all(0 <= v <= 640 for m in moments for s in m.sightings for v in s.face.box.corners)


def test_scenes_reach_the_wanted_number_of_visits_in_all_sizes_and_rates() -> None:
    scenes = list(make_scenes(1, 600))
    assert 600 <= sum(len(s.visitors) for s in scenes) < 612
    assert {s.kind for s in scenes} == set(KINDS)
    assert {s.fps for s in scenes} == {5.0, 10.0, 15.0, 30.0}
    assert {len(s.visitors) for s in scenes if s.kind == "group"} >= {1, 2, 3, 4, 6, 8, 12}


def test_faces_grow_as_people_come_nearer_and_hide_those_behind() -> None:
    v = Visitor(0, (Stop(0, 0, 5.5), Stop(4, 0, 0.9)), ((0, BARE), (2, MASKED)))
    widths = [p.box.width for t in range(5) if (p := v.pose(float(t)))]
    assert widths == sorted(widths)
    assert widths[0] == pytest.approx(15.0)
    assert widths[-1] == pytest.approx(91.7, abs=0.1)
    assert (v.wears(-1), v.wears(1.9), v.wears(2.0)) == (BARE, BARE, MASKED)
    assert v.pose(4.1) is None
    far, near = FacePose(Box(100, 100, 130, 137), 3.0, 0.0), FacePose(Box(90, 90, 150, 165), 1.5, 0.0)
    assert hidden_share(far, near) == 1.0
    assert hidden_share(near, far) == 0.0


def test_turned_heads_are_found_less_often_and_their_landmarks_turn() -> None:
    path = (Stop(0, 0, 1.2), Stop(30, 0, 1.2))
    half_time = tuple(HeadTurn(float(t), t + 1.0, 1.5) for t in range(0, 30, 2))
    moments = list(watch(at_door(Visitor(0, path, ((0, BARE),), turns=half_time), duration_s=30.0)))
    found = [(m.at_s % 2 < 1, s.face) for m in moments for s in m.sightings if s.visitor]
    turned = [f for away, f in found if away]
    assert len(turned) < 0.8 * len(found) / 2
    assert max(abs(f.landmarks[2][0] - f.box.center[0]) / f.box.width for f in turned) > 0.15


def test_the_next_visitor_is_painted_with_the_next_face_where_it_stands() -> None:
    first, second = np.full((60, 60, 3), 40, np.uint8), np.full((60, 60, 3), 200, np.uint8)
    cast = Cast({MASKED: [FaceSprite("dark", first), FaceSprite("bright", second)]}, {})
    scene = at_door(Visitor(0, NEAR, ((0, MASKED),)), duration_s=1.0)
    dealt = cast.deal([scene, scene, scene])
    assert [roles[0, MASKED].name for roles in dealt] == ["dark", "bright", "dark"]
    moment = next(watch(scene))
    x1, y1, x2, y2 = (round(v) for v in moment.present[0].pose.box.corners)
    dark, bright = (Painter(roles, 1).paint(moment)[y1:y2, x1:x2].mean() for roles in dealt[:2])
    assert dark < 60
    assert bright > 120


def test_modelled_scores_belong_to_persons() -> None:
    model, visitors = ScoreModel(1), [Visitor(n, NEAR, ((0, MASKED),)) for n in range(300)]
    boxes = [Box(float(n), 0, n + 50.0, 60) for n in range(300)]
    model.expect(
        Moment(
            0, 0, (), tuple(SimulatedDetection(Face(b, 0.9), v) for b, v in zip(boxes, visitors, strict=True))
        )
    )
    picture = np.zeros((4, 4, 3), dtype=np.uint8)
    looks = np.array([[model.score(picture, b, mirrored=False).logit for b in boxes] for _ in range(20)])
    wrong = float((looks.mean(axis=0) < 0).mean())
    assert 0.002 < wrong < 0.06
    assert looks.std(axis=0).mean() < 0.6
    assert looks.mean(axis=0).std() > 0.8


def write_faces(folder: Path, count: int = 2, size: int = 64) -> list[Path]:
    out = []
    for n, label in enumerate(("masked", "not_masked", "incorrect")):
        (folder / label).mkdir(parents=True)
        for k in range(count):
            path = folder / label / f"src__{label}-{k}.png"
            cv2.imwrite(str(path), np.full((size, size, 3), (10 * k, 0, 80 * n), dtype=np.uint8))
            out.append(path)
    return out


def write_manifest(path: Path, faces: list[Path], test: set[int]) -> str:
    rows = [
        {"path": f"/elsewhere/{p.parent.name}/{p.name}", "label": p.parent.name, "sha256": f"{n:064x}",
         "split": "test" if n in test else "train", "box": "" if n else "16 16 64 64", "weight": "1.5000"}
        for n, p in enumerate(faces)
    ]  # fmt: skip
    with path.open("w", newline="", encoding="utf-8") as f:
        writer = csv.DictWriter(f, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    lines = [f"{r['sha256']} {r['label']} {r['split']} 1.5000\n" for r in rows]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def test_only_the_test_split_of_a_manifest_is_used_and_whose_it_is_is_said(tmp_path: Path) -> None:
    faces = write_faces(tmp_path / "faces")
    sha = write_manifest(tmp_path / "manifest.csv", faces, {0, 2, 4})
    cast = real_faces(tmp_path / "faces", tmp_path / "manifest.csv", sha, 1)
    assert {w: [p.name for p in some] for w, some in cast.portraits.items()} == {
        MASKED: ["src__masked-0.png"], BARE: ["src__not_masked-0.png"], WRONG: ["src__incorrect-0.png"],
    }  # fmt: skip
    assert cast.portraits[MASKED][0].image.shape == (round(48 * (1 + 2 * CONTEXT)), 72, 3)
    assert cast.portraits[WRONG][0].image[0, 0].tolist() == [160, 0, 0]
    assert "model's own" in str(cast.about["used"])
    other = real_faces(tmp_path / "faces", tmp_path / "manifest.csv", "of another model", 1)
    assert "may have seen" in str(other.about["used"])


def test_without_a_manifest_all_faces_are_used_and_the_report_says_that_it_flatters(tmp_path: Path) -> None:
    write_faces(tmp_path)
    (tmp_path / "masked" / "notes.txt").write_text("no picture")
    (tmp_path / "masked" / "broken.png").write_bytes(b"no picture either")
    cv2.imwrite(str(tmp_path / "incorrect" / "maskon__1.png"), np.zeros((64, 64, 3), dtype=np.uint8))
    cast = real_faces(tmp_path, None, None, 1)
    assert cast.about["faces"] == {"masked": 2, "bare": 2, "worn wrongly": 2}
    assert "flatters" in str(cast.about["used"])


@pytest.mark.slow
def test_real_faces_run_through_the_real_classifier(tmp_path: Path) -> None:
    write_faces(tmp_path)
    report = run(tmp_path, 3, 2)
    assert report["faces"]["kind"] == "real"
    assert report["all"]["visits"] >= 2


def test_faces_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="masked or not_masked or incorrect"):
        real_faces(tmp_path, None, None, 1)
    write_faces(tmp_path / "small", size=30)
    with pytest.raises(UsageError, match="at least 40 px"):
        real_faces(tmp_path / "small", None, None, 1)
    with pytest.raises(UsageError, match="mask-convert prepare"):
        real_faces(tmp_path, tmp_path / "manifest.csv", None, 1)
    (tmp_path / "manifest.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UsageError, match="run it again"):
        real_faces(tmp_path, tmp_path / "manifest.csv", None, 1)
