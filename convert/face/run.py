"""One training run: the network's weights, the optimizer, and the mean of the weights, saved as it goes."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.face.assignment import cells
from convert.face.batches import Batch
from convert.face.crops import SIDE_PX
from convert.face.losses import TERMS, face_loss
from convert.face.network import FaceNetwork
from convert.face.recipe import FaceRecipe

COLUMNS = ("loss", *TERMS, "gradient")


class FaceRun:
    """What a checkpoint holds, and a step.

    Each weight is its channel's root mean square times a number that is trained, for the folded network has
    no batch norm that would keep channels of different size alike.

    Args:
        network: where to start from.
        recipe: how to train.
    """

    def __init__(self, network: FaceNetwork, recipe: FaceRecipe) -> None:
        import tensorflow as tf  # noqa: PLC0415  takes seconds to import
        from tensorflow import keras  # noqa: PLC0415

        self._network, self._recipe = network, recipe
        self._scales = {n: _channel_scale(network.weights[n]) for n in network.trained()}
        start = {n: network.weights[n] / scale for n, scale in self._scales.items()}
        self._values = {
            n: tf.Variable(value, name=f"value_{i}") for i, (n, value) in enumerate(start.items())
        }
        self._means = {n: tf.Variable(value, name=f"mean_{i}") for i, (n, value) in enumerate(start.items())}
        self.step = tf.Variable(0, dtype=tf.int64)
        self._optimizer = keras.optimizers.Adam(0.0)
        self._optimizer.build(list(self._values.values()))
        self._checkpoint = tf.train.Checkpoint(
            values=list(self._values.values()),
            means=list(self._means.values()),
            optimizer=self._optimizer,
            step=self.step,
        )
        self._compiled = tf.function(self._update)

    def restore(self, folder: Path) -> None:
        """Go on from the last checkpoint, if there is one."""
        import tensorflow as tf  # noqa: PLC0415

        last = tf.train.latest_checkpoint(str(folder))
        if last is not None:
            self._checkpoint.restore(last).assert_existing_objects_matched()

    def save(self, folder: Path) -> None:
        """Write a checkpoint; the one before it is removed."""
        import tensorflow as tf  # noqa: PLC0415

        tf.train.CheckpointManager(self._checkpoint, str(folder), max_to_keep=1).save()

    def train_step(self, batch: Batch) -> dict[str, float]:
        """One step; its figures by ``COLUMNS``."""
        number = int(self.step)
        self._optimizer.learning_rate.assign(rate_at(number, self._recipe))
        figures = self._compiled(*batch)
        keep = min(self._recipe.averaging, (1 + number) / (10 + number))
        for name, mean in self._means.items():
            mean.assign(mean * keep + self._values[name] * (1 - keep))
        self.step.assign(number + 1)
        return {k: float(figures[k]) for k in COLUMNS}

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """The mean of the weights, by name."""
        return {n: (mean.numpy() * self._scales[n]).astype(np.float32) for n, mean in self._means.items()}

    def _update(self, images: Any, faces: Any, points: Any, real: Any, ignored: Any) -> dict[str, Any]:  # noqa: ANN401
        import tensorflow as tf  # noqa: PLC0415

        variables = list(self._values.values())
        with tf.GradientTape() as tape:
            trained = {n: v * self._scales[n] for n, v in self._values.items()}
            outputs = self._network.outputs(images, {**self._network.weights, **trained})
            terms = face_loss(outputs, faces, points, real, ignored, cells(SIDE_PX))
            loss = tf.add_n(list(terms.values()))
        gradients, norm = tf.clip_by_global_norm(tape.gradient(loss, variables), self._recipe.clip)
        self._optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return {"loss": loss, "gradient": norm, **terms}


def rate_at(step: int, recipe: FaceRecipe) -> float:
    """The learning rate of a step (from 0)."""
    cosine = (1 + np.cos(np.pi * step / recipe.steps)) / 2
    rising = min(1.0, (step + 1) / max(1, recipe.warmup))
    return float(recipe.rate * rising * (recipe.last_rate + (1 - recipe.last_rate) * cosine))


def _channel_scale(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Root mean square of each output channel's kernel, (out, 1, 1, 1); of all biases for a bias."""
    axes = (1, 2, 3) if weight.ndim == 4 else None
    scale = np.sqrt(np.mean(weight**2, axis=axes, keepdims=True) + 1e-12)
    return np.asarray(np.broadcast_to(scale, weight.shape) if weight.ndim == 1 else scale, dtype=np.float32)
