"""``mask-convert quantize``: a trained Keras model to full int8 TFLite with its contract."""

import csv
import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from convert.data.read_pictures import read_rgb
from convert.data.records import Record, fingerprint, read_manifest
from convert.export.artifact import write_artifact
from convert.export.int8 import to_int8
from convert.training import network
from convert.training.run_record import RUN_RECORD
from edge.errors import UsageError
from edge.model.contract import Contract, Crop, TensorSpec
from edge.model.preprocess import face_input
from edge.values import Image

VERSION = "1.2.0"
SAMPLES = 200
CALIBRATION = "calibration.csv"
"""Beside the model: the faces that set the ranges."""


def quantize(
    trained: Path, data: Path, out: Path, *, samples: int = SAMPLES, seed: int = 2026, margin: float = 0.0
) -> Path:
    """Write ``out/mask.tflite`` with its papers, and ``out/calibration.csv``, the faces used.

    The contract's calibration and threshold are neutral until ``release`` measures them.

    Args:
        trained: ``mask.keras``.
        data: the prepared dataset; only its training split is read.
        out: any folder.
        samples: how many faces set the ranges.
        seed: which.
        margin: of the crop, see ``edge.model.preprocess.crop``.

    Raises:
        UsageError: the model or the data is missing.
        ModelError: an operation stayed in floating point.
    """
    model = network.load(trained)
    records = read_manifest(data / "manifest.csv")
    chosen = representative(records, samples, seed)
    faces = device_inputs(chosen, margin)
    flat = to_int8(lambda image: model(image, training=False), (*network.SIZE, 3), faces)
    draft = Contract(
        name="mask",
        kind="mask-classifier",
        version=VERSION,
        file="",
        sha256="0" * 64,
        channel_order="RGB",
        input=TensorSpec(shape=(*network.SIZE, 3), dtype="uint8", scale=1.0, zero_point=0),
        outputs=(),
        crop=Crop(margin=margin),
        positive_class="masked",
        threshold=0.5,
        made_by=_made_by(trained, records, len(chosen), seed),
    )
    path = write_artifact(flat, draft, out)
    with (out / CALIBRATION).open("w", newline="", encoding="utf-8") as f:
        rows = csv.writer(f, lineterminator="\n")
        rows.writerow(("file", "source", "label", "sha256"))
        rows.writerows((r.path.name, r.source, r.label, r.sha256) for r in chosen)
    return path


def representative(records: Iterable[Record], samples: int, seed: int) -> list[Record]:
    """Faces of the training split, as many of each label, whatever their share of the data.

    Raises:
        UsageError: there is no training split.
    """
    by_label: dict[str, list[Record]] = defaultdict(list)
    for r in records:
        if r.split == "train":
            by_label[r.label].append(r)
    if not by_label:
        raise UsageError("the dataset has no training split to calibrate on; run `mask-convert prepare`")
    rng = np.random.default_rng(seed)
    share = samples // len(by_label)
    return [
        members[i] for _, members in sorted(by_label.items()) for i in rng.permutation(len(members))[:share]
    ]


def device_inputs(records: Iterable[Record], margin: float) -> list[Image]:
    """The (96, 96, 3) uint8 RGB inputs that the device would make of the original pictures."""
    return [face_input(read_rgb(r.path), r.box, network.SIZE, margin) for r in records]


def _made_by(trained: Path, records: list[Record], samples: int, seed: int) -> dict[str, Any]:
    record = trained.parent / RUN_RECORD
    return {
        "command": "mask-convert prepare, train, quantize, release",
        "architecture": "MobileNetV2 1.0, 96x96, global average pooling, one logit",
        "training": json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {},
        "dataset_sha256": fingerprint(records),
        "calibration_faces": samples,
        "calibration_seed": seed,
    }
