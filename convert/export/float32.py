"""From a TensorFlow function to a float flat buffer that takes the same raw pixels as the int8 one."""

import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def to_float32(graph: Callable[..., Any], shape: tuple[int, int, int]) -> bytes:
    """Convert a graph as it is.

    Args:
        graph: a TensorFlow function of one float32 (1, H, W, 3) tensor of pixels, 0 to 255.
        shape: (H, W, 3).

    Returns:
        The flat buffer: (1, H, W, 3) uint8 in, as the int8 model, float32 out.
    """
    import tensorflow as tf  # noqa: PLC0415  takes seconds to import; `--help` must not wait for it

    module = tf.Module()
    signature = [tf.TensorSpec((1, *shape), tf.uint8, name="image")]
    function = tf.function(lambda image: graph(tf.cast(image, tf.float32)), input_signature=signature)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()], module)
    return bytes(converter.convert())
