"""Training on one device, several, or several machines: the same calls for all."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from convert.training import network
from convert.training.batches import Batch, Epoch


def strategy() -> Any:  # noqa: ANN401  TensorFlow has no types
    """Several machines where TF_CONFIG names them, else several GPUs (or CPU devices), else the one device.

    Must come before TensorFlow is used otherwise; with TF_CONFIG it waits for the other machines.
    """
    import tensorflow as tf  # noqa: PLC0415  takes seconds to import

    if os.environ.get("TF_CONFIG"):
        return tf.distribute.MultiWorkerMirroredStrategy()
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if len(devices) > 1:
        return tf.distribute.MirroredStrategy([d.name for d in devices])
    return tf.distribute.get_strategy()


def is_chief(strategy: Any) -> bool:  # noqa: ANN401
    """Whether this process is the one that writes."""
    resolver = strategy.cluster_resolver
    if resolver is None or resolver.task_type is None:
        return True
    chiefs = resolver.cluster_spec().as_dict().get("chief")
    return bool(resolver.task_type == "chief" or (not chiefs and resolver.task_id == 0))


@contextmanager
def written_by_chief(strategy: Any, out: Path) -> Iterator[Path]:  # noqa: ANN401
    """Where this process saves a model: ``out``, or a place that is thrown away where it isn't the chief.

    All must save, as reading a model that is spread over machines takes all of them; one may write.
    """
    if is_chief(strategy):
        yield out
        return
    scratch = Path(tempfile.mkdtemp())
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def feed(strategy: Any, epoch: Epoch) -> Any:  # noqa: ANN401
    """The epoch for ``fit``: every replica gets its own part of each batch, made on its own machine."""
    import tensorflow as tf  # noqa: PLC0415

    replicas = strategy.num_replicas_in_sync

    def of_this_machine(context: Any) -> Any:  # noqa: ANN401
        here = replicas // context.num_input_pipelines
        first = context.input_pipeline_id * here

        def part(number: Any) -> Batch:  # noqa: ANN401
            batch, replica = divmod(int(number), here)
            return epoch.part(batch, first + replica, replicas)

        def shaped(number: Any) -> Any:  # noqa: ANN401
            faces, labels = tf.numpy_function(part, [number], (tf.float32, tf.float32))
            faces.set_shape((None, *network.SIZE, 3))
            labels.set_shape((None, 1))
            return faces, labels

        # Not from_generator: that asks for one more part after the last, on a thread of its own, and hangs if
        # the epoch is thrown away meanwhile
        return tf.data.Dataset.range(len(epoch) * here).map(shaped).prefetch(2)

    return strategy.distribute_datasets_from_function(of_this_machine)


class Average:
    """A copy of a model whose weights, BatchNorm's statistics among them, follow as an exponential mean.

    Args:
        strategy: in whose scope ``model`` was made and compiled.
        decay: what a step keeps of the mean, in the long run; early steps keep less. 0: the copy is exact.
    """

    def __init__(self, strategy: Any, model: Any, decay: float) -> None:  # noqa: ANN401
        import tensorflow as tf  # noqa: PLC0415

        with strategy.scope():
            self.model = tf.keras.models.clone_model(model)
            self.model.set_weights(model.get_weights())
            accuracy = tf.keras.metrics.BinaryAccuracy(threshold=0.0, name="accuracy")
            self.model.compile(loss=model.loss, metrics=[accuracy])
        pairs, steps = list(zip(self.model.weights, model.weights, strict=True)), model.optimizer.iterations

        @tf.function  # type: ignore[untyped-decorator]
        def follow() -> None:
            step = tf.cast(steps, tf.float32) - 1.0
            keep = tf.minimum(decay, (1.0 + step) / (10.0 + step))
            for mean, weight in pairs:
                # device by device: no traffic, and each keeps its own BatchNorm statistics, as in training
                strategy.extended.update(mean, lambda m, w: m.assign(w + keep * (m - w)), args=(weight,))

        self.follow = follow
        """Call it after every step."""
