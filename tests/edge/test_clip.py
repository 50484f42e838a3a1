"""The shipped demo clip: the shipped models see in it what its truth table says."""

import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.demo.clip.script import DURATION_S, FPS, HEIGHT_PX, VISITS, WIDTH_PX, ScriptedVisit, truth_at
from edge.model.classifier import MaskClassifier
from edge.model.detector import FaceDetector
from edge.values import Face, Image, Verdict

ROOT = Path(__file__).parents[2]
CLIP = ROOT / "edge" / "demo" / "clip" / "visitors.mp4"
EVERY = 3
Looks = list[tuple[float, list[tuple[Face, float, Verdict]]]]


def decoded() -> Iterator[tuple[float, Image]]:
    clip = cv2.VideoCapture(str(CLIP))
    assert clip.isOpened()
    n = 0
    while True:
        ok, frame = clip.read()
        if not ok:
            return
        yield n / FPS, np.ascontiguousarray(frame[..., ::-1], dtype=np.uint8)
        n += 1


@pytest.fixture(scope="module")
def looks() -> list[tuple[float, list[tuple[Face, float, Verdict]]]]:
    """Every fourth frame: its time, and each face from left to right with its probability and verdict."""
    detector, classifier = (
        FaceDetector(ROOT / "models/face.tflite"),
        MaskClassifier(ROOT / "models/mask.tflite"),
    )
    seen = []
    for n, (t_s, image) in enumerate(decoded()):
        if n % EVERY == 0:
            faces = sorted(detector.find(image), key=lambda f: f.box.x1)
            scores = [classifier.score(image, f.box) for f in faces]
            seen.append(
                (t_s, [(f, s.probability, classifier.verdict(s)) for f, s in zip(faces, scores, strict=True)])
            )
    return seen


@pytest.mark.slow
def test_small_and_short() -> None:
    assert CLIP.stat().st_size <= 3_000_000
    times, images = zip(*decoded(), strict=True)
    assert 15 <= len(times) / FPS <= 30
    assert len(times) == DURATION_S * FPS
    assert images[0].shape == (HEIGHT_PX, WIDTH_PX, 3)


@pytest.mark.slow
def test_the_models_see_what_the_truth_table_says(looks: Looks) -> None:
    due = [(truth, faces) for t_s, faces in looks if (truth := truth_at(t_s))]
    right = [truth == tuple(verdict for _, _, verdict in faces) for truth, faces in due]
    assert len(due) >= 35
    assert statistics.mean(right) >= 0.95


@pytest.mark.slow
@pytest.mark.parametrize("visit", VISITS, ids=lambda v: v.name)
def test_each_visitor_is_near_long_enough_and_judged_with_a_margin(
    visit: ScriptedVisit, looks: Looks
) -> None:
    place_px = WIDTH_PX / 2 + 560 * visit.stops_x_m
    near = 0
    scores: dict[Verdict, list[float]] = {Verdict.MASKED: [], Verdict.NOT_MASKED: []}
    for t_s, faces in looks:
        if not visit.enters_s <= t_s <= visit.leaves_s + 1:
            continue
        mine = [(f, p) for f, p, _ in faces if abs(f.box.center[0] - place_px) < 90 and f.box.width >= 60]
        near += len(mine)
        truth = visit.truth(t_s)
        if truth is not None:
            scores[truth] += [p for _, p in mine]
    assert near * EVERY / FPS >= 2.5
    assert statistics.median(scores[Verdict.MASKED] or [1.0]) >= 0.75
    assert statistics.median(scores[Verdict.NOT_MASKED] or [0.0]) <= 0.25


@pytest.mark.slow
def test_nobody_in_an_empty_entrance(looks: Looks) -> None:
    empty = [faces for t_s, faces in looks if truth_at(t_s) == ()]
    assert len(empty) >= 4
    assert all(faces == [] for faces in empty)


def test_the_truth_table_in_the_readme() -> None:
    readme = (CLIP.parent / "README.md").read_text(encoding="utf-8")
    for v in VISITS:
        times = f"{v.enters_s:.1f} | {v.stops_s:.1f} | {v.leaves_s:.1f}"
        assert f"| {v.name} | {v.portrait} | {times} | {v.mask or 'none'}" in readme
    assert [v.name for v in VISITS if f"| {v.name} |" in readme] == [v.name for v in VISITS]
    assert f"{DURATION_S} s" in readme


@pytest.mark.slow
def test_the_script_draws_the_shipped_clip() -> None:
    from edge.demo.clip.drawn_scene import DrawnScene  # noqa: PLC0415
    from edge.demo.clip.make_clip import SEED, camera  # noqa: PLC0415 - needs what only developers have

    scene, shipped = DrawnScene(SEED), dict(decoded())
    for t_s in (3.0, 9.0, 16.5, 21.5):
        drawn = camera(scene.at(t_s), np.random.default_rng(0))
        assert np.abs(drawn.astype(float) - shipped[t_s]).mean() < 6


@pytest.mark.slow
def test_the_script_of_the_clip_needs_no_development_package() -> None:
    code = "import sys, edge.demo.clip.script; sys.exit(bool({'skimage', 'matplotlib'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
