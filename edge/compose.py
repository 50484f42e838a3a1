"""From a configuration to a working pipeline; shared by the service, ``detect``, ``replay`` and the demo."""

from dataclasses import dataclass

from edge.config import Config
from edge.faces import Limits, assess
from edge.model.classifier import MaskClassifier
from edge.model.detector import FaceDetector
from edge.model.runtime import Runtime, find_runtime
from edge.pipeline import Pipeline
from edge.policy import Policy, Rules
from edge.scene import CutDetector
from edge.tracks import Tracker
from edge.values import Face, Image, Look, log_odds


@dataclass(frozen=True, slots=True)
class Judges:
    """The loaded models, and the rule for what they may be asked about."""

    runtime: Runtime
    detector: FaceDetector
    classifier: MaskClassifier
    limits: Limits

    def assess(self, image: Image, face: Face) -> Look:
        """Whether and how well a face can be judged."""
        return assess(image, face, self.limits)


def load_judges(config: Config) -> Judges:
    """Load both models.

    Raises:
        ModelError: no runtime, or a model that is missing, damaged, or not what its contract says.
    """
    m = config.models
    runtime = find_runtime(m.runtime)
    return Judges(
        runtime,
        FaceDetector(m.face, runtime, threads=m.threads, score_threshold=m.detector_score),
        MaskClassifier(m.mask, runtime, threads=m.threads, threshold=m.mask_threshold),
        Limits(**config.faces.model_dump()),
    )


def make_pipeline(config: Config, judges: Judges) -> Pipeline:
    """A fresh pipeline: nobody in view, nothing counted."""
    rules = config.decision.model_dump(exclude={"forget_s"})
    return Pipeline(
        detector=judges.detector,
        classifier=judges.classifier,
        assess=judges.assess,
        cuts=CutDetector(),
        tracker=Tracker(config.decision.forget_s),
        policy=Policy(Rules(**rules), log_odds(judges.classifier.threshold)),
        zone=config.site.zone,
        model_id=judges.classifier.contract.model_id,
    )
