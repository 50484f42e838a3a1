"""What the features of one moment mean, and the words for it. Pure."""

from dataclasses import dataclass
from typing import Literal

from edge.events import TamperReason
from edge.people.tampering.features import Features
from edge.people.tampering.reference import Comparison

Finding = TamperReason | Literal["well", "unsure"]
"""``unsure``: too little light, or too many people, to tell tampering from a night or a crowd."""

DARK = 20.0
"""Mean luma of a picture in which no face can be judged."""
DARK_SPAN = 4.0
"""Luma levels between the darkest and the brightest part; with more, a dark picture may show its scene."""
MIN_CELLS = 3
"""A picture shows a scene if at least this many of its 48 cells show something."""

MIN_REFERENCE_CELLS = 8
"""While people hide part of the view, the reference says too little if fewer of its cells show something: the
rest may be a plain wall."""


@dataclass(frozen=True, slots=True)
class TamperLimits:
    """Limits, as shares, beyond which something is wrong with the picture."""

    known: float
    """At least this share of the reference's cells is seen: a crowd leaves more, another view less."""
    sharpness: float
    """At least this share of the reference's fine detail; a blur of 2 px at a width of 640 px leaves less."""
    white: float
    """At most this share of the picture is saturated."""


OPEN = TamperLimits(known=0.15, sharpness=0.12, white=0.7)
CLOSE = TamperLimits(known=0.25, sharpness=0.2, white=0.5)
"""Stricter than ``OPEN``, so that a picture between the two does not open and close by turns."""


def judge(now: Features, view: Comparison | None, limits: TamperLimits) -> Finding:
    """Say what is wrong with a picture.

    Args:
        now: its measures.
        view: its comparison to the reference; None while there is no reference.
        limits: ``OPEN``, or ``CLOSE`` while a tampering is open.
    """
    if now.white > limits.white:
        return "overexposed"
    dark = now.brightness < DARK
    if dark and now.span < DARK_SPAN:
        return "too dark"
    if view is None:
        return "well" if now.visible.sum() >= MIN_CELLS else "too dark" if dark else "covered"
    return _compared(now, view, limits, dark=dark)


def _compared(now: Features, view: Comparison, limits: TamperLimits, *, dark: bool) -> Finding:
    if view.hidden and view.cells < MIN_REFERENCE_CELLS:
        return "unsure"
    if view.coarse >= 0.4 and view.sharpness < limits.sharpness:
        return "defocused"
    if view.known >= limits.known or view.lit:
        return "well"
    return _foreign(now, view, limits, dark=dark)


def _foreign(now: Features, view: Comparison, limits: TamperLimits, *, dark: bool) -> Finding:
    """What a picture shows in which the reference is not seen."""
    if dark:
        return "too dark" if now.visible.sum() <= 1 else "unsure"
    if view.seen < limits.known:
        return "covered"
    if view.dim:
        return "unsure"
    # what is too close for the lens has no texture
    return "covered" if view.texture < limits.sharpness else "turned"


def is_outshone(view: Comparison) -> bool:
    """Whether the light has come on, so that the reference, learned in the dark, is of no use."""
    return view.lit and view.known < OPEN.known


def describe(reason: TamperReason, now: Features, view: Comparison | None) -> str:
    """One or two sentences: what is seen, in numbers, and what to do."""
    if reason == "overexposed":
        return (
            f"The camera is blinded: {now.white:.0%} of the picture is white. Keep lamps and the sun out of "
            "its view, or check its exposure."
        )
    if reason == "too dark":
        return (
            f"The picture is too dark: its mean is {now.brightness:.0f} of 255. Switch on a light, or "
            "uncover the lens."
        )
    if view is None:
        return (
            f"The camera has shown nothing since the start: there is structure in {now.visible.sum()} of "
            f"{now.visible.size} parts of the picture. Uncover and clean the lens, or aim it at the entrance."
        )
    if reason == "covered":
        return (
            f"The camera is covered: {view.known:.0%} of its usual view is seen. Uncover and clean the lens."
        )
    if reason == "defocused":
        return (
            f"The camera is out of focus: the view has {max(view.sharpness, 0):.0%} of its usual fine "
            "detail. Clean the lens and focus it."
        )
    return (
        f"The camera is turned away: {view.known:.0%} of its usual view is seen, and something else instead. "
        "Aim it as before; a new view that stays is taken as the usual one."
    )
