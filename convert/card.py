"""The model card ``models/README.md``, written from the released contracts and reports alone."""

import json
from pathlib import Path
from typing import Any

from edge.model.contract import Contract, load_contract

_HEAD = """# Released models

Written by `mask-convert release` and `mask-convert face` from the contracts and reports beside it; don't edit
it. Each `.tflite` comes with its contract (`.json`: how to feed and read it, its sha256, its figures) and
golden vectors (`.golden.npz`: drawn faces, nobody's portrait, and the exact outputs on LiteRT).
"""

_MASK = """
## mask: is a mask worn properly?

`{id}`. MobileNetV2 1.0, 96x96 RGB uint8 in, one int8 logit out. The device applies slope {slope} and offset
{offset} (Platt scaling on the validation split) and the threshold {threshold}. A mask that leaves nose or
mouth free counts as not masked.

Made with recipe `{recipe}`: {epochs} epochs, seed {seed}, from ImageNet weights (`{weights}`), on the
training split only; {samples} training faces set the int8 ranges (listed in `mask.calibration.csv`). The
test split shares no photo and no person with training, as far as the sources name them: collections that
share photos are tied together by photo name, bytes and look.

### Figures on the test split, int8, by the device's own classifier

| figure | value |
|---|---|
{rows}

| source | masked accepted | not masked, called masked | worn wrongly, refused | faces |
|---|---|---|---|---|
{sources}

Test and training are different photos of the same collections: expect less on a new camera.

### Data

| source | train: masked / not / wrongly worn | test | licence, as the source states it |
|---|---|---|---|
{data}

Almost all are photos from the web whose rights lie with third parties. They were used for research, are not
part of this repository and can't be had from us. `maskon` are synthetic masks, counted a quarter; `frames`
are faces that our own detector found in whole photos, with its boxes. The photos of `frames`, `talk-*` and
`andrewmvd` are the same collection: figures on them say nothing about another one.

### Limits

- Faces under 20 px were never shown in training; under about 30 px expect more errors.
- Wrongly worn masks are few in the data ({wrong} real ones in training): the weakest class.
- Profiles beyond about 60 degrees, and scarves or costumes over the mouth, are rare in the data.
- Grey (infrared) pictures and darkness were simulated, not recorded.
- Not for identification, and not a medical device.
"""

_FACE = """
## face: where are the faces?

`{id}`. YuNet (2023mar) by Shiqi Yu and others, MIT licence (`LICENSE.yunet`), converted to int8 from the
published ONNX file (sha256 `{source}`):
{height}x{width} BGR uint8 in, twelve int8 heads out. Ranges set by {samples} photos.

Against the float model on {photos} other photos: {again:.1%} of its {faces} faces at least 40 px wide found
again at IoU 0.5, mean IoU {iou:.3f}, mean difference of scores {difference:.4f}.
"""


def write_card(models: Path) -> None:
    """Write ``README.md`` in the folder of released models, about those that are there."""
    text = _HEAD
    if (models / "mask.report.json").is_file():
        text += _mask(models)
    if (models / "face.tflite").is_file():
        text += _face(load_contract(models / "face.tflite"))
    (models / "README.md").write_text(text, encoding="utf-8")


def _mask(models: Path) -> str:
    contract = load_contract(models / "mask.tflite")
    report = json.loads((models / "mask.report.json").read_text(encoding="utf-8"))
    training = contract.made_by.get("training", {})
    test, agreement = report["test"], report["float_int8"]
    figures = {
        "accuracy, masked against not masked": test["accuracy"],
        "ROC AUC, the same": test["roc_auc"],
        "masked accepted": test["masked_accepted"],
        "not masked, called masked": test["false_masked"],
        "worn wrongly, refused (synthetic ones included)": test["incorrect_refused"],
        f"worn wrongly for real ({test['incorrect_real']} faces), refused": test["incorrect_refused_real"],
        "expected calibration error": test["calibration_error"],
        "accuracy of the float model": agreement["accuracy_float"],
        "same verdict, float and int8": agreement["same_verdict"],
        "difference of ROC AUC, float and int8": agreement["roc_auc_difference"],
    }
    wrong = sum(d["train"]["incorrect"] for name, d in report["data"].items() if name != "maskon")
    return _MASK.format(
        id=contract.model_id,
        slope=contract.calibration.slope,
        offset=contract.calibration.offset,
        threshold=contract.threshold,
        recipe=training.get("recipe", {}).get("name", "?"),
        epochs=training.get("recipe", {}).get("epochs", "?"),
        seed=training.get("seed", "?"),
        weights=training.get("weights", "?"),
        samples=contract.made_by.get("calibration_faces", "?"),
        rows="\n".join(f"| {name} | {_number(value)} |" for name, value in figures.items()),
        sources="\n".join(_source_row(name, s) for name, s in test["by_source"].items()),
        data="\n".join(_data_row(name, d) for name, d in report["data"].items()),
        wrong=wrong,
    )


def _source_row(name: str, s: dict[str, Any]) -> str:
    shares = (s["masked_accepted"], s["false_masked"], s["incorrect_refused"])
    return f"| {name} | {' | '.join(_number(v) for v in shares)} | {s['faces']} |"


def _data_row(name: str, d: dict[str, Any]) -> str:
    train, test = (" / ".join(str(n) for n in d[split].values()) for split in ("train", "test"))
    return f"| {name} | {train} | {test} | {d['licence'] or 'not stated'} |"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _face(contract: Contract) -> str:
    f = contract.figures
    return _FACE.format(
        id=contract.model_id,
        source=contract.made_by["source_sha256"],
        height=contract.input.shape[0],
        width=contract.input.shape[1],
        samples=contract.made_by["calibration_pictures"],
        photos=f["photos"],
        again=f["found_again_iou_0.5"],
        faces=f["faces_40px_and_wider"],
        iou=f["mean_iou"],
        difference=f["mean_score_difference"],
    )
