"""Frames in, events out, with scripted models in place of the models."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest

from edge.config import parse_config
from edge.events import Place, ViolationClosed, ViolationOpened, cloud_event, leaf_of
from edge.people.crowding import CrowdingMonitor
from edge.people.cuts import CutDetector
from edge.people.evidence import Rules
from edge.people.hours import OpeningHours
from edge.people.outcomes import TamperChange
from edge.people.pipeline import FrameResult, Pipeline
from edge.people.policy import Policy
from edge.people.protocols import Cut
from edge.people.tracks import Tracker
from edge.people.violations import Violations
from edge.people.zones import LineCounter, Zones
from edge.sim.models import ScriptedClassifier, ScriptedDetector
from edge.values import Box, Face, Frame, Image, Look, Verdict

START = datetime(2026, 6, 1, tzinfo=timezone.utc)
BARE, MASKED = Face(Box(100, 100, 160, 170), 0.9), Face(Box(400, 100, 460, 170), 0.9)
GREY: Image = np.full((480, 640, 3), 120, dtype=np.uint8)


class NoCuts:
    def update(self, image: Image) -> Cut:
        return Cut.NONE


def assess(image: Image, face: Face, min_width_px: float | None) -> Look:
    return Look(face, 1.0, "too small" if face.box.width < (min_width_px or 0) else None)


class NoTampering:
    reason = None

    def update(
        self, image: Image, now_s: float, *, face_seen: bool, people: Sequence[Box]
    ) -> TamperChange | None:
        return None


def make(frames: list[list[Face]], **sections: Any) -> Pipeline:
    config = parse_config({"site": {"zone": "lobby"}, **sections}, "test")
    return Pipeline(
        detector=ScriptedDetector(frames),
        classifier=ScriptedClassifier({BARE.box: 0.02, MASKED.box: 0.98}),
        assess=lambda _, face, min_width: Look(
            face, 1.0, "small" if face.box.width < (min_width or 0) else None
        ),
        cuts=NoCuts(),
        tampering=NoTampering(),
        tracker=Tracker(1.0),
        policy=Policy(Rules(min_looks=3, min_time_s=0.4, evidence=3.0, recheck_s=1.0), 0.0),
        zones=Zones(config.zones, config.site.zone),
        lines=LineCounter(config.lines),
        hours=OpeningHours.parse(config.hours.open, config.hours.timezone),
        crowding=CrowdingMonitor(config.crowding),
        violations=Violations("mask-1"),
    )


def run(pipeline: Pipeline, frames: int, fps: float = 10) -> list[FrameResult]:
    out = []
    for n in range(frames):
        at = n / fps
        out.append(pipeline.process(Frame(GREY, n, at, START + timedelta(seconds=at))))
    out.append(pipeline.finish(frames / fps, START + timedelta(seconds=frames / fps)))
    return out


def test_two_people_one_violation() -> None:
    pipeline = make([[BARE, MASKED]] * 20)
    results = run(pipeline, 20)
    events = [e for r in results for e in r.events]
    assert [e.type for e in events] == ["violation.opened", "violation.closed"]
    opened, closed = (e.data for e in events)
    assert isinstance(opened, ViolationOpened)
    assert isinstance(closed, ViolationClosed)
    assert (opened.zone, opened.model, opened.track) == ("lobby", "mask-1", 1)
    assert closed.violation == opened.violation
    assert closed.reason == "left"
    assert [s.verdict for s in results[10].sights] == [Verdict.NOT_MASKED, Verdict.MASKED]
    total = pipeline.total.summary(2.0)
    assert (total.people, total.masked, total.not_masked, total.violations) == (2, 1, 1, 1)


def test_every_other_look_at_a_person_is_at_the_mirror_image() -> None:
    pipeline = make([[BARE, MASKED]] * 6)
    run(pipeline, 6)
    assert isinstance(pipeline.classifier, ScriptedClassifier)
    for face in (BARE, MASKED):
        assert pipeline.classifier.mirrored[face.box][:4] == [False, True, False, True]


def test_a_violation_has_the_name_of_its_zone_and_faces_outside_all_zones_do_not_count() -> None:
    left = {"name": "left", "polygon": [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]}
    pipeline = make([[BARE, MASKED]] * 20, zones=[left])
    events = [e.data for r in run(pipeline, 20) for e in r.events]
    assert [getattr(data, "zone", None) for data in events] == ["left", "left"]
    assert pipeline.total.summary(2.0).people == 1


def test_a_zone_has_a_minimum_width_of_its_own() -> None:
    everywhere = [[0, 0], [1, 0], [1, 1], [0, 1]]
    for minimum, violations in ((59, 1), (61, 0)):
        pipeline = make(
            [[BARE]] * 20, zones=[{"name": "a", "polygon": everywhere, "min_face_width_px": minimum}]
        )
        run(pipeline, 20)
        assert pipeline.total.summary(2.0).violations == violations


def test_outside_the_opening_hours_people_are_counted_and_nobody_is_accused() -> None:
    pipeline = make([[BARE]] * 20, hours={"open": ["mon-sun 12:00-13:00"]})
    assert [e for r in run(pipeline, 20) for e in r.events] == []
    assert pipeline.total.summary(2.0).not_masked == 1


def test_those_who_walk_over_a_line_are_counted() -> None:
    path = [[Face(Box(280, 20 + 20 * n, 340, 90 + 20 * n), 0.9)] for n in range(18)]
    pipeline = make(path, lines=[{"name": "door", "start": [1, 0.5], "end": [0, 0.5]}])
    pipeline.classifier = ScriptedClassifier({faces[0].box: 0.98 for faces in path})
    run(pipeline, 18)
    total = pipeline.total.summary(2.0)
    assert sorted([total.entered, total.left]) == [0, 1]


def test_too_many_people_for_long_are_an_event_and_so_is_their_end() -> None:
    frames = [[BARE, MASKED]] * 20 + [[BARE]] * 20
    events: list[Any] = [
        e.data
        for r in run(make(frames, crowding={"max_people": 1, "persist_s": 0.5}), 40)
        for e in r.events
        if e.type == "crowding"
    ]
    assert [(e.state, e.people) for e in events] == [("opened", 2), ("closed", 2)]


def test_an_announcement_that_was_heard_is_told_with_the_end_and_in_the_summary() -> None:
    pipeline = make([[BARE]] * 20)
    for n in range(20):
        result = pipeline.process(Frame(GREY, n, n / 10, START))
        for event in result.events:
            assert isinstance(event.data, ViolationOpened)
            pipeline.announced(event.data.violation)
    closed: Any
    (closed,) = (e.data for e in pipeline.finish(2.0, START).events)
    assert closed.announced is True
    total = pipeline.total.summary(2.0)
    assert (total.announced, total.complied_after_announcement, total.compliance_rate) == (1, 0, 0.0)


def test_a_camera_that_is_tampered_with_is_an_event_in_words_and_numbers() -> None:
    change = TamperChange(True, "covered", "The camera sees nothing.", 10.0)

    class Covered(NoTampering):
        def update(
            self, image: Image, now_s: float, *, face_seen: bool, people: Sequence[Box]
        ) -> TamperChange | None:
            return {0.5: change, 1.5: replace(change, opened=False)}.get(now_s)

    pipeline = make([[]] * 20)
    pipeline.tampering = Covered()
    events: list[Any] = [e for r in run(pipeline, 20) for e in r.events]
    assert [e.type for e in events] == ["camera.tampered"] * 2
    assert [e.data.state for e in events] == ["opened", "closed"]
    assert events[0].data.reason == "covered"


def test_only_a_face_that_can_be_judged_proves_that_the_lens_is_free() -> None:
    class Noting(NoTampering):
        def __init__(self) -> None:
            self.seen: list[bool] = []

        def update(self, image: Image, now_s: float, *, face_seen: bool, people: Sequence[Box]) -> None:
            self.seen.append(face_seen)

    small = Face(Box(10, 10, 30, 35), 0.9)
    everywhere = [{"name": "a", "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]], "min_face_width_px": 50}]
    pipeline = make([[], [small], [BARE], [small, BARE]], zones=everywhere)
    pipeline.classifier = ScriptedClassifier({BARE.box: 0.02, small.box: 0.02})
    pipeline.tampering = noting = Noting()
    run(pipeline, 4)
    assert noting.seen == [False, False, True, True]


def test_a_source_that_ends_in_mid_violation_still_closes_it() -> None:
    events = [e for r in run(make([[BARE]] * 8), 8) for e in r.events]
    assert [e.type for e in events] == ["violation.opened", "violation.closed"]


def test_an_event_on_the_wire_is_a_cloud_event_of_its_device() -> None:
    event = next(e for r in run(make([[BARE]] * 20), 20) for e in r.events)
    place = Place("hq", "door-1")
    wire = cloud_event(event, place, sequence=7, recorded=START)
    assert wire["specversion"] == "1.0"
    assert wire["source"] == "/maskgate/hq/door-1"
    assert wire["sequence"] == "000000000007"
    assert wire["time"] == "2026-06-01T00:00:00.400Z"
    assert isinstance(wire["data"], dict)
    assert wire["data"]["site"] == "hq"
    assert place.topic(leaf_of(event.type)) == "maskgate/v1/hq/door-1/event"
    again = cloud_event(event, place, sequence=7, recorded=START)
    assert again == wire


def noise(seed: int, brightness: int = 0) -> Image:
    scene = np.random.default_rng(seed).integers(40, 200, (24, 32, 3), dtype=np.uint8)
    return np.clip(scene.astype(int) + brightness, 0, 255).astype(np.uint8)


def test_another_scene_is_a_cut_and_another_exposure_is_none() -> None:
    cuts = CutDetector()
    assert not cuts.update(noise(1))
    assert not cuts.update(noise(1))
    assert not cuts.update(noise(1, brightness=50))
    assert cuts.update(noise(2))


def test_a_cut_to_a_scene_as_bright_is_one_and_another_white_balance_is_none() -> None:
    red, green = (np.stack([noise(n)[..., 0] for n in order], axis=2) for order in ((1, 2, 3), (2, 1, 3)))
    cuts = CutDetector()
    assert not cuts.update(red)
    assert not cuts.update(np.clip(red + np.array([30, 0, -30]), 0, 255).astype(np.uint8))
    assert cuts.update(green)


def test_a_light_that_is_switched_on_and_people_who_pass_close_are_no_cuts() -> None:
    cuts, room = CutDetector(), noise(1)
    assert [cuts.update(room) for _ in range(3)] == [Cut.NONE] * 3
    lit = np.clip(room.astype(int) * 3 // 2 + 30, 0, 255).astype(np.uint8)
    assert cuts.update(lit) is Cut.NONE
    for n in range(24):  # somebody's coat goes over the whole picture, a bit more in each frame
        passing = room.copy()
        passing[:, : 4 * (n + 1)] = noise(3)[:, : 4 * (n + 1)]
        assert cuts.update(passing) is Cut.NONE


def test_what_comes_in_over_several_frames_is_no_cut_however_much_it_changes() -> None:
    cuts, room = CutDetector(), noise(1)
    assert [cuts.update(room) for _ in range(4)] == [Cut.NONE] * 4
    for n, covered in enumerate((12, 22, 32, 32)):  # a coat that comes near shows other folds in each frame
        passing = room.copy()
        passing[:, :covered] = noise(10 + n)[:, :covered]
        assert cuts.update(passing) is Cut.NONE


def test_a_cut_that_changes_less_is_confirmed_by_faces_that_are_not_where_they_should_be() -> None:
    class Likely(NoCuts):
        def __init__(self) -> None:
            self.frames = 0

        def update(self, image: Image) -> Cut:
            self.frames += 1
            return Cut.LIKELY if self.frames == 10 else Cut.NONE

    moved = Face(Box(140, 110, 200, 180), 0.9)
    for after, ids in ((BARE, {1}), (moved, {1, 2})):
        pipeline = make([[BARE]] * 9 + [[after]] * 9)
        pipeline.classifier = ScriptedClassifier({BARE.box: 0.02, moved.box: 0.02})
        pipeline.cuts = Likely()
        assert {s.track.id for r in run(pipeline, 18) for s in r.sights} == ids


def test_an_open_violation_does_not_move_to_somebody_who_appears_elsewhere() -> None:
    masked = Face(Box(190, 100, 250, 170), 0.9)
    pipeline = make([[BARE]] * 10 + [[]] * 7 + [[masked]] * 12)
    pipeline.classifier = ScriptedClassifier({BARE.box: 0.02, masked.box: 0.98})
    results = run(pipeline, 29)
    data = [e.data for r in results for e in r.events]
    assert [type(d) for d in data] == [ViolationOpened, ViolationClosed]
    closed = data[1]
    assert isinstance(closed, ViolationClosed)
    assert (closed.reason, closed.track) == ("left", 1)
    assert [s.track.id for s in results[28].sights] == [2]
    total = pipeline.total.summary(3.0)
    assert (total.people, total.masked, total.not_masked, total.complied) == (2, 1, 1, 0)


def test_a_chin_is_nobody_and_a_poster_has_one_violation() -> None:
    chin = Face(Box(115, 150, 145, 180), 0.7)
    frames = [[BARE, chin] if n % 100 < 70 else [] for n in range(500)]
    pipeline = make(frames)
    results = run(pipeline, 500)
    opened = [e for r in results for e in r.events if isinstance(e.data, ViolationOpened)]
    assert len(opened) == 1
    assert pipeline.total.violations == 1
    assert not any(r.sights for r in results[450:])


@pytest.mark.slow
def test_a_pipeline_needs_neither_models_nor_camera() -> None:
    code = (
        "import sys, importlib.abc\n"
        "class Bar(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, *_):\n"
        "        if name.split('.')[0] in {'tensorflow', 'keras', 'cv2', 'paho', 'ai_edge_litert'}:\n"
        "            raise ImportError('barred: ' + name)\n"
        "sys.meta_path.insert(0, Bar())\n"
        "import edge.people.pipeline, edge.people.policy, edge.events, edge.outbox.delivery\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
