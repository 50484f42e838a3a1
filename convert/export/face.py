"""``mask-convert face``: YuNet as full int8 TFLite, checked against its float original."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from convert.data.read_pictures import list_pictures, read_rgb
from convert.export.artifact import write_artifact
from convert.export.int8 import to_int8
from convert.export.yunet import read_yunet
from edge.errors import ModelError, UsageError
from edge.model.contract import Contract, TensorSpec, sha256_of
from edge.model.detector import FaceDetector
from edge.model.preprocess import letterbox
from edge.values import Box, Face, Image

SIZE = (480, 640)
"""(height, width) px of the input; a multiple of the largest stride, 32."""

MIN_WIDTH_PX = 40
MIN_AGREEMENT = 0.95


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two detectors see the same faces, on faces at least ``MIN_WIDTH_PX`` wide in the input."""

    pictures: int
    float_faces: int
    found_again: int
    mean_iou: float
    mean_score_difference: float

    @property
    def recall(self) -> float:
        """Share of the float model's faces that the int8 model finds (IoU 0.5)."""
        return self.found_again / self.float_faces if self.float_faces else 1.0


def convert_face(
    onnx: Path, calibration: Path, out: Path, *, samples: int = 100, seed: int = 2026
) -> Agreement:
    """Convert, check, and write ``face.tflite`` with contract and golden vectors.

    Args:
        onnx: face_detection_yunet_2023mar.onnx.
        calibration: a folder of photos; one half calibrates, the other is compared.
        out: the folder of released models.
        samples: pictures for each half, at most.
        seed: which pictures.

    Raises:
        UsageError: the ONNX file or the photos are missing.
        ModelError: the int8 model misses faces that the float model finds.
    """
    paths = list_pictures(calibration)
    if len(paths) < 2:
        raise UsageError(f"{calibration}: holds {len(paths)} pictures; at least 2 wanted, 200 are good")
    order = np.random.default_rng(seed).permutation(len(paths))
    used, compared = ([paths[i] for i in order[k::2][:samples]] for k in (0, 1))
    graph = read_yunet(onnx).run
    inputs = [letterbox(read_rgb(p), SIZE)[0][..., ::-1] for p in used]
    model = to_int8(graph, (*SIZE, 3), inputs)
    draft = Contract(
        name="face",
        kind="face-detector",
        version="2023mar",
        file="",
        sha256="0" * 64,
        channel_order="BGR",
        input=TensorSpec(shape=(*SIZE, 3), dtype="uint8", scale=1.0, zero_point=0),
        outputs=(),
        made_by=_made_by(onnx, used, seed),
    )
    with tempfile.TemporaryDirectory() as staged:
        agreement = compare(onnx, write_artifact(model, draft, Path(staged)), compared)
    if agreement.recall < MIN_AGREEMENT:
        raise ModelError(
            f"{onnx}: as int8 it finds only {agreement.found_again} of the {agreement.float_faces} faces of "
            f"the float model ({agreement.recall:.1%}, wanted {MIN_AGREEMENT:.0%}); calibrate on photos "
            "like those of the camera"
        )
    write_artifact(model, draft.model_copy(update={"figures": _figures(agreement)}), out)
    return agreement


def compare(onnx: Path, model: Path, pictures: list[Path]) -> Agreement:
    """The float model (OpenCV) against the int8 one (the device's detector), on the same inputs."""
    int8 = FaceDetector(model)
    pairs, total, differences = [], 0, []
    reference = cv2.FaceDetectorYN.create(str(onnx), "", (SIZE[1], SIZE[0]), 0.6, 0.3, 5000)
    for picture in pictures:
        x, _ = letterbox(read_rgb(picture), SIZE)
        found = int8.find(x)
        wanted = [f for f in float_faces(reference, x) if f.box.width >= MIN_WIDTH_PX]
        total += len(wanted)
        for face in wanted:
            best = max(found, key=lambda f: f.box.iou(face.box), default=None)
            if best is not None and best.box.iou(face.box) >= 0.5:
                pairs.append(best.box.iou(face.box))
                differences.append(abs(best.score - face.score))
    mean_iou = float(np.mean(pairs)) if pairs else 0.0
    mean_difference = float(np.mean(differences)) if differences else 0.0
    return Agreement(len(pictures), total, len(pairs), mean_iou, mean_difference)


def float_faces(reference: cv2.FaceDetectorYN, x: Image) -> list[Face]:
    """Faces of OpenCV's own YuNet in an RGB picture of its input size."""
    _, rows = reference.detect(np.ascontiguousarray(x[..., ::-1]))
    found = [] if rows is None else rows.tolist()
    return [Face(Box(r[0], r[1], r[0] + r[2], r[1] + r[3]).clipped(SIZE[1], SIZE[0]), r[14]) for r in found]


def _figures(agreement: Agreement) -> dict[str, Any]:
    return {
        "compared_with": "the float model on cv2.FaceDetectorYN, photos not used for calibration, score 0.6",
        "photos": agreement.pictures,
        "faces_40px_and_wider": agreement.float_faces,
        "found_again_iou_0.5": round(agreement.recall, 4),
        "mean_iou": round(agreement.mean_iou, 4),
        "mean_score_difference": round(agreement.mean_score_difference, 4),
    }


def _made_by(onnx: Path, used: list[Path], seed: int) -> dict[str, Any]:
    return {
        "command": "mask-convert face",
        "source": "YuNet by Shiqi Yu and others, MIT licence (LICENSE.yunet)",
        "source_file": onnx.name,
        "source_sha256": sha256_of(onnx),
        "calibration_pictures": len(used),
        "seed": seed,
        "heads": "cls, obj, bbox, kps at strides 8, 16, 32; scores after the sigmoid",
    }
