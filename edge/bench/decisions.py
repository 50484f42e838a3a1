"""``maskgate bench decisions``: scripted scenes with known truth through the device's own pipeline.

Motion, faces and the detector's findings are scripted. Quality of looks, cuts, tracks, policy and (with real
faces) the classifier are the device's own, on painted pictures of 640x480.

Its limits: each visitor is one still picture of a face, scaled, tilted, blurred and lit again each time,
so a face that is misjudged is misjudged all through its visit; a turned head is turned in its landmarks only.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Protocol

from edge.bench.cast import Roles, patterns, real_faces
from edge.bench.figures import expectations, figures, grouped, table
from edge.bench.modelled import ScoreModel
from edge.bench.painter import Painter
from edge.bench.scenes import ScriptedScene, make_scenes
from edge.bench.sightings import SCRIPTED_LEAST_SCORE, Moment, watch
from edge.bench.visits import COMPLIED_S, VIOLATING_S, Ledger
from edge.config import Config
from edge.people.compose import LoadedModels, load_models, make_pipeline
from edge.people.evidence import certainty_of
from edge.people.pipeline import Pipeline
from edge.people.protocols import Classifier
from edge.progress import progress
from edge.values import Face, Frame, Image

__all__ = ["SEED", "VISITS", "play", "run", "table"]

SEED, VISITS = 100, 1200
"""What is reported; the device's parameters were tuned on seeds 1 to 5."""
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Modelled(Classifier, Protocol):
    """A classifier that does not look at pictures: it must know who is where."""

    def expect(self, moment: Moment) -> None:
        """Take note of whose face is where."""
        ...


def run(
    faces: Path | None,
    seed: int = SEED,
    visits: int = VISITS,
    *,
    manifest: Path | None = None,
    config: Config | None = None,
) -> dict[str, Any]:
    """Run the benchmark.

    Args:
        faces: folders of face pictures by class; None: scores are drawn from a model.
        seed: the same one gives the same figures.
        visits: how many at least.
        manifest: of ``mask-convert prepare``: only its test split is used.
        config: of the device; the defaults where None.

    Returns:
        Figures ready for JSON and for ``table``.

    Raises:
        UsageError: no usable faces.
        ModelError: the device's models can't be loaded.
    """
    config = config or Config()
    models = load_models(config)
    contract = models.classifier.contract
    cast = (
        patterns(seed)
        if faces is None
        else real_faces(faces, manifest, contract.made_by.get("training", {}).get("dataset_sha256"), seed)
    )
    scenes = list(make_scenes(seed, visits))
    roles = cast.deal(scenes)
    ledgers = list(_ledgers(scenes, roles, config, models, real=faces is not None))
    every = [v for ledger in ledgers for v in ledger.visits.values()]
    return {
        "seed": seed,
        "model": contract.model_id,
        "faces": cast.about,
        "definitions": {"violating_s": VIOLATING_S, "complied_s": COMPLIED_S, "interval": "95 % Wilson"},
        "decision": config.decision.model_dump(),
        "scenes": len(scenes),
        "scene_minutes": round(sum(s.duration_s for s in scenes) / 60, 1),
        "expected": expectations(every),
        "all": figures(every),
        "violations_of_nobody": sum(ledger.of_nobody for ledger in ledgers),
        "violations_never_closed": sum(len(ledger.unclosed) for ledger in ledgers),
        "by_fps": grouped(every, lambda v: v.fps),
        "by_group": grouped(every, lambda v: v.group),
        "by_kind": grouped(every, lambda v: v.kind),
        "misjudged_faces": _misjudged(roles, ledgers),
    }


def play(
    scene: ScriptedScene, pipeline: Pipeline, painter: Painter, modelled: Modelled | None = None
) -> Ledger:
    """Run one scene through a fresh pipeline, whose detector the script replaces.

    Args:
        scene: what happens.
        pipeline: the device's.
        painter: draws the frames.
        modelled: replaces the pipeline's classifier.
    """
    ledger, detector = Ledger(scene), _Scripted()
    pipeline.detector = detector
    if modelled is not None:
        pipeline.classifier = modelled
    at_s = 0.0
    for number, moment in enumerate(watch(scene)):
        at_s = moment.at_s
        detector.faces = [rescaled(s.face, pipeline.policy.least_score) for s in moment.sightings]
        if modelled is not None:
            modelled.expect(moment)
        frame = Frame(painter.paint(moment), number, at_s, _EPOCH + timedelta(seconds=at_s))
        ledger.add(moment, pipeline.process(frame))
    ledger.record(pipeline.finish(at_s, _EPOCH + timedelta(seconds=at_s)), at_s)
    return ledger


def rescaled(face: Face, least_score: float) -> Face:
    """The face as surely found by a detector with another least score.

    The scripted scores are those of a detector that reports faces from ``SCRIPTED_LEAST_SCORE`` on.
    """
    certainty = certainty_of(face.score, SCRIPTED_LEAST_SCORE)
    return replace(face, score=least_score + certainty * (1 - least_score))


class _Scripted:
    """A detector that finds what the script says."""

    def __init__(self) -> None:
        self.faces: list[Face] = []

    def find(self, image: Image) -> list[Face]:  # noqa: ARG002 - a script does not look
        return self.faces


def _ledgers(
    scenes: list[ScriptedScene], roles: list[Roles], config: Config, models: LoadedModels, *, real: bool
) -> Iterator[Ledger]:
    for scene, its in zip(progress(scenes, "scenes"), roles, strict=True):
        pipeline, painter = make_pipeline(config, models), Painter(its, scene.seed)
        yield play(scene, pipeline, painter, None if real else ScoreModel(scene.seed))


def _misjudged(roles: list[Roles], ledgers: list[Ledger]) -> dict[str, list[str]]:
    """Names of the faces behind false and missed violations: look at them before blaming anybody."""
    out: dict[str, set[str]] = {"false": set(), "missed": set()}
    for its, ledger in zip(roles, ledgers, strict=True):
        for number, visit in ledger.visits.items():
            names = {its[number, wear].name for wear in visit.wears}
            if visit.proper and visit.false:
                out["false"] |= names
            if visit.violating and not visit.found:
                out["missed"] |= names
    return {kind: sorted(names) for kind, names in out.items()}
