"""A model that is not what the device needs is refused in few words."""

import json
import shutil
from pathlib import Path

import pytest

from edge.config import SHIPPED_MODELS
from edge.errors import ModelError
from edge.model.classifier import MaskClassifier
from edge.model.contract import load_contract


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    """A copy of the shipped mask model with its contract."""
    for suffix in (".tflite", ".json"):
        shutil.copy(SHIPPED_MODELS / f"mask{suffix}", tmp_path)
    return tmp_path / "mask.tflite"


def change(model: Path, **changes: object) -> None:
    path = model.with_suffix(".json")
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_the_copy_itself_is_fine(mask: Path) -> None:
    assert MaskClassifier(mask).contract.channel_order == "RGB"


def test_a_mask_model_that_wants_bgr_is_refused(mask: Path) -> None:
    change(mask, channel_order="BGR")
    with pytest.raises(ModelError, match=r"mask\.tflite: its contract says channel_order BGR.*RGB"):
        MaskClassifier(mask)


def test_a_wrong_contract_is_told_in_one_line(mask: Path) -> None:
    change(mask, name=3, kind="cat", sha256="x", channel_order="CMY", extra={"secret": "s3cret"})
    with pytest.raises(ModelError) as caught:
        load_contract(mask)
    text = str(caught.value)
    assert f"{mask.with_suffix('.json')}: not a valid model contract: 5 mistakes: name: " in text
    assert text.endswith("; and 2 more")
    assert ("\n" in text, "http" in text, "s3cret" in text) == (False, False, False)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"{", "Invalid JSON"), (b"\xff", "Invalid JSON"), (b"[]", "Input should be an object")],
)
def test_a_contract_that_is_none_is_told_in_one_line(mask: Path, content: bytes, words: str) -> None:
    mask.with_suffix(".json").write_bytes(content)
    with pytest.raises(ModelError, match=words) as caught:
        load_contract(mask)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".tflite", ".json"])
def test_what_is_missing_or_a_folder_is_named(mask: Path, suffix: str) -> None:
    path = mask.with_suffix(suffix)
    path.unlink()
    with pytest.raises(ModelError, match=rf"mask\{suffix}: .*(no such model|missing)"):
        load_contract(mask)
    path.mkdir()
    with pytest.raises(ModelError, match=rf"mask\{suffix}: is a folder, a pipe or a device: name"):
        load_contract(mask)
