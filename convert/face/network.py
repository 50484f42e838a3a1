"""YuNet's graph as something to train: RGB in, logits out, weights by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from convert.atomic import whole
from convert.export.yunet import Tensor, Weights, YuNet, read_yunet
from edge.errors import UsageError
from edge.model.detector import STRIDES

HEADS = ("cls", "obj", "bbox", "kps")
FIRST_TRAINED_STRIDE = 8
"""What is computed at lower strides stays as it was published: training it changes nothing but the time."""


@dataclass(frozen=True, eq=False, slots=True)
class FaceNetwork:
    """The graph with weights for RGB pictures; the file's own are for BGR."""

    graph: YuNet
    weights: Weights

    def trained(self) -> list[str]:
        """Names of the weights that training changes."""
        frozen = {n for pair in self.graph.convolutions_before_stride(FIRST_TRAINED_STRIDE) for n in pair}
        return [n for pair in self.graph.convolutions() for n in pair if n not in frozen]

    def outputs(self, image: Tensor, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Logits, boxes and landmarks of all cells, strides 8, 16, 32 one after the other.

        Args:
            image: (N, H, W, 3) float32 RGB, 0 to 255.
            weights: by name; see ``weights``.

        Returns:
            ``cls`` and ``obj`` (N, cells), ``bbox`` (N, cells, 4), ``kps`` (N, cells, 10).
        """
        import tensorflow as tf  # noqa: PLC0415  takes seconds to import

        heads = self.graph.run(image, weights, logits=True)
        joined = {h: tf.concat([heads[f"{h}_{s}"] for s in STRIDES], axis=1) for h in HEADS}
        return joined | {h: joined[h][..., 0] for h in ("cls", "obj")}

    def heads(self, image: Tensor) -> dict[str, Tensor]:
        """What is exported: the twelve heads, scores after the sigmoid; (1, H, W, 3) float32 RGB in."""
        return self.graph.run(image, self.weights)


def original(onnx: Path) -> FaceNetwork:
    """The published network; its first convolution is turned for RGB, so that the device swaps nothing.

    Raises:
        UsageError: there is no such file.
        ModelError: it is not YuNet.
    """
    graph = read_yunet(onnx)
    kernel, _ = graph.convolutions()[0]
    weights = dict(graph.weights)
    weights[kernel] = np.ascontiguousarray(weights[kernel][:, ::-1])
    return FaceNetwork(graph, weights)


def with_weights(network: FaceNetwork, path: Path) -> FaceNetwork:
    """The network with weights of ``save_weights``.

    Raises:
        UsageError: the file is missing, or holds other weights.
    """
    try:
        with np.load(path) as arrays:
            found = {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, BadZipFile) as e:
        raise UsageError(f"{path}: no trained weights there ({e}); run `mask-convert face train`") from e
    wanted = {n: network.weights[n].shape for n in network.trained()}
    if {n: a.shape for n, a in found.items()} != wanted:
        raise UsageError(
            f"{path}: holds other weights than YuNet's; give face.npz of `mask-convert face train`"
        )
    return FaceNetwork(network.graph, network.weights | found)


def save_weights(path: Path, weights: Mapping[str, NDArray[np.float32]]) -> None:
    """Write trained weights as one NPZ, whole or not at all."""
    with whole(path) as part, part.open("wb") as f:
        np.savez(f, **{name: np.asarray(value, dtype=np.float32) for name, value in weights.items()})


def mean_weights(paths: list[Path]) -> dict[str, NDArray[np.float32]]:
    """The mean of several runs' weights: they began from the same ones, so they lie in one valley.

    Wortsman and others, "Model soups", 2022.
    """
    runs: list[dict[str, Any]] = []
    for path in paths:
        with np.load(path) as arrays:
            runs.append({name: arrays[name] for name in arrays.files})
    return {name: np.mean([r[name] for r in runs], axis=0, dtype=np.float32) for name in runs[0]}
