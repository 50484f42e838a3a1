"""The network: Keras MobileNetV2 with one logit node, raw pixels in."""

import os
import urllib.request
from pathlib import Path
from typing import Any

from edge.errors import UsageError

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

IMAGENET_URL = (
    "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/"
    "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_96_no_top.h5"
)

SIZE = (96, 96)
"""(height, width) px."""


def build(weights: str, *, dropout: float, batch_norm_momentum: float) -> Any:  # noqa: ANN401  Keras has no types
    """A model of (N, 96, 96, 3) float32 RGB, 0 to 255, that gives (N, 1) logits.

    Args:
        weights: ``imagenet`` (Keras downloads them), ``random``, or a file of MobileNetV2 1.0 without top.
        dropout: before the last layer.
        batch_norm_momentum: Keras' .999 needs more steps than a short run has.

    Raises:
        UsageError: the file is missing or holds other weights.
    """
    from tensorflow import keras  # noqa: PLC0415  takes seconds to import

    if weights == "imagenet":
        _require_download()
    name = {"imagenet": "imagenet", "random": None}.get(weights, weights)
    if name not in ("imagenet", None) and not Path(weights).is_file():
        raise UsageError(f"{weights}: no such weights file; give one, or --weights imagenet to download them")
    inputs = keras.Input((*SIZE, 3), name="image")
    x = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(inputs)
    try:
        base = keras.applications.MobileNetV2(
            input_tensor=x, input_shape=(*SIZE, 3), alpha=1.0, include_top=False, weights=name
        )
    except (ValueError, OSError) as e:
        raise UsageError(f"{weights}: can't be loaded into MobileNetV2 1.0 without its top: {e}") from e
    for layer in base.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = batch_norm_momentum
    x = keras.layers.GlobalAveragePooling2D()(base.output)
    x = keras.layers.Dropout(dropout)(x)
    return keras.Model(inputs, keras.layers.Dense(1, name="logit")(x), name="mask")


def _require_download() -> None:
    """Keras says little when its host can't be reached, so ask first.

    Raises:
        UsageError: neither the host nor Keras' own copy of the weights is there.
    """
    if (Path.home() / ".keras" / "models" / Path(IMAGENET_URL).name).is_file():
        return
    try:
        urllib.request.urlopen(urllib.request.Request(IMAGENET_URL, method="HEAD"), timeout=20).close()
    except OSError as e:
        raise UsageError(
            f"{IMAGENET_URL}: the ImageNet weights can't be downloaded ({e}); give a file with --weights FILE"
        ) from e


def load(path: Path) -> Any:  # noqa: ANN401
    """A trained model.

    Raises:
        UsageError: there is none, or it can't be read.
    """
    from tensorflow import keras  # noqa: PLC0415

    if not path.is_file():
        raise UsageError(f"{path}: no trained model there; run `mask-convert train`")
    try:
        return keras.models.load_model(path, compile=False)
    except (ValueError, OSError) as e:
        raise UsageError(f"{path}: not a Keras 2 model ({e})") from e
