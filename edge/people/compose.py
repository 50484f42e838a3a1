"""Makes a pipeline from a configuration; the service, ``detect``, ``replay`` and the demo share it."""

from dataclasses import dataclass, replace

from edge.config import Config
from edge.model.classifier import MaskClassifier
from edge.model.detector import FaceDetector
from edge.model.runtime import Runtime, find_runtime
from edge.people.crowding import CrowdingMonitor
from edge.people.cuts import CutDetector
from edge.people.evidence import Rules
from edge.people.faces import LookLimits, assess
from edge.people.hours import OpeningHours
from edge.people.pipeline import Pipeline
from edge.people.policy import Policy
from edge.people.tampering import TamperCheck
from edge.people.tracks import Tracker
from edge.people.violations import Violations
from edge.people.zones import LineCounter, Zones
from edge.values import Face, Image, Look, log_odds


@dataclass(frozen=True, slots=True)
class LoadedModels:
    """The loaded models, and the limits beyond which a face is not shown to them."""

    runtime: Runtime
    detector: FaceDetector
    classifier: MaskClassifier
    limits: LookLimits

    def assess(self, image: Image, face: Face, min_width_px: float | None = None) -> Look:
        """Whether and how well a face can be judged; ``min_width_px`` overrides the configured minimum."""
        limits = self.limits if min_width_px is None else replace(self.limits, min_width_px=min_width_px)
        return assess(image, face, limits)


def load_models(config: Config) -> LoadedModels:
    """Load both models.

    Raises:
        ModelError: no runtime, or a model that is missing, damaged, or not what its contract says.
    """
    m = config.models
    runtime = find_runtime(m.runtime)
    return LoadedModels(
        runtime,
        FaceDetector(m.face, runtime, threads=m.threads, score_threshold=m.detector_score),
        MaskClassifier(m.mask, runtime, threads=m.threads, threshold=m.mask_threshold),
        LookLimits(**config.faces.model_dump()),
    )


def make_pipeline(config: Config, models: LoadedModels) -> Pipeline:
    """A fresh pipeline: nobody in view, nothing counted."""
    rules = config.decision.model_dump(exclude={"revisit_s"})
    return Pipeline(
        detector=models.detector,
        classifier=models.classifier,
        assess=models.assess,
        cuts=CutDetector(),
        tampering=TamperCheck(config.tampering) if config.tampering.enabled else None,
        tracker=Tracker(config.decision.revisit_s),
        policy=Policy(Rules(**rules), log_odds(models.classifier.threshold), models.detector.score_threshold),
        zones=Zones(config.zones, config.site.zone),
        lines=LineCounter(config.lines),
        hours=OpeningHours.parse(config.hours.open, config.hours.timezone),
        crowding=CrowdingMonitor(config.crowding),
        violations=Violations(models.classifier.contract.model_id),
    )
