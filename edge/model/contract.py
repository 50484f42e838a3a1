"""Contract 1: the JSON beside each ``.tflite`` that says how to feed and read it.

``models/mask.json`` describes ``models/mask.tflite``. Golden vectors (``mask.golden.npz``: array ``input``
(N, H, W, 3) uint8, arrays ``output_0`` ... in the model's own dtype) prove on any machine that the pair
computes what it computed when it was released.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.errors import ModelError
from edge.files import NotPlainError, TooLongError, read_plain

_SHOWN = 3
_LONGEST = 64 * 1024 * 1024
"""Bytes; the largest model of ours has 3 MB."""
"""Mistakes of a contract that are told; it was not written by hand, so one look tells what it is."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TensorSpec(_Strict):
    """One tensor: shape without the batch axis, dtype, and affine quantisation (0, 0 where there is none)."""

    shape: tuple[int, ...]
    dtype: Literal["uint8", "int8", "float32"]
    scale: float
    zero_point: int


class Crop(_Strict):
    """How a face box becomes a model input; see ``preprocess.face_input``."""

    margin: float = Field(ge=-0.5, le=1.0)
    """Added on each side, as a share of the box's width and height."""


class Calibration(_Strict):
    """Platt scaling: calibrated logit = slope * logit + offset."""

    slope: float = Field(default=1.0, gt=0)
    offset: float = 0.0


class Contract(_Strict):
    """What the device must know about a model."""

    schema_version: Literal[1] = 1
    name: str
    kind: Literal["mask-classifier", "face-detector"]
    version: str
    file: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    channel_order: Literal["RGB", "BGR"]
    input: TensorSpec
    outputs: tuple[TensorSpec, ...]
    crop: Crop | None = None
    interpolation: Literal["area-or-linear"] = "area-or-linear"
    positive_class: str | None = None
    threshold: float | None = Field(default=None, gt=0, lt=1)
    """Of the calibrated probability, or of the detector's score; the configuration may override it."""
    box_convention: str | None = None
    """How a detector draws a face's box; the classifier is trained on what such boxes cut out."""
    calibration: Calibration = Calibration()
    golden: str | None = None
    made_by: dict[str, Any] = Field(default_factory=dict)
    """Data, code and seeds that made the model."""
    figures: dict[str, Any] = Field(default_factory=dict)
    """What was measured, on what."""

    @property
    def model_id(self) -> str:
        """Name, version and the first 8 digits of the hash: what events and ``info`` carry."""
        return f"{self.name}-{self.version}-{self.sha256[:8]}"


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def load_contract(model: Path) -> Contract:
    """The contract beside a ``.tflite`` file, after checking that the file is the one it describes.

    The hash is checked before any runtime sees the bytes: tflite-runtime crashes on a truncated file.

    Raises:
        ModelError: a file is missing or can't be read, the contract is not valid, or the hash differs.
    """
    path = model.with_suffix(".json")
    content = _read(model, "no such model file. Reinstall maskgate, or point the configuration at one.")
    told = _read(path, f"the model's contract is missing beside {model.name}; copy both together.")
    try:
        contract = Contract.model_validate_json(told)
    except ValidationError as e:
        raise ModelError(f"{path}: not a valid model contract: {_in_short(e)}") from e
    found = hashlib.sha256(content).hexdigest()
    if found != contract.sha256:
        raise ModelError(
            f"{model}: sha256 is {found[:12]}..., its contract {path.name} says {contract.sha256[:12]}...: "
            f"the file is damaged or not the released one. Copy {model.name} and {path.name} together again."
        )
    return contract


def _read(path: Path, missing: str) -> bytes:
    try:
        return read_plain(path, _LONGEST, follow=True)
    except (FileNotFoundError, NotADirectoryError) as e:
        raise ModelError(f"{path}: {missing}") from e
    except NotPlainError as e:
        raise ModelError(f"{path}: is a folder, a pipe or a device: name the model's file.") from e
    except TooLongError as e:
        raise ModelError(f"{path}: is longer than {_LONGEST} bytes: it is not a model of ours.") from e
    except (OSError, ValueError) as e:  # ValueError: no name that a file can have
        reason = e.strerror if isinstance(e, OSError) else e
        raise ModelError(f"{path}: can't be read by the user that runs maskgate: {reason}.") from e


def _in_short(error: ValidationError) -> str:
    mistakes = error.errors(include_url=False, include_input=False)
    first = [": ".join([*filter(None, [".".join(map(str, m["loc"]))]), m["msg"]]) for m in mistakes[:_SHOWN]]
    more = len(mistakes) - len(first)
    count = f"{len(mistakes)} mistakes: " if len(mistakes) > 1 else ""
    return f"{count}{'; '.join(first)}{f'; and {more} more' if more else ''}"


def save_contract(contract: Contract, path: Path) -> None:
    """Write it as stable, readable JSON."""
    text = json.dumps(contract.model_dump(mode="json"), indent=2, sort_keys=False, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
