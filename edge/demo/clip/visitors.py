"""Visitors made of the portraits: each one a head and a body in their own clothes, hair, skin and hat."""

from functools import cache

import cv2
import numpy as np

from edge.demo.clip.drawing import (
    Floats,
    Layer,
    Picture,
    Points,
    blur,
    floats,
    inner_distance,
    layer,
    over,
    polygon,
    rgb,
)
from edge.demo.clip.portraits import CANVAS_H, CANVAS_W, CHIN, PORTRAITS, cut, on_canvas
from edge.demo.clip.script import ScriptedVisit
from edge.values import Image

_TORSO: Points = (
    (204, 318), (190, 330), (160, 345), (120, 360), (80, 375), (55, 387), (42, 400), (35, 425), (28, 470),
    (22, 530), (16, 599), (511, 599), (511, 440), (505, 415), (495, 402), (480, 390), (440, 374),
    (400, 360), (370, 343), (345, 325), (329, 312), (320, 345), (285, 390), (264, 400), (240, 390),
    (212, 350),
)  # fmt: skip
_COLLAR: Points = (
    (201, 316), (196, 330), (194, 355), (198, 385), (205, 412), (215, 442), (227, 478), (239, 510),
    (251, 534), (263, 508), (278, 480), (291, 452), (301, 432), (313, 405), (323, 375), (330, 345),
    (331, 315), (262, 312),
)  # fmt: skip
_BEANIE: Points = (
    (160, 172), (156, 140), (163, 100), (183, 58), (222, 30), (262, 22), (304, 30), (345, 58), (364, 100),
    (370, 140), (366, 176), (344, 162), (305, 150), (262, 146), (220, 150), (182, 164),
)  # fmt: skip
_CHEST = "hopper"
"""Whose jacket everybody wears, dyed."""
_BADGES = ((74, 480, 172, 522), (318, 484, 458, 532))
"""Name plate and ribbons of the uniform, which the visitors don't wear: x1, y1, x2, y2."""


def head_layer(visit: ScriptedVisit) -> Layer:
    """The visitor's head and neck on the canvas, not mirrored, without a mask."""
    portrait = PORTRAITS[visit.portrait]
    photo, alpha = _cut_head(visit.portrait)
    face = floats(photo) / np.float32(255)
    hair = np.clip(face * floats(visit.hair_gain), 0, 1)
    skin = blur(polygon(photo.shape, portrait.skin), 2 / portrait.scale)[..., None]
    head = hair * (1 - skin) + np.power(face, np.float32(1 / visit.skin_gain)) * skin
    if visit.beanie_rgb is not None:
        head, alpha = _beanie(head, alpha, rgb(visit.beanie_rgb))
    if visit.glasses:
        _glasses(head, floats(portrait.eyes))
    return on_canvas(layer(head, alpha), portrait)


def body_layer(visit: ScriptedVisit, rng: np.random.Generator) -> Layer:
    """The visitor's body: a drawn figure down to the feet, with the chest of a photographed jacket on it."""
    photo, alpha = _cut_chest()
    light = floats(cv2.medianBlur(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), 5))[..., None] / np.float32(255)
    coat = rgb(visit.coat_rgb)
    chest = floats(np.where(light < 0.35, coat * (0.62 + 2.4 * light), photo / 255))
    y, x = np.mgrid[: photo.shape[0], : photo.shape[1]].astype(np.float32)
    if visit.collar_rgb is not None:
        roll = 0.8 + 0.2 * np.cos((x - 264) / 62) - 0.25 * np.exp(-(((y - 362) / 9) ** 2))
        knit = rgb(visit.collar_rgb) * (roll + 0.06 * np.sin(x * 0.7))[..., None]
        collar = blur(polygon(photo.shape, _COLLAR), 1.5)
        chest += (knit - chest) * collar[..., None]
        alpha = np.maximum(alpha, collar)
    # The photo ends at the chest: it fades into the drawn coat.
    alpha = alpha * np.clip((596 - y) / 110, 0, 1)
    return over(on_canvas(layer(chest, alpha), PORTRAITS[_CHEST]), _figure(coat, rng))


@cache
def _cut_head(portrait: str) -> tuple[Image, Floats]:
    photo = PORTRAITS[portrait].load()
    return photo, cut(photo, PORTRAITS[portrait].head)


