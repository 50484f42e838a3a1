"""From pictures to model inputs: one definition for training, calibration, evaluation and the device."""

import cv2
import numpy as np

from edge.values import Box, Image

LIGHT_PX = 48
"""Brightness and sharpness are measured on the face at this size: near that of most faces at a door, so that
a near face's sharpness and a far one's compare."""


def resize(image: Image, width: int, height: int) -> Image:
    """Resize to exactly (height, width, 3) uint8; area averaging when shrinking, bilinear when enlarging."""
    if image.shape[1] == width and image.shape[0] == height:
        return image
    shrinking = image.shape[1] * image.shape[0] > width * height
    how = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=how), dtype=np.uint8)


def crop(image: Image, box: Box, margin: float) -> Image:
    """Cut a face out of a picture.

    Args:
        image: (H, W, 3) uint8, any channel order.
        box: in the picture's pixels; may reach over the edge.
        margin: added on each side, as a share of the box's width and height.

    Returns:
        A view of at least 1 by 1 px; what lies outside the picture is left out, not filled.
    """
    h, w = image.shape[:2]
    dx, dy = box.width * margin, box.height * margin
    x1 = int(np.clip(np.floor(box.x1 - dx + 0.5), 0, w - 1))
    y1 = int(np.clip(np.floor(box.y1 - dy + 0.5), 0, h - 1))
    x2 = int(np.clip(np.floor(box.x2 + dx + 0.5), x1 + 1, w))
    y2 = int(np.clip(np.floor(box.y2 + dy + 0.5), y1 + 1, h))
    return image[y1:y2, x1:x2]


def face_input(image: Image, box: Box | None, size: tuple[int, int], margin: float) -> Image:
    """The classifier's input: the box with its margin, squeezed to ``size`` (height, width); RGB uint8.

    ``box`` None means that the picture is a face crop already: then no margin is added.
    """
    face = image if box is None else crop(image, box, margin)
    return np.ascontiguousarray(resize(face, size[1], size[0]))


def light(image: Image, box: Box | None) -> tuple[float, float]:
    """How bright and how sharp a face is; the device's limits and the workshop's slices use this measure.

    Args:
        image: (H, W, 3) uint8 RGB.
        box: the face in the picture's pixels; None where the picture is a face crop already.

    Returns:
        Mean luma, 0 to 255, and the variance of the luma's Laplacian, both at 48x48.
    """
    luma = cv2.cvtColor(face_input(image, box, (LIGHT_PX, LIGHT_PX), 0.0), cv2.COLOR_RGB2GRAY)
    return float(luma.mean()), float(cv2.Laplacian(luma, cv2.CV_32F).var())


def letterbox(image: Image, size: tuple[int, int]) -> tuple[Image, float]:
    """The detector's input: scaled to fit ``size`` (height, width), top left, the rest black.

    Returns:
        The (height, width, 3) uint8 picture, and the scale: input px = picture px * scale.
    """
    height, width = size
    scale = min(width / image.shape[1], height / image.shape[0])
    w = max(1, min(width, round(image.shape[1] * scale)))
    h = max(1, min(height, round(image.shape[0] * scale)))
    out = np.zeros((height, width, 3), dtype=np.uint8)
    out[:h, :w] = resize(image, w, h)
    return out, scale
