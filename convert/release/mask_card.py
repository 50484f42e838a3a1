"""The mask model's part of the model card, from its contract and reports alone."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from convert.data.split import SYNTHETIC_SOURCES
from edge.model.contract import Contract, load_contract

REPORT, UNSEEN = "mask.report.json", "mask.unseen.json"
"""What ``release`` and ``cross-validate`` leave beside the model."""
ROC, RELIABILITY = "mask.roc.png", "mask.reliability.png"
TRIED = Path(__file__).with_name("tried.md")
"""What was tried for the release, with figures; written by hand."""

_TEXT = """
## mask: is a mask worn properly?

`{id}`. MobileNetV2 1.0, 96x96 RGB uint8 in, one int8 logit out. The device applies slope {slope} and offset
{offset} (Platt scaling on the validation split) and the threshold {threshold}. A mask that leaves nose or
mouth free counts as not masked.

Made with recipe `{recipe}`: {epochs} epochs, seed {seed}, from ImageNet weights (`{weights}`), on
{trained_on}; {samples} training faces set the int8 ranges (listed in `mask.calibration.csv`).{twin}
{unseen}
### On the test split, int8, by the device's own classifier

The test split shares no photo and no person with training, as far as the sources name them: collections that
share photos are tied together by photo name, bytes and look. It is of the same collections, though: expect
less on a new camera.

| figure | value | 95 % interval, by photo |
|---|---|---|
{rows}

| source | masked accepted | not masked, called masked | worn wrongly, refused | faces |
|---|---|---|---|---|
{sources}

Where it stops being good:

| slice | masked accepted | not masked, called masked | worn wrongly, refused | faces |
|---|---|---|---|---|
{slices}

![ROC curve]({roc})

![Reliability: stated probability against observed share]({reliability})
{tried}
### Data

| source | train: masked / not / wrongly worn | test | licence, as the source states it |
|---|---|---|---|
{data}

Almost all are photos from the web whose rights lie with third parties. They were used for research, are not
part of this repository and can't be had from us. `maskon` are synthetic masks, counted a quarter; `frames`
are faces that our own detector found in whole photos, with its boxes. The photos of `frames`, `talk-*` and
`andrewmvd` are the same collection: figures on them say nothing about another one. Labels that were wrong
were corrected by eye: `convert/data/corrections.csv` lists them.

### Limits

- Faces under 20 px were never shown in training; under about 30 px expect more errors.
- Wrongly worn masks are few in the data ({wrong} real ones in training): the weakest class, and worst where
  the edge lies just below the tip of the nose.
- Profiles beyond about 60 degrees, and scarves or costumes over the mouth, are rare in the data.
- Grey (infrared) pictures and darkness were simulated, not recorded.
- Not for identification, and not a medical device.
"""

_UNSEEN = """
### On collections that it never saw

What to expect on a new camera: recipe `{recipe}`, trained without some sources and asked about them
(`mask-convert cross-validate`, {epochs} epochs each; left out together: {folds}). "Before" is the recipe of
the model that was released before, on the same folds and the same labels; the last column is the 95 %
interval of the difference, by photo.