@cache
def _cut_chest() -> tuple[Image, Floats]:
    """The jacket, its badges covered by a blurred piece of cloth from above them."""
    photo = PORTRAITS[_CHEST].load()
    for x1, y1, x2, y2 in _BADGES:
        photo[y1:y2, x1:x2] = cv2.GaussianBlur(photo[y1 - 45 : y2 - 45, x1:x2], (0, 0), 3)
    return photo, cut(photo, _TORSO)


def _beanie(head: Picture, alpha: Floats, colour: Floats) -> tuple[Picture, Floats]:
    """A knitted hat over the uniform's, whose brim goes."""
    inside = polygon(alpha.shape, _BEANIE)
    y, x = np.mgrid[: alpha.shape[0], : alpha.shape[1]].astype(np.float32)
    bend = (x - 264) / np.sqrt(np.maximum(1.0, 1 - ((y - 170) / 190) ** 2 * 0.6))
    knit = 0.9 + 0.09 * np.sin(bend * 0.6) + 0.04 * np.sin(y * 0.9)
    fold = np.where(np.abs(y - 112 - (x - 264) ** 2 / 900) < 2.5, 0.75, 1.0)
    shade = (0.45 + 0.55 * np.clip(inner_distance(inside) / 34, 0, 1)) * knit * fold
    cover = blur(inside, 1.2)
    brim = ((y < 190) & ((x < 160) | (x > 366))) | ((y < 140) & (inside < 0.5))
    hat = np.clip(colour * shade[..., None], 0, 1)
    return floats(head + (hat - head) * cover[..., None]), np.maximum(alpha * (1 - blur(brim, 1.0)), cover)


def _glasses(head: Picture, eyes: Floats) -> None:
    """Round dark frames, drawn four times as large for thin smooth lines."""
    fine = cv2.resize(head, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    (lx, ly), (rx, ry) = (eyes * 4).astype(int).tolist()
    dark = (0.1, 0.09, 0.1)
    for x, y in ((lx, ly), (rx, ry)):
        cv2.ellipse(fine, (x, y + 10), (66, 50), 0, 0, 360, dark, 9, cv2.LINE_AA)
    for start, end in (
        ((lx + 66, ly), (rx - 66, ry)),
        ((lx - 66, ly), (lx - 104, ly - 6)),
        ((rx + 66, ry), (rx + 104, ry - 6)),
    ):
        cv2.line(fine, start, end, dark, 9, cv2.LINE_AA)
    head[:] = np.clip(cv2.resize(fine, head.shape[1::-1], interpolation=cv2.INTER_AREA), 0, 1)


def _figure(coat: Floats, rng: np.random.Generator) -> Layer:
    """Coat, arms, legs and shoes below the photographed chest, seen whole only from far away."""
    trousers, shoe, sleeve = floats([0.13, 0.14, 0.18]), floats([0.07, 0.06, 0.06]), coat * np.float32(0.94)
    parts = (
        (((-62, 640), (-4, 640), (-8, 1020), (-50, 1020)), trousers),
        (((62, 640), (4, 640), (8, 1020), (50, 1020)), trousers),
        (((-52, 1010), (-6, 1010), (-4, 1040), (-58, 1040)), shoe),
        (((52, 1010), (6, 1010), (4, 1040), (58, 1040)), shoe),
        (((-120, 230), (122, 230), (86, 420), (94, 690), (-94, 690), (-84, 420)), coat),
        (((-126, 250), (-88, 250), (-84, 420), (-92, 590), (-128, 590), (-134, 420)), sleeve),
        (((129, 250), (88, 250), (86, 420), (92, 590), (128, 590), (136, 420)), sleeve),
    )
    out = np.zeros((CANVAS_H, CANVAS_W, 4), np.float32)
    folds = blur(rng.standard_normal((CANVAS_H, CANVAS_W)), 7, 30) * np.float32(2.2)
    for points, colour in parts:
        inside = polygon(out.shape, floats(points) + floats([CHIN[0], 0]))
        shade = (0.5 + 0.34 * np.clip(inner_distance(inside) / 22, 0, 1)) * (1 + folds)
        out = over(layer(np.clip(colour * shade[..., None], 0, 1), blur(inside, 1.5)), out)
    return out
