"""Annotated photos, made ready for training and for measuring, and dealt to splits by photo."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from convert.data.annotations import UNLABELLED, AnnotatedPhoto, read_annotations
from convert.data.candidates import Notes, read_or_note
from convert.data.records import LABEL_OF, LABELS
from convert.face.boxes import Boxes, Rows, Truth, measure_offsets, to_own_convention
from convert.face.original import Original
from convert.face.reviewed import NOTHING, Reviewed, read_reviewed
from convert.progress_log import Tell, with_time_left
from edge.errors import UsageError
from edge.values import Image

SHARES = {"train": 0.55, "val": 0.15, "test": 0.30}
"""Of the photos. Much is held back: what limits the figures is how few errors there are to count."""


@dataclass(frozen=True, eq=False, slots=True)
class LabelledScene:
    """A photo as its annotators left it."""

    path: Path
    image: Image
    """(H, W, 3) uint8 RGB."""
    boxes: Boxes
    """(N, 4) px."""
    labels: tuple[str, ...]
    """N: masked, not_masked, incorrect."""
    unlabelled: Boxes
    """(M, 4) px: faces, but how they wear a mask is not known."""
    not_faces: Boxes
    """(K, 4) px: what was looked at and is not a face."""


@dataclass(frozen=True, eq=False, slots=True)
class TrainingScene:
    """A photo ready for training."""

    image: Image
    truth: Truth
    not_faces: Boxes


def read_scenes(root: Path, tell: Tell) -> list[LabelledScene]:
    """All photos of a folder; see ``read_annotations`` for the formats.

    Raises:
        UsageError: there are no annotations, or no photo can be read.
    """
    notes, scenes = Notes(), []
    reviewed = read_reviewed(root.resolve().name)
    for photo in with_time_left(read_annotations(root, notes), f"photos of {root} read", tell):
        found = read_or_note(photo.path, notes)
        if found is not None:
            scenes.append(_scene(photo, found[0], reviewed.get(photo.path.name, NOTHING)))
    for reason, count in sorted(notes.left_out.items()):
        tell(f"left out, {reason}: {count}")
    if not scenes:
        raise UsageError(f"{root}: holds no photo that can be read; see {root / 'images'}")
    return scenes


def _scene(photo: AnnotatedPhoto, image: Image, reviewed: Reviewed) -> LabelledScene:
    known = [(LABEL_OF[n], b) for n, b in photo.boxes if n in LABEL_OF and b[2] > b[0] and b[3] > b[1]]
    others = np.array([b for n, b in photo.boxes if n == UNLABELLED], dtype=np.float64).reshape(-1, 4)
    boxes = np.array([b for _, b in known], dtype=np.float64).reshape(-1, 4)
    labels, unlabelled = tuple(n for n, _ in known), np.concatenate([others, reviewed.faces])
    return LabelledScene(photo.path, image, boxes, labels, unlabelled, reviewed.not_faces)


def deal(count: int, seed: int) -> dict[str, NDArray[np.intp]]:
    """Which photos are in which split: (n,) indices by the names of ``SHARES``, each photo in one."""
    order = np.random.default_rng(seed).permutation(count)
    ends = np.round(np.cumsum(list(SHARES.values())) * count).astype(int)
    return dict(zip(SHARES, np.split(order, ends[:-1]), strict=True))


def ready_for_training(
    scenes: Sequence[LabelledScene], original: Original, tell: Tell
) -> tuple[list[TrainingScene], dict[str, list[float]]]:
    """Boxes in the detector's own convention, landmarks of the original, regions to ignore.

    Returns:
        The scenes, and the offsets that were taken out, by label; see ``measure_offsets``.
    """
    rows: list[Rows] = [original.find(s.image) for s in with_time_left(scenes, "photos searched", tell)]
    offsets = measure_offsets([(s.boxes, s.labels, r) for s, r in zip(scenes, rows, strict=True)])
    ready = []
    for scene, found in zip(scenes, rows, strict=True):
        truth = to_own_convention(
            scene.boxes, scene.labels, found, offsets, faces=scene.unlabelled, not_faces=scene.not_faces
        )
        ready.append(TrainingScene(scene.image, truth, scene.not_faces))
    return ready, {k: [round(float(v), 3) for v in offsets[k]] for k in LABELS if k in offsets}
