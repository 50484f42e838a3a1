"""YuNet's ONNX graph as a TensorFlow function, by walking its eight kinds of operations.

The published file has a fixed 640x640 input, but all of it is convolutional: only the reshapes at its end
depend on the size, and those are ours. Any input size divisible by 32 works.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError, UsageError

Tensor = Any
Weights = dict[str, NDArray[np.float32]]


@dataclass(frozen=True, eq=False, slots=True)
class YuNet:
    """The graph: operations in the order of the file, and the weights by their names in it."""

    steps: tuple[tuple[Any, dict[str, Any]], ...]
    """(ONNX node, its attributes)."""
    image: str
    """The input's name."""
    heads: tuple[str, ...]
    """The outputs' names: cls, obj, bbox and kps, each at the strides 8, 16 and 32."""
    weights: Weights
    """Kernels (out, in, height, width) and biases (out,) float32, and the constants of the reshapes."""

    def run(
        self, image: Tensor, weights: Mapping[str, Tensor] | None = None, *, logits: bool = False
    ) -> dict[str, Tensor]:
        """The heads of pictures.

        Args:
            image: (N, H, W, 3) float32 BGR, 0 to 255 (RGB with weights that were turned for it); H and W are
                multiples of 32.
            weights: by name, arrays or tensors, instead of the file's.
            logits: leave out the sigmoid of the scores.

        Returns:
            (N, cells, 1 | 1 | 4 | 10) float32 by head.
        """
        known = weights or self.weights
        values = {self.image: image}
        for node, attributes in self.steps:
            inputs = [values[name] for name in node.input if name in values]
            constants = [known[name] for name in node.input if name in known]
            skipped = logits and node.op_type == "Sigmoid"
            values[node.output[0]] = (
                inputs[0] if skipped else _OPERATIONS[node.op_type](inputs, constants, attributes)
            )
        return {name: values[name] for name in self.heads}

    def convolutions(self) -> list[tuple[str, str]]:
        """Names of kernel and bias of each convolution, in the order of the file."""
        return [(node.input[1], node.input[2]) for node, _ in self.steps if node.op_type == "Conv"]

    def convolutions_before_stride(self, stride: int) -> list[tuple[str, str]]:
        """Those that compute what is at lower strides than that: in front of the pooling that leads to it."""
        at, found = 1, []
        for node, attributes in self.steps:
            if node.op_type == "Conv":
                at *= attributes["strides"][0]
                found.append((node.input[1], node.input[2]))
            elif node.op_type == "MaxPool":
                at *= attributes["strides"][0]
            if at >= stride:
                break
        return found


def read_yunet(path: Path) -> YuNet:
    """YuNet's graph and weights.

    Raises:
        UsageError: there is no such file.
        ModelError: it is not ONNX, or holds an operation that YuNet has not.
    """
    import onnx  # noqa: PLC0415  only this command needs it
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # noqa: PLC0415

    if not path.is_file():
        raise UsageError(f"{path}: no such file; give face_detection_yunet_2023mar.onnx of opencv_zoo")
    try:
        graph = onnx.load(str(path)).graph
    except DecodeError as e:
        raise ModelError(f"{path}: not an ONNX file: {e}") from e
    weights = {i.name: onnx.numpy_helper.to_array(i) for i in graph.initializer}
    unknown = {n.op_type for n in graph.node} - set(_OPERATIONS)
    if unknown:
        raise ModelError(f"{path}: operations that YuNet does not have: {', '.join(sorted(unknown))}")
    steps = tuple((n, {a.name: onnx.helper.get_attribute_value(a) for a in n.attribute}) for n in graph.node)
    return YuNet(steps, graph.input[0].name, tuple(o.name for o in graph.output), weights)


def _conv(inputs: list[Tensor], constants: list[Any], attributes: dict[str, Any]) -> Tensor:
    import tensorflow as tf  # noqa: PLC0415

    kernel, bias = constants
    (x,), stride = inputs, attributes["strides"][0]
    pad = attributes["pads"][0]
    padding = "VALID"
    if pad and stride == 1:
        padding = "SAME"
    elif pad:
        # TensorFlow's SAME pads an even input on one side only; ONNX pads both
        x = tf.pad(x, [[0, 0], [pad, pad], [pad, pad], [0, 0]])
    if attributes["group"] == 1:
        y = tf.nn.conv2d(x, _in_order(kernel, (2, 3, 1, 0)), stride, padding)
    else:
        y = tf.nn.depthwise_conv2d(x, _in_order(kernel, (2, 3, 0, 1)), [1, stride, stride, 1], padding)
    return tf.nn.bias_add(y, bias)


def _in_order(kernel: Tensor, axes: tuple[int, ...]) -> Tensor:
    """A kernel's axes in TensorFlow's order; an array stays one, so that a converter sees a constant."""
    import tensorflow as tf  # noqa: PLC0415

    return kernel.transpose(axes) if isinstance(kernel, np.ndarray) else tf.transpose(kernel, axes)


def _relu(inputs: list[Tensor], _constants: list[Any], _attributes: dict[str, Any]) -> Tensor:
    import tensorflow as tf  # noqa: PLC0415

    return tf.nn.relu(inputs[0])


def _sigmoid(inputs: list[Tensor], _constants: list[Any], _attributes: dict[str, Any]) -> Tensor:
    import tensorflow as tf  # noqa: PLC0415

    return tf.sigmoid(inputs[0])


def _max_pool(inputs: list[Tensor], _constants: list[Any], attributes: dict[str, Any]) -> Tensor:
    import tensorflow as tf  # noqa: PLC0415

    return tf.nn.max_pool2d(inputs[0], attributes["kernel_shape"], attributes["strides"], "VALID")


def _add(inputs: list[Tensor], _constants: list[Any], _attributes: dict[str, Any]) -> Tensor:
    return inputs[0] + inputs[1]


def _resize(inputs: list[Tensor], constants: list[Any], _attributes: dict[str, Any]) -> Tensor:
    import tensorflow as tf  # noqa: PLC0415

    factor = round(float(constants[-1][-1]))
    _, height, width, _ = inputs[0].shape
    return tf.image.resize(inputs[0], (height * factor, width * factor), method="nearest")


def _transpose(inputs: list[Tensor], _constants: list[Any], _attributes: dict[str, Any]) -> Tensor:
    return inputs[0]  # NCHW to NHWC: we are there already


def _reshape(inputs: list[Tensor], constants: list[Any], _attributes: dict[str, Any]) -> Tensor:
    import tensorflow as tf  # noqa: PLC0415

    number, height, width, _ = inputs[0].shape
    return tf.reshape(inputs[0], (number or -1, height * width, int(constants[0][-1])))


_OPERATIONS: dict[str, Callable[[list[Tensor], list[Any], dict[str, Any]], Tensor]] = {
    "Add": _add,
    "Conv": _conv,
    "MaxPool": _max_pool,
    "Relu": _relu,
    "Reshape": _reshape,
    "Resize": _resize,
    "Sigmoid": _sigmoid,
    "Transpose": _transpose,
}
