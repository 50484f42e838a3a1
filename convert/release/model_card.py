"""The model card ``models/README.md``, written from the released contracts and reports alone."""

from pathlib import Path

from convert.release.mask_card import REPORT, mask_card
from edge.model.contract import Contract, load_contract

_HEAD = """# Released models

Written by `mask-convert release` and `mask-convert face` from the contracts and reports beside it; don't edit
it. Each `.tflite` comes with its contract (`.json`: how to feed and read it, its sha256, its figures) and
golden vectors (`.golden.npz`: drawn faces, nobody's portrait, and the exact outputs on LiteRT).
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
    if (models / REPORT).is_file():
        text += mask_card(models)
    if (models / "face.tflite").is_file():
        text += _face(load_contract(models / "face.tflite"))
    (models / "README.md").write_text(text, encoding="utf-8")


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
