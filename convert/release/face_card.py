"""The face detectors' part of the model card, from their contracts and report alone."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from convert.face.release import ORIGINAL, REPORT
from edge.model.contract import load_contract

TRIED = Path(__file__).with_name("tried_face.md")
"""What was tried, what it still misses; written by hand."""

_TEXT = """
## face: where are the faces?

`{id}`: YuNet (2023mar) by Shiqi Yu and others (MIT licence, `LICENSE.yunet`; published ONNX file sha256
`{source}`), trained further on {photos} whole photos with {faces} labelled faces of `{collection}` (Kaggle
andrewmvd face-mask-detection, CC0). Same graph, same cost; boxes in YuNet's own convention, so that the
mask classifier sees the crops that it knows. RGB uint8 in, twelve heads out; the first convolution was
turned for RGB, so that the device swaps nothing. The mean of {runs} runs of {steps} steps of {batch} crops,
seed {seed}.

| file | input | numbers | threshold | sha256 |
|---|---|---|---|---|
{files}

### Beside YuNet, in the same run, by the device's own detector

{shipped} `{other}` ({other_photos} photos of another source, no licence stated) is for validation only:
nothing was ever trained on it, and those figures are of the shipped files. Faces under 20 px of the photo
are not asked for, and faces that nobody labelled are not errors: the boxes that fitted no label were looked
at by eye (`convert/face/reviewed.csv`). Recalls are at 0.1 false boxes a photo (IoU 0.3), each model with
its own threshold for that, unless they say otherwise; in brackets 95 % of resamples of whole photos.

On {held_photos} photos held back of `{collection}`:

{held_table}

On {other_photos} photos of `{other}`:

{other_table}

With the threshold that ships (set on val photos, for {rate} false boxes a photo there; YuNet's is its own):

| model | photos | threshold | false boxes a photo | masked found | bare found | wrongly worn found |
|---|---|---|---|---|---|---|
{own}
{tried}"""

_SAME = """The files that ship are the ones that were measured: they were trained on the train photos of
`{collection}` alone. The table shows the test photos ({held_photos})."""
_TWIN = """What ships is trained on all photos of `{collection}`. So its figures on them are those of a twin
that never saw the val and test photos; the table shows the test photos ({held_photos})."""

_FIGURES = (
    ("ap_0.3", "AP, IoU 0.3"),
    ("ap_0.4", "AP, IoU 0.4"),
    ("ap_0.5", "AP, IoU 0.5"),
    ("recall", "recall"),
    ("recall_masked", "recall, masked"),
    ("recall_not_masked", "recall, bare"),
    ("recall_incorrect", "recall, worn wrongly"),
    ("recall_at_0.03", "recall at 0.03 false boxes"),
    ("recall_20_to_30px", "recall, 20 to 30 px"),
    ("recall_30_to_50px", "recall, 30 to 50 px"),
    ("recall_50_to_100px", "recall, 50 to 100 px"),
    ("recall_100px_and_more", "recall, 100 px and more"),
)


def face_card(models: Path) -> str:
    """The text, from ``face.report.json`` and the contracts beside it."""
    report = json.loads((models / REPORT).read_text(encoding="utf-8"))
    contract = load_contract(models / "face.tflite")
    training = contract.made_by["training"]
    measured: dict[str, Any] = report["models"]
    held_photos = measured[ORIGINAL]["held_back"]["photos"]
    same = all(m["sha256"] == m["measured_sha256"] for n, m in measured.items() if n != ORIGINAL)
    shipped = (_SAME if same else _TWIN).format(collection=report["held_back"], held_photos=held_photos)
    return _TEXT.format(
        shipped=shipped,
        id=contract.model_id,
        source=contract.made_by["source_sha256"],
        photos=training["number_of_photos"],
        faces=training["faces"],
        collection=report["held_back"],
        other=report["other"],
        runs=training["runs"],
        steps=training["recipe"]["steps"],
        batch=training["recipe"]["batch"],
        seed=training["seed"],
        files="\n".join(_file_row(models, name, measured[name]) for name in measured if name != ORIGINAL),
        held_photos=held_photos,
        other_photos=measured[ORIGINAL]["other"]["photos"],
        held_table=_table(measured, "held_back"),
        other_table=_table(measured, "other"),
        rate=report["false_boxes"],
        own="\n".join(_own_rows(measured)),
        tried="\n" + TRIED.read_text(encoding="utf-8") if TRIED.is_file() else "",
    )


def _file_row(models: Path, name: str, measured: Mapping[str, Any]) -> str:
    contract = load_contract(models / f"{name}.tflite")
    height, width, _ = contract.input.shape
    numbers = "int8" if contract.outputs[0].dtype == "int8" else "float32"
    told = [f"`{contract.file}`", f"{width}x{height}", numbers, measured["threshold"], contract.sha256[:12]]
    return f"| {' | '.join(map(str, told))} |"


def _table(measured: Mapping[str, Any], photos: str) -> str:
    names = list(measured)
    lines = [f"| figure | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for figure, told in _FIGURES:
        cells = [_cell(measured[name][photos][figure]) for name in names]
        lines.append(f"| {told} | {' | '.join(cells)} |")
    counts = measured[ORIGINAL][photos]["faces"]
    lines += ["", ", ".join(f"{v} faces {k.replace('_', ' ')}" for k, v in counts.items()) + "."]
    return "\n".join(lines)


def _cell(figure: Mapping[str, float | None]) -> str:
    if figure["value"] is None:
        return "-"
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"


def _own_rows(measured: Mapping[str, Any]) -> list[str]:
    rows = []
    for name, figures in measured.items():
        for photos in ("held_back", "other"):
            own = figures[photos]["at_threshold"]
            recalls = [own.get(f"recall_{label}") for label in ("masked", "not_masked", "incorrect")]
            cells = ["-" if r is None else f"{r:.3f}" for r in recalls]
            rows.append(
                f"| {name} | {photos.replace('_', ' ')} | {figures['threshold']} "
                f"| {own['false_boxes']:.3f} | {' | '.join(cells)} |"
            )
    return rows
