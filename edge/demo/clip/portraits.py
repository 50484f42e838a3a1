"""Two portraits in the public domain, with the points by which people are cut out of them.

Sources: ``skimage.data.astronaut`` (Eileen Collins, NASA) and matplotlib's ``grace_hopper.jpg`` (Grace
Hopper, US Navy). All layers share one canvas of 600 px a metre, every chin in the same place.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import matplotlib.cbook
import numpy as np
import skimage.data

from edge.demo.clip.drawing import Floats, Layer, Points, blur, floats, polygon
from edge.values import Image

PX_PER_M = 600
CANVAS_W, CANVAS_H, FEET_Y = 380, 1060, 1040
CHIN = (190, 190)
"""Where every chin lies on the canvas, px."""


@dataclass(frozen=True, slots=True)
class Portrait:
    """Hand-placed points of one portrait, in its own px; ``scale`` makes every face 0.15 m wide."""

    load: Callable[[], Image]
    scale: float
    chin: tuple[int, int]
    head: Points
    """Outline of hair, hat, face and neck."""
    skin: Points
    """Outline of the face without the hair."""
    eyes: Points
    grid: Points
    """Where a mask lies, 3 x 3 points: top edge (cheek, bridge, cheek), middle, bottom (jaw, chin, jaw)."""
    ears: Points
    """Where its loops end: left upper, left lower, right upper, right lower."""


def _hopper() -> Image:
    path = matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
    colours = floats(cv2.imread(str(path)))[..., ::-1]
    grey = colours.mean(axis=2, keepdims=True)
    # The print is more colourful than any door camera.
    return np.asarray(grey + (colours - grey) * 0.8, dtype=np.uint8)


PORTRAITS = {
    "astronaut": Portrait(
        load=skimage.data.astronaut,
        scale=1.0,
        chin=(223, 179),
        head=(
            (232, 15), (205, 22), (192, 32), (178, 42), (165, 52), (157, 62), (153, 75), (154, 90),
            (158, 104), (168, 115), (172, 125), (178, 131), (182, 135), (183, 150), (186, 165), (187, 178),
            (192, 184), (207, 187), (222, 188), (236, 190), (250, 186), (254, 180), (256, 165), (262, 155),
            (267, 137), (272, 137), (278, 130), (288, 120), (296, 108), (301, 90), (299, 70), (292, 50),
            (283, 36), (270, 27), (255, 20),
        ),
        skin=(
            (184, 84), (200, 80), (222, 84), (245, 87), (262, 92), (269, 105), (273, 132), (266, 150),
            (256, 190), (236, 192), (190, 186), (184, 165), (182, 140), (172, 128), (180, 112), (181, 95),
        ),
        eyes=((200, 102), (246, 104)),
        grid=(
            (183, 124), (223, 107), (267, 127), (186, 150), (223, 146), (263, 152), (196, 176), (222, 186),
            (252, 177),
        ),
        ears=((176, 116), (179, 133), (272, 120), (271, 136)),
    ),
    "hopper": Portrait(
        load=_hopper,
        scale=0.53,
        chin=(264, 336),
        head=(
            (262, 22), (235, 25), (222, 40), (200, 46), (180, 66), (175, 84), (160, 92), (152, 105),
            (150, 130), (148, 160), (152, 182), (154, 200), (158, 225), (164, 245), (162, 262), (164, 275),
            (178, 288), (198, 298), (206, 315), (203, 345), (220, 380), (245, 408), (280, 408), (305, 380),
            (327, 340), (330, 310), (345, 305), (356, 290), (362, 262), (366, 245), (374, 215), (376, 195),
            (366, 184), (370, 150), (371, 115), (365, 88), (352, 86), (346, 66), (325, 48), (302, 42),
            (290, 27),
        ),
        skin=(
            (185, 150), (220, 136), (262, 132), (305, 136), (345, 150), (366, 190), (372, 215), (362, 255),
            (345, 270), (330, 315), (327, 340), (300, 380), (262, 410), (225, 380), (203, 345), (200, 300),
            (180, 268), (164, 245), (156, 205), (165, 185),
        ),
        eyes=((222, 190), (304, 188)),
        grid=(
            (184, 238), (266, 216), (346, 234), (193, 282), (266, 272), (340, 278), (212, 326), (264, 350),
            (322, 322),
        ),
        ears=((170, 222), (182, 262), (358, 216), (352, 258)),
    ),
}  # fmt: skip


def to_canvas(points: Points, portrait: Portrait) -> Floats:
    """Portrait px to canvas px, (N, 2) float32."""
    return (floats(points) - floats(portrait.chin)) * np.float32(portrait.scale) + floats(CHIN)


def on_canvas(photo: Layer, portrait: Portrait) -> Layer:
    """A layer in portrait px, moved and scaled to the canvas: (CANVAS_H, CANVAS_W, 4)."""
    smooth = blur(photo, 0.5) if portrait.scale < 1 else photo
    x, y = to_canvas(((0, 0),), portrait)[0]
    matrix = floats([[portrait.scale, 0, x], [0, portrait.scale, y]])
    return floats(cv2.warpAffine(smooth, matrix, (CANVAS_W, CANVAS_H), flags=cv2.INTER_LINEAR))


def cut(photo: Image, outline: Points) -> Floats:
    """Cut a shape out of a photo.

    Args:
        photo: (H, W, 3) uint8 RGB.
        outline: drawn by hand; grabCut corrects it within a narrow band along it.

    Returns:
        A soft alpha, (H, W) float32, 0 to 1.
    """
    inside = (polygon(photo.shape, outline) > 0.5).astype(np.uint8)
    sure = cv2.erode(inside, np.ones((9, 9), np.uint8))
    possible = cv2.dilate(inside, np.ones((5, 5), np.uint8))
    labels = np.full(inside.shape, cv2.GC_PR_FGD, np.uint8)
    labels[possible == 0] = cv2.GC_BGD
    labels[sure == 1] = cv2.GC_FGD
    cv2.setRNGSeed(1)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(photo, labels, (0, 0, 1, 1), *models, 3, cv2.GC_INIT_WITH_MASK)
    kept = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    kept = np.asarray(cv2.morphologyEx(kept, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)), np.uint8)
    return np.clip(blur(kept, 1.3) * np.float32(1.5) - np.float32(0.4), 0, 1)
