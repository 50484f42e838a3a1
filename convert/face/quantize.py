"""``mask-convert face quantize``: trained weights to int8 and float TFLite, at each input size."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from convert.export.artifact import write_artifact
from convert.export.float32 import to_float32
from convert.export.int8 import to_int8
from convert.face.network import FaceNetwork, original, with_weights
from convert.face.scenes import deal, read_scenes
from convert.face.train import RECORD
from convert.progress_log import Tell
from edge.errors import UsageError
from edge.model.contract import Contract, TensorSpec
from edge.model.preprocess import letterbox
from edge.values import Image

VERSION = "1.0.0"
SIZES = ((480, 640), (352, 480))
"""(height, width) px. The first one's model is called plainly ``face``."""
SAMPLES = 100
CONVENTION = "yunet: from the middle of the forehead to the chin, ear to ear"


def quantize_face(
    weights: Path,
    onnx: Path,
    photos: Path,
    out: Path,
    *,
    sizes: Sequence[tuple[int, int]] = SIZES,
    samples: int = SAMPLES,
    seed: int = 2026,
    tell: Tell,
) -> list[Path]:
    """Write int8 and float models with their papers; thresholds are set by ``release``.

    Args:
        weights: ``face.npz`` of ``train``, its record beside it.
        onnx: the published YuNet.
        photos: what it was trained on; only photos of the training split set the ranges.
        out: any folder.
        sizes: (height, width) px, multiples of 32.
        samples: how many photos set the ranges.
        seed: of the split and of the choice.
        tell: gets progress.

    Returns:
        The paths of the ``.tflite`` files: int8 and float of the first size, then of the next.

    Raises:
        UsageError: a file is missing, or a size is not a multiple of 32.
        ModelError: the ONNX file is not YuNet, or an operation stayed in floating point.
    """
    for size in sizes:
        if any(side % 32 for side in size):
            raise UsageError(f"{size[1]}x{size[0]}: not an input size; both must be multiples of 32")
    network = with_weights(original(onnx), weights)
    scenes = read_scenes(photos, tell)
    chosen = deal(len(scenes), seed)["train"][:samples]
    record = _record(weights)
    made_by = {
        "command": "mask-convert face train, quantize, release",
        "source": "YuNet by Shiqi Yu and others, MIT licence (LICENSE.yunet), trained further",
        "source_sha256": record["weights_sha256"],
        "calibration_pictures": len(chosen),
        "heads": "cls, obj, bbox, kps at strides 8, 16, 32; scores after the sigmoid",
        "training": {k: v for k, v in record.items() if k != "weights_sha256"},
    }
    written = []
    for size in sizes:
        name = "face" if size == SIZES[0] else f"face-{size[1]}x{size[0]}"
        tell(f"{name}: int8 and float")
        inputs = [letterbox(scenes[i].image, size)[0] for i in chosen]
        written.append(_write_int8(network, size, inputs, name, made_by, out))
        written.append(_write_float(network, size, f"{name}-float", made_by, out))
    return written


def _write_int8(
    network: FaceNetwork,
    size: tuple[int, int],
    inputs: Sequence[Image],
    name: str,
    made_by: dict[str, Any],
    out: Path,
) -> Path:
    model = to_int8(network.heads, (*size, 3), inputs)
    return write_artifact(model, _draft(name, size, made_by), out)


def _write_float(
    network: FaceNetwork, size: tuple[int, int], name: str, made_by: dict[str, Any], out: Path
) -> Path:
    model = to_float32(network.heads, (*size, 3))
    return write_artifact(model, _draft(name, size, made_by), out, int8=False)


def _draft(name: str, size: tuple[int, int], made_by: dict[str, Any]) -> Contract:
    return Contract(
        name=name,
        kind="face-detector",
        version=VERSION,
        file="",
        sha256="0" * 64,
        channel_order="RGB",
        input=TensorSpec(shape=(*size, 3), dtype="uint8", scale=1.0, zero_point=0),
        outputs=(),
        box_convention=CONVENTION,
        made_by=made_by,
    )


def _record(weights: Path) -> dict[str, Any]:
    path = weights.with_name(RECORD)
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as e:
        raise UsageError(f"{path}: no record of the training beside {weights.name} ({e})") from e
