"""Tiny datasets of made-up pictures; what is in them does not matter to the workshop."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from convert.cli import main
from convert.data.prepare import FaceSources, prepare

MakeFaces = Callable[..., Path]
SaveFace = Callable[..., None]

TINT = {"masked": (60, 140, 220), "not_masked": (210, 150, 120), "incorrect": (200, 150, 200)}


def _save_face(
    path: Path, seed: int, *, tint: tuple[int, int, int] = (128, 128, 128), width: int = 40
) -> None:
    """A blotchy picture that no other seed looks like."""
    rng = np.random.default_rng(seed)
    blotches = cv2.resize(rng.normal(0, 60, (12, 12, 3)), (width, width + 8), interpolation=cv2.INTER_LINEAR)
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.clip(blotches + tint[::-1], 0, 255).astype(np.uint8))


@pytest.fixture(scope="session")
def save_face() -> SaveFace:
    """Writes one made-up picture."""
    return _save_face


@pytest.fixture(scope="session")
def make_faces(tmp_path_factory: pytest.TempPathFactory) -> MakeFaces:
    """A folder with that many faces of each class, from two sources."""

    def make(*, masked: int = 0, not_masked: int = 0, incorrect: int = 0) -> Path:
        root = tmp_path_factory.mktemp("faces")
        seed = 0
        for label, count in (("masked", masked), ("not_masked", not_masked), ("incorrect", incorrect)):
            for i in range(count):
                seed += 1
                _save_face(root / label / f"{'ab'[i % 2]}__{i:03}.png", seed, tint=TINT[label])
        return root

    return make


@pytest.fixture(scope="session")
def prepared(make_faces: MakeFaces, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset that can be trained on: some steps an epoch."""
    out = tmp_path_factory.mktemp("prepared")
    prepare(FaceSources(faces=[make_faces(masked=90, not_masked=90, incorrect=30)]), out)
    return out


@pytest.fixture(scope="session")
def trained(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two epochs on it. To train costs TensorFlow half a minute, whatever the data: do it once."""
    out = tmp_path_factory.mktemp("trained")
    argv = ["train", "--data", str(prepared), "--weights", "random", "--out", str(out), "--epochs", "2"]
    assert main(argv) == 0
    return out


@pytest.fixture(scope="session")
def models() -> Path:
    """The released models of this checkout."""
    return Path(__file__).resolve().parents[2] / "models"
