"""Batches of crops, padded to one shape; each a function of seed and number alone: so a run can go on."""

import numpy as np
from numpy.typing import NDArray

from convert.face.crops import SIDE_PX, CropSource

MOST_FACES = 64
"""In a crop; more are left out, which is rare (the photos are crowds of up to a hundred)."""

Batch = tuple[
    NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], NDArray[np.float32]
]
"""(N, 320, 320, 3) RGB 0..255; (N, F, 4) faces px; (N, F, 5, 2) points px; (N, F) which are real; (N, F, 4)
ignored px."""


def make_batch(source: CropSource, size: int, seed: int, number: int) -> Batch:
    """The batch of that number.

    Args:
        source: of crops.
        size: crops in a batch.
        seed: of the run.
        number: from 0.
    """
    rng = np.random.default_rng([seed, number])
    images = np.zeros((size, SIDE_PX, SIDE_PX, 3), dtype=np.float32)
    faces, ignored = (np.zeros((size, MOST_FACES, 4), dtype=np.float32) for _ in range(2))
    points = np.full((size, MOST_FACES, 5, 2), np.nan, dtype=np.float32)
    real = np.zeros((size, MOST_FACES), dtype=bool)
    for i in range(size):
        crop = source.draw(rng)
        n, m = min(MOST_FACES, len(crop.boxes)), min(MOST_FACES, len(crop.ignored))
        images[i], faces[i, :n], points[i, :n] = crop.image, crop.boxes[:n], crop.points[:n]
        real[i, :n], ignored[i, :m] = True, crop.ignored[:m]
    return images, faces, points, real, ignored
