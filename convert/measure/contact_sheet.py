"""The worst errors as one picture, so that a person sees whether the model or the label is wrong."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from convert.measure.diagrams import COLOURS
from convert.measure.scoring import Scored, device_input
from edge.model.contract import Contract
from edge.values import log_odds

_COLUMNS = 8
_ROWS = 5
"""At most, a class."""
_CELL, _SIDE = (1.6, 2.0), 1.5
"""Width and height of a face with its caption, and the face's side, inch."""
_HEAD, _HEADING, _EDGE = 0.68, 0.42, 0.15
"""Height of what stands above all faces and above a class, and the margin, inch."""
_NOTE = (
    "Surest errors first, each as the classifier gets it. P: the device's mask_probability, threshold "
    "{threshold:.2f}; px: width of the face. # counts through the errors of report.json, with whole paths."
)
_HEADINGS = {
    "masked": "labelled masked, refused",
    "not_masked": "labelled not masked, called masked",
    "incorrect": "labelled incorrect (worn wrongly), called masked",
}


def worst_errors(faces: Sequence[Scored], threshold: float) -> list[Scored]:
    """Faces judged wrongly, the surest first: those farthest from the threshold (a probability)."""
    middle = log_odds(threshold)
    return sorted((f for f in faces if not f.right), key=lambda f: -abs(f.score.logit - middle))


def draw_errors(errors: Sequence[Scored], report: dict[str, Any], contract: Contract, path: Path) -> None:
    """A contact sheet, a section a class; each face is the classifier's very input.

    Args:
        errors: of ``worst_errors``; the first ones of each class are drawn.
        report: of ``evaluate``.
        contract: the model's; it gives the size and margin of its input.
        path: the PNG.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415  `evaluate` without pictures does not need it

    numbered = list(enumerate(errors, start=1))
    sections = {label: [(n, f) for n, f in numbered if f.record.label == label] for label in _HEADINGS}
    drawn = {label: found[: _COLUMNS * _ROWS] for label, found in sections.items() if found}
    width = _COLUMNS * _CELL[0] + 2 * _EDGE
    height = _HEAD + sum(_HEADING + math.ceil(len(faces) / _COLUMNS) * _CELL[1] for faces in drawn.values())
    figure = Figure(figsize=(width, height))

    def write(y: float, text: str, **how: Any) -> None:  # noqa: ANN401  matplotlib's own
        figure.text(_EDGE / width, y / height, text, parse_math=False, **how)

    wrong = f"{len(errors)} of {report['faces']} faces" if errors else "no face"
    write(height - 0.32, f"{report['model']} on {report['data']}: {wrong} judged wrongly", fontsize=13)
    write(height - 0.56, _NOTE.format(threshold=report["threshold"]), fontsize=9, color="#5b6770")
    top = height - _HEAD
    for label, faces in drawn.items():
        counts, found = report["confusion"][label], len(sections[label])
        text = f"{_HEADINGS[label]}: {found} of {counts['masked'] + counts['not_masked']}"
        text += f", the worst {len(faces)}" if len(faces) < found else ""
        write(top - 0.3, text, fontsize=11, color=COLOURS[label], fontweight="bold")
        top -= _HEADING
        for i, (number, face) in enumerate(faces):
            left, y = _EDGE + (i % _COLUMNS) * _CELL[0], top - (i // _COLUMNS) * _CELL[1] - _SIDE
            axes = figure.add_axes((left / width, y / height, _SIDE / width, _SIDE / height))
            _draw_face(axes, face, number, contract)
        top -= math.ceil(len(faces) / _COLUMNS) * _CELL[1]
    figure.savefig(path, dpi=110, facecolor="white")


def _draw_face(axes: Any, face: Scored, number: int, contract: Contract) -> None:  # noqa: ANN401
    axes.imshow(device_input(face.record, contract))
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(color=COLOURS[face.record.label], linewidth=2)
    label = face.record.label.replace("_", " ")
    caption = f"#{number} {label}  P {face.score.probability:.3f}  {face.width_px:.0f} px"
    axes.text(
        0,
        -0.03,
        f"{caption}\n{_name(face.record.path)}",
        transform=axes.transAxes,
        va="top",
        fontsize=6.2,
        linespacing=1.3,
        parse_math=False,
    )


def _name(path: Path, line: int = 29) -> str:
    """The file's name on two lines, its middle left out where it is longer; ASCII: fonts may lack more."""
    name = path.name.encode("ascii", "replace").decode()
    if len(name) > 2 * line:
        name = f"{name[: line - 1]}…{name[-line:]}"
    return f"{name[:line]}\n{name[line:]}"
