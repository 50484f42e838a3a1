"""The faces that visitors get: real ones from folders, or patterns where there are none."""

import csv
import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import cv2
import numpy as np

from edge.bench.motion import Wear
from edge.bench.scenes import ScriptedScene
from edge.errors import UsageError
from edge.model.preprocess import crop, resize
from edge.values import Box, Image

CONTEXT = 0.25
"""Surroundings kept around a face, as a share of its size, because boxes are a little off."""
_FOLDERS = {"masked": Wear.MASKED, "not_masked": Wear.BARE, "incorrect": Wear.WRONG}
_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}
_SYNTHETIC = "maskon__"
"""Drawn masks: the classifier has learned their drawing, so they would flatter it."""
_MIN_PX, _MAX_PX = 40, 240
"""Smaller faces would be blurred near the camera, which no camera does; larger ones are shrunk to this, with
their surroundings."""
_COLUMNS = {"path", "label", "split", "box", "sha256", "weight"}


@dataclass(frozen=True, eq=False, slots=True)
class FaceSprite:
    """A face with its surroundings."""

    name: str
    image: Image
    """(H, W, 3) uint8 RGB; ``CONTEXT`` around the face on each side."""


Roles = Mapping[tuple[int, Wear], FaceSprite]
"""The faces of one scene, by the visitor's id and what is worn."""


@dataclass(frozen=True, eq=False, slots=True)
class Cast:
    """Faces by what is worn, in the order in which they are dealt, and where they come from."""

    portraits: dict[Wear, list[FaceSprite]]
    about: dict[str, object]

    def deal(self, scenes: Iterable[ScriptedScene]) -> list[Roles]:
        """One face for each visitor and what is worn; none comes again before all others have come."""
        next_ones = {wear: cycle(some) for wear, some in self.portraits.items()}
        return [
            {(v.id, wear): next(next_ones[wear]) for v in scene.visitors for _, wear in v.wear}
            for scene in scenes
        ]


def real_faces(folder: Path, manifest: Path | None, dataset_sha256: object, seed: int) -> Cast:
    """Face pictures of ``folder/{masked,not_masked,incorrect}``, or the test split of a manifest.

    Args:
        folder: holds the three folders.
        manifest: of ``mask-convert prepare``: then only faces that the model never saw are used.
        dataset_sha256: of the data and splits that the model was trained with, from its contract.
        seed: of the order.

    Raises:
        UsageError: nothing usable there.
    """
    chosen: list[tuple[Path, str, Box | None]]
    if manifest is None:
        chosen = [(p, label, None) for label in _FOLDERS for p in sorted((folder / label).glob("*"))]
        used = "all files of the folders: the model was trained on most of them, which flatters these figures"
    else:
        rows = _rows(manifest)
        chosen = [_chosen(folder, r) for r in rows if r["split"] == "test"]
        same = _fingerprint(rows) == dataset_sha256
        used = (
            "test split of the model's own data"
            if same
            else "test split of a dataset that the model was not trained with: it may have seen these faces"
        )
    portraits: dict[Wear, list[FaceSprite]] = {wear: [] for wear in Wear}
    for path, label, box in chosen:
        if path.suffix.lower() in _SUFFIXES and not path.name.startswith(_SYNTHETIC):
            portraits[_FOLDERS[label]] += _load(path, box)
    if empty := [label for label, wear in _FOLDERS.items() if not portraits[wear]]:
        raise UsageError(
            f"{manifest or folder}: no usable face that is {' or '.join(empty)}; give a folder that holds "
            f"{', '.join(_FOLDERS)} with pictures of faces at least {_MIN_PX} px wide"
        )
    rng = np.random.default_rng((seed, 4))
    shuffled = {wear: [some[i] for i in rng.permutation(len(some))] for wear, some in portraits.items()}
    counts = {wear.value: len(some) for wear, some in shuffled.items()}
    return Cast(shuffled, {"kind": "real", "used": used, "synthetic_masks": "left out", "faces": counts})


def patterns(seed: int) -> Cast:
    """Patterns in place of faces: sharp and bright enough to be judged, by whatever judges them."""
    rng = np.random.default_rng((seed, 4))
    images = [rng.integers(40, 200, (64, 64, 3), dtype=np.uint8) for _ in range(16)]
    portraits = [FaceSprite(f"pattern-{n}", image) for n, image in enumerate(images)]
    used = "none: scores are drawn at the released model's measured rates"
    return Cast(dict.fromkeys(Wear, portraits), {"kind": "modelled", "used": used})


def _rows(manifest: Path) -> list[dict[str, str]]:
    if not manifest.is_file():
        raise UsageError(f"{manifest}: no such manifest; make one with `mask-convert prepare`")
    with manifest.open(newline="", encoding="utf-8") as f:
        rows = list(csv.DictReader(f))
    if not rows or not rows[0].keys() >= _COLUMNS:
        raise UsageError(f"{manifest}: not a manifest of `mask-convert prepare`; run it again")
    return rows


def _fingerprint(rows: Sequence[Mapping[str, str]]) -> str:
    """The SHA-256 that ``mask-convert`` computes of the data it trains on."""
    lines = [f"{r['sha256']} {r['label']} {r['split']} {float(r['weight']):.4f}\n" for r in rows]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _chosen(folder: Path, row: Mapping[str, str]) -> tuple[Path, str, Box | None]:
    path = Path(row["path"])
    moved = folder / path.parent.name / path.name
    box = Box(*(float(v) for v in row["box"].split())) if row["box"] else None
    return (moved if moved.is_file() else path), row["label"], box


def _load(path: Path, box: Box | None) -> list[FaceSprite]:
    """One portrait; an empty list where the file is not a picture or the face is too small."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        return []
    h, w = image.shape[:2]
    face = box or Box(0, 0, w, h)
    if face.width < _MIN_PX:
        return []
    # beyond the edge of a crop or photo its last pixels are repeated
    dx, dy = math.ceil(CONTEXT * face.width), math.ceil(CONTEXT * face.height)
    padded = cv2.copyMakeBorder(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dy, dy, dx, dx, cv2.BORDER_REPLICATE)
    patch = crop(np.asarray(padded, dtype=np.uint8), face.moved(dx, dy), CONTEXT)
    wide = min(_MAX_PX, patch.shape[1])
    return [FaceSprite(path.name, resize(patch, wide, round(wide * patch.shape[0] / patch.shape[1])))]
