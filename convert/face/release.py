"""``mask-convert face release``: thresholds, figures and papers of the trained detector, to ``models/``."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from convert.atomic import whole
from convert.face.evaluate import choose_threshold, find_in
from convert.face.figures import at_threshold, detector_figures
from convert.face.scenes import LabelledScene, deal, read_scenes
from convert.progress_log import Tell
from edge.errors import ModelError, UsageError
from edge.model.contract import load_contract, save_contract, sha256_of
from edge.model.detector import DEFAULT_SCORE
from edge.model.golden import check_golden
from edge.model.runtime import find_runtime

REPORT = "face.report.json"
ORIGINAL = "YuNet 2023mar"
FALSE_BOXES = 0.06
"""A photo, on validation photos, at the threshold of a release. These are few photos: with 0.03 the threshold
hung on three or four boxes, came out at .82, and cost a twentieth of the bare faces."""
COMPARED = ("ap_0.3", "recall_masked")
"""What a release must not lose against YuNet, on either set of photos."""


def release_face(
    measured: Path,
    shipped: Path,
    original: Path,
    photos: Path,
    other: Path,
    out: Path,
    *,
    seed: int = 2026,
    false_boxes: float = FALSE_BOXES,
    tell: Tell,
) -> dict[str, Any]:
    """Measure, set the thresholds, and write every model of a folder to the released ones.

    Args:
        measured: the folder of ``quantize`` with models that were trained without val and test photos.
        shipped: the folder of ``quantize`` with the models to release: the same one, or that of a twin which
            was trained on all photos.
        original: YuNet's own ``.tflite`` of ``mask-convert face convert``, measured beside them.
        photos: what they were trained on: thresholds are set on its val split, figures are of its test split,
            both with ``measured``.
        other: photos of another source, never trained on: figures of what is shipped.
        out: the folder of released models; untouched where a model sees less than YuNet.
        seed: of the split.
        false_boxes: see ``FALSE_BOXES``.
        tell: gets progress.

    Returns:
        The report.

    Raises:
        UsageError: a folder holds no models or no photos.
        ModelError: a model can't be loaded, or sees less than YuNet.
    """
    names = _names(measured, shipped)
    scenes, others = read_scenes(photos, tell), read_scenes(other, tell)
    splits = {name: [scenes[i] for i in part] for name, part in deal(len(scenes), seed).items()}
    report: dict[str, Any] = {
        "held_back": photos.resolve().name,
        "other": other.resolve().name,
        "false_boxes": false_boxes,
        "models": {},
    }
    report["models"][ORIGINAL] = {
        "sha256": sha256_of(original),
        "threshold": DEFAULT_SCORE,
        "held_back": _measure(splits["test"], original, DEFAULT_SCORE, tell),
        "other": _measure(others, original, DEFAULT_SCORE, tell),
    }
    for name in names:
        twin, model = measured / f"{name}.tflite", shipped / f"{name}.tflite"
        threshold = choose_threshold(find_in(splits["val"], twin, tell), false_boxes)
        report["models"][name] = {
            "sha256": sha256_of(model),
            "measured_sha256": sha256_of(twin),
            "threshold": threshold,
            "held_back": _measure(splits["test"], twin, threshold, tell),
            "other": _measure(others, model, threshold, tell),
        }
        _require_better(name, report["models"][name], report["models"][ORIGINAL])
    for name in names:
        _write(shipped / f"{name}.tflite", report["models"][name], out)
    with whole(out / REPORT) as part:
        part.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return report


def _names(measured: Path, shipped: Path) -> list[str]:
    names = sorted(p.stem for p in shipped.glob("face*.tflite"))
    missing = [n for n in names if not (measured / f"{n}.tflite").is_file()]
    if not names or missing:
        wanted = ", ".join(missing) or "no face*.tflite"
        raise UsageError(
            f"{measured}, {shipped}: not the same models ({wanted}); run `mask-convert face quantize`"
        )
    return names


def _measure(scenes: Sequence[LabelledScene], model: Path, threshold: float, tell: Tell) -> dict[str, Any]:
    found = find_in(scenes, model, tell)
    return {**detector_figures(found), "at_threshold": at_threshold(found, threshold)}


def _require_better(name: str, mine: dict[str, Any], yunet: dict[str, Any]) -> None:
    for photos in ("held_back", "other"):
        for figure in COMPARED:
            now, before = mine[photos][figure]["value"], yunet[photos][figure]["value"]
            if now is not None and before is not None and now < before:
                raise ModelError(
                    f"{name}: {figure} on photos {photos.replace('_', ' ')} is {now}, YuNet's {before}: "
                    "it is not released; train longer or on more photos"
                )


def _write(model: Path, measured: dict[str, Any], out: Path) -> None:
    """Copy a model and its golden vectors; its contract gets threshold and figures."""
    contract = load_contract(model)
    out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(model, out / model.name)
    if contract.golden:
        shutil.copyfile(model.with_name(contract.golden), out / contract.golden)
    figures = {
        photos: {k: v["value"] for k, v in measured[photos].items() if isinstance(v, dict) and "value" in v}
        for photos in ("held_back", "other")
    }
    update = {"threshold": measured["threshold"], "figures": figures | {"report": REPORT}}
    save_contract(contract.model_copy(update=update), (out / model.name).with_suffix(".json"))
    check_golden(out / model.name, find_runtime())
