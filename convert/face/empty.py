"""Pictures without a face that come with scikit-image: cups, bricks, a cat, a motorcycle, the moon."""

import numpy as np

from edge.values import Image

NAMES = ("coffee", "chelsea", "brick", "grass", "gravel", "rocket", "clock", "coins", "text", "page", "moon",
         "hubble_deep_field", "retina", "immunohistochemistry", "horse")  # fmt: skip
"""Of ``skimage.data``; all lie inside the package, nothing is downloaded."""


def empty_pictures() -> list[Image]:
    """(H, W, 3) uint8 RGB each; grey and binary ones are brought to it."""
    from skimage import data  # noqa: PLC0415  takes seconds to import

    pictures = []
    for name in NAMES:
        picture = np.asarray(getattr(data, name)())
        picture = (picture * 255).astype(np.uint8) if picture.dtype == bool else picture
        pictures.append(np.stack([picture] * 3, axis=-1) if picture.ndim == 2 else picture[..., :3])
    return pictures
