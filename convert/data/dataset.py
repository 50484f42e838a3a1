"""A prepared dataset: written by ``mask-convert prepare``, read by all that follows.

A dataset folder holds ``manifest.csv`` (one row a face), ``faces.npy`` ((N, 128, 128, 3) uint8 RGB, the
rows of the manifest, each face with some of its surroundings), ``boxes.npy`` ((N, 4) float32: x1, y1, x2,
y2 of the face in its picture, 0 to 1), ``points.npy`` ((N, 5, 2) float32: eyes, nose, mouth, see
``convert.data.landmarks``) and ``report.json`` (counts, and what was left out and why).
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from convert.data.records import Record, read_manifest
from edge.errors import UsageError

MANIFEST, FACES, BOXES, POINTS = "manifest.csv", "faces.npy", "boxes.npy", "points.npy"
FACE_PX = 128
CONTEXT = 0.3
"""What is kept around a detected face on each side, as a share of its size: room for jitter."""


@dataclass(frozen=True, eq=False, slots=True)
class Dataset:
    """A prepared dataset, the pictures memory-mapped."""

    records: list[Record]
    faces: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    points: NDArray[np.float32]

    def indices(self, split: str) -> NDArray[np.intp]:
        """Rows of one split."""
        return np.array([i for i, r in enumerate(self.records) if r.split == split], dtype=np.intp)

    def places_sha256(self) -> str:
        """SHA-256 of where the faces and their eyes, noses and mouths are: another detector, another hash."""
        return hashlib.sha256(self.boxes.tobytes() + self.points.tobytes()).hexdigest()


def load(folder: Path) -> Dataset:
    """Read what ``prepare`` wrote.

    Raises:
        UsageError: the folder is not a prepared dataset.
    """
    records = read_manifest(folder / MANIFEST)
    try:
        faces = np.load(folder / FACES, mmap_mode="r")
        boxes = np.load(folder / BOXES)
        points = np.load(folder / POINTS)
    except (OSError, ValueError) as e:
        raise UsageError(f"{folder}: not a whole dataset ({e}); run `mask-convert prepare` again") from e
    if not len(records) == len(faces) == len(boxes) == len(points):
        raise UsageError(
            f"{folder}: {len(records)} rows but {len(faces)} pictures, {len(boxes)} boxes and {len(points)} "
            "faces' landmarks; run `mask-convert prepare` again"
        )
    return Dataset(records, faces, boxes, points)
