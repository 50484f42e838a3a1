"""From a TensorFlow function to a full int8 flat buffer: uint8 in, int8 out."""

import os
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.export.artifact import require_int8

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def to_int8(
    graph: Callable[..., Any], shape: tuple[int, int, int], samples: Iterable[NDArray[np.uint8]]
) -> bytes:
    """Quantise a graph after training.

    Args:
        graph: a TensorFlow function of one float32 (1, H, W, 3) tensor of pixels, 0 to 255.
        shape: (H, W, 3).
        samples: (H, W, 3) uint8 pictures of the training split; they set the range of every activation.

    Returns:
        The flat buffer.

    Raises:
        ModelError: an operation stayed in floating point.
    """
    import tensorflow as tf  # noqa: PLC0415  takes seconds to import; `--help` must not wait for it

    # One all-black, one all-white picture fix the input's scale at exactly 1: raw pixels are fed as they are.
    extremes = [np.full(shape, value, dtype=np.uint8) for value in (0, 255)]
    pictures = [*extremes, *samples]
    module = tf.Module()
    function = tf.function(graph, input_signature=[tf.TensorSpec((1, *shape), tf.float32, name="image")])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()], module)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([p[None].astype(np.float32)] for p in pictures)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.int8
    # Older runtimes can't read per-channel quantised dense layers; it costs nothing here.
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True  # noqa: SLF001
    model = bytes(converter.convert())
    require_int8(model)
    return model