| source left out | figure | value | 95 % interval | before | difference |
|---|---|---|---|---|---|
{rows}
"""
_NAMES = {
    "accuracy": "accuracy, masked against not masked",
    "roc_auc": "ROC AUC, the same",
    "tpr_at_fpr_0.01": "masked accepted where 1 % of the not masked are",
    "masked_accepted": "masked accepted",
    "false_masked": "not masked, called masked",
    "incorrect_refused": "worn wrongly, refused",
}


def mask_card(models: Path) -> str:
    """The text, as Markdown."""
    contract = load_contract(models / "mask.tflite")
    report = json.loads((models / REPORT).read_text(encoding="utf-8"))
    training = contract.made_by.get("training", {})
    test, unseen = report["test"], models / UNSEEN
    return _TEXT.format(
        id=contract.model_id,
        slope=contract.calibration.slope,
        offset=contract.calibration.offset,
        threshold=contract.threshold,
        recipe=training.get("recipe", {}).get("name", "?"),
        epochs=training.get("recipe", {}).get("epochs", "?"),
        seed=training.get("seed", "?"),
        weights=training.get("weights", "?"),
        trained_on=report["model"]["trained_on"],
        twin=_twin(contract, report["model"]["measured"]["sha256"]),
        samples=contract.made_by.get("calibration_faces", "?"),
        unseen=_unseen(json.loads(unseen.read_text(encoding="utf-8"))) if unseen.is_file() else "",
        rows="\n".join(_figures(report)),
        sources="\n".join(_rates(name, s) for name, s in test["by_source"].items()),
        slices="\n".join(
            _rates(f"{what.removeprefix('slice_')} {name}", s)
            for what, parts in test["by_slice"].items()
            for name, s in parts.items()
        ),
        roc=ROC,
        reliability=RELIABILITY,
        tried="\n" + TRIED.read_text(encoding="utf-8") if TRIED.is_file() else "",
        data="\n".join(_data(name, d) for name, d in report["data"].items()),
        wrong=sum(
            d["train"]["incorrect"] for name, d in report["data"].items() if name not in SYNTHETIC_SOURCES
        ),
    )


def _twin(shipped: Contract, measured: str) -> str:
    if shipped.sha256 == measured:
        return ""
    return (
        f" What is\nmeasured below is its twin (sha256 `{measured[:12]}...`): the same recipe "
        "on the split `train`\nalone, whose slope, offset and threshold it got too."
    )


def _unseen(report: Mapping[str, Any]) -> str:
    rows = [
        f"| {source} ({part['faces']} faces) | {_NAMES[name]} | {_compared(name, part)} |"
        for source, part in report["sources"].items()
        for name, figure in part["figures"].items()
        if figure["value"] is not None
    ]
    folds = "; ".join(" with ".join(fold) for fold in report["folds"])
    recipe = report["recipe"]
    return _UNSEEN.format(recipe=recipe["name"], epochs=recipe["epochs"], folds=folds, rows="\n".join(rows))


def _compared(name: str, part: Mapping[str, Any]) -> str:
    figure, before, gap = part["figures"][name], part.get("before", {}), part.get("difference", {})
    cells = (_number(figure["value"]), _span(figure["interval"]), _number(before.get(name)))
    return " | ".join((*cells, _span(gap.get(name), "+")))


def _figures(report: Mapping[str, Any]) -> Iterable[str]:
    test, both = report["test"], report["float_int8"]
    for name, text in _NAMES.items():
        yield f"| {text} | {_number(test[name])} | {_span(test['intervals'][name])} |"
    real = f"worn wrongly for real ({test['incorrect_real']} faces), refused"
    for text, value in (
        (real, test["incorrect_refused_real"]),
        ("expected calibration error", test["calibration_error"]),
        ("difference of accuracy, float and int8 (val and test)", both["accuracy_difference"]),
        ("same verdict, float and int8 (val and test)", both["same_verdict"]),
        ("difference of ROC AUC, float and int8 (val and test)", both["roc_auc_difference"]),
    ):
        yield f"| {text} | {_number(value)} | |"


def _rates(name: str, s: Mapping[str, Any]) -> str:
    shares = (s["masked_accepted"], s["false_masked"], s["incorrect_refused"])
    return f"| {name} | {' | '.join(_number(v) for v in shares)} | {s['faces']} |"


def _data(name: str, d: Mapping[str, Any]) -> str:
    train, test = (" / ".join(str(n) for n in d[split].values()) for split in ("train", "test"))
    return f"| {name} | {train} | {test} | {d['licence'] or 'not stated'} |"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _span(bounds: Iterable[float] | None, sign: str = "") -> str:
    return "-" if bounds is None else " to ".join(f"{v:{sign}.4f}" for v in bounds)
