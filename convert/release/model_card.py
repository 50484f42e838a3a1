"""The model card ``models/README.md``, written from the released contracts and reports alone."""

from pathlib import Path

from convert.face.release import REPORT as FACE_REPORT
from convert.release.face_card import face_card
from convert.release.mask_card import REPORT, mask_card

_HEAD = """# Released models

Written by `mask-convert release` and `mask-convert face release` from the contracts and reports beside it;
don't edit it. Each `.tflite` comes with its contract (`.json`: how to feed and read it, its sha256, its
figures) and golden vectors (`.golden.npz`: drawn faces, nobody's portrait, and the exact outputs on
LiteRT).
"""


def write_card(models: Path) -> None:
    """Write ``README.md`` in the folder of released models, about those that are there."""
    text = _HEAD
    if (models / REPORT).is_file():
        text += mask_card(models)
    if (models / FACE_REPORT).is_file():
        text += face_card(models)
    (models / "README.md").write_text(text, encoding="utf-8")
