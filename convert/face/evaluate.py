"""``mask-convert face evaluate``: what the device's own detector finds in annotated photos."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from convert.face.figures import at_threshold, detector_figures
from convert.face.matching import PhotoFaces, threshold_at
from convert.face.matching import match as match_photos
from convert.face.scenes import LabelledScene, deal, read_scenes
from convert.progress_log import Tell, with_time_left
from edge.errors import UsageError
from edge.model.detector import FaceDetector

LOWEST_SCORE = 0.05
"""Far below any threshold: the whole curve is measured."""
SPLITS = ("train", "val", "test", "held-back", "all")


def find_in(scenes: Sequence[LabelledScene], model: Path, tell: Tell) -> list[PhotoFaces]:
    """What a model finds in photos, scaled to its input as on the device.

    Raises:
        ModelError: the model can't be loaded, or finds no faces.
    """
    detector = FaceDetector(model, score_threshold=LOWEST_SCORE)
    photos = []
    for scene in with_time_left(scenes, f"photos searched by {model.name}", tell):
        faces = detector.find(scene.image)
        boxes = np.array([f.box.corners for f in faces], dtype=np.float64).reshape(-1, 4)
        scores = np.array([f.score for f in faces], dtype=np.float64)
        photos.append(PhotoFaces(scene.boxes, scene.labels, scene.unlabelled, boxes, scores))
    return photos


def chosen_scenes(photos: Path, split: str, seed: int, tell: Tell) -> list[LabelledScene]:
    """The photos of a split of ``SPLITS``; ``held-back`` is val and test.

    Raises:
        UsageError: there are no photos, or no such split.
    """
    if split not in SPLITS:
        raise UsageError(f"no split is called {split!r}; there are {', '.join(SPLITS)}")
    scenes = read_scenes(photos, tell)
    if split == "all":
        return scenes
    splits = deal(len(scenes), seed)
    wanted = ("val", "test") if split == "held-back" else (split,)
    return [scenes[i] for name in wanted for i in splits[name]]


def evaluate_face(
    models: Sequence[Path], photos: Path, split: str, *, seed: int, tell: Tell
) -> dict[str, dict[str, Any]]:
    """Figures of several models on the same photos, by the model's path; see ``detector_figures``.

    ``at_own_threshold`` says what the device sees with the threshold of the model's contract.

    Raises:
        UsageError: there are no photos, or no such split.
        ModelError: a model can't be loaded.
    """
    scenes = chosen_scenes(photos, split, seed, tell)
    figures = {}
    for model in models:
        found = find_in(scenes, model, tell)
        threshold = FaceDetector(model).score_threshold
        figures[str(model)] = {
            **detector_figures(found),
            "at_own_threshold": {"threshold": threshold, **at_threshold(found, threshold)},
        }
    return figures


def choose_threshold(photos: Sequence[PhotoFaces], false_boxes: float) -> float:
    """The threshold of a release, to two digits: so many false boxes a photo on validation photos."""
    return float(np.clip(round(threshold_at(match_photos(photos, 0.3), false_boxes), 2), 0.01, 0.99))
