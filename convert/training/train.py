"""``mask-convert train``: a dataset and ImageNet weights to a trained Keras model."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from convert.atomic import whole
from convert.data.dataset import load as load_dataset
from convert.progress_log import TrainingProgress, add_row, draw_curves
from convert.training import distributed, network
from convert.training.batches import Epoch, batches, plain_arrays
from convert.training.folds import all_in
from convert.training.recipes import Recipe
from convert.training.run_record import RUN_RECORD, require_same, run_record
from edge.errors import UsageError

EVALUATION_BATCH = 256


def train(
    data: Path,
    weights: str,
    out: Path,
    recipe: Recipe,
    *,
    epochs: int | None = None,
    seed: int = 2026,
    resume: bool = False,
    everything: bool = False,
) -> Path:
    """Train; ``out`` gets ``mask.keras``, ``train.json``, ``history.csv`` and ``curves.png``.

    A run that was killed goes on from its last whole epoch with ``resume``, to the same end. On several GPUs,
    or several machines with TF_CONFIG (each runs this, ``data`` and ``out`` in folders that all see), a batch
    is shared out and the chief alone writes. With ``everything``, val and test are trained on too.

    Raises:
        UsageError: the data is not usable; ``out`` holds an earlier run and not ``resume``, or a run that
            began with other settings, data or weights.
    """
    strategy = distributed.strategy()  # before anything else uses TensorFlow
    if epochs is not None:
        recipe = replace(recipe, epochs=epochs)
    dataset = load_dataset(data)
    if everything:
        dataset = replace(dataset, records=all_in(dataset.records))
    this = run_record(dataset, weights, recipe, seed)
    _check(out, this, resume=resume)
    run = _Run(strategy, weights, recipe, seed, len(batches(dataset, recipe, seed, 0)))
    # All machines have met while the model was made, so none still looks at what is written from here on
    chief = distributed.is_chief(strategy)
    if chief:
        out.mkdir(parents=True, exist_ok=True)
        with whole(out / RUN_RECORD) as part:
            part.write_text(json.dumps(this, indent=1) + "\n", encoding="utf-8")
    history, validation = out / "history.csv", plain_arrays(dataset, "val")
    with distributed.written_by_chief(strategy, out) as written:
        run.restore(out / "checkpoints")
        while int(run.epoch) < recipe.epochs:
            number = int(run.epoch)
            figures = run.train_epoch(batches(dataset, recipe, seed, number), validation)
            if chief:
                add_row(history, number, figures)
            run.save(written / "checkpoints")
        run.average.model.save(written / "mask.keras")
    if chief:
        draw_curves(history, out / "curves.png")
    return out / "mask.keras"


def _check(out: Path, this: dict[str, Any], *, resume: bool) -> None:
    if not (out / "checkpoints").exists():
        return  # nothing to lose, nothing to go on from
    if not resume:
        raise UsageError(f"{out}: holds an earlier run; go on with --resume, or give another --out")
    require_same(out / RUN_RECORD, this)


class _Run:
    """Model, optimizer and mean of the weights: what a checkpoint holds."""

    def __init__(self, strategy: Any, weights: str, recipe: Recipe, seed: int, steps: int) -> None:  # noqa: ANN401
        import tensorflow as tf  # noqa: PLC0415  takes seconds to import
        from tensorflow import keras  # noqa: PLC0415

        keras.utils.set_random_seed(seed)
        with strategy.scope():
            self.model = network.build(
                weights, dropout=recipe.dropout, batch_norm_momentum=recipe.batch_norm_momentum
            )
            _compile(self.model, recipe, steps)
        self.model.distribute_reduction_method = (
            "first"  # a step's figures; the default adds up the machines'
        )
        self.epoch = tf.Variable(0, dtype=tf.int64)
        self.average = distributed.Average(strategy, self.model, recipe.averaging)
        self._strategy, self._seed, self._progress = strategy, seed, TrainingProgress(recipe.epochs, steps)
        self._checkpoint = tf.train.Checkpoint(
            model=self.model, optimizer=self.model.optimizer, average=self.average.model, epoch=self.epoch
        )

    def restore(self, checkpoints: Path) -> None:
        """Go on from the last checkpoint, if there is one."""
        import tensorflow as tf  # noqa: PLC0415

        last = tf.train.latest_checkpoint(str(checkpoints))
        if last is not None:
            self._checkpoint.restore(last).assert_existing_objects_matched()

    def save(self, checkpoints: Path) -> None:
        """Write a checkpoint; the one before it is removed."""
        import tensorflow as tf  # noqa: PLC0415

        tf.train.CheckpointManager(self._checkpoint, str(checkpoints), max_to_keep=1).save()

    def train_epoch(self, shown: Epoch, validation: Any) -> dict[str, float]:  # noqa: ANN401
        """One epoch, a function of the state and the epoch's number alone; its figures."""
        from tensorflow import keras  # noqa: PLC0415

        number = int(self.epoch)
        keras.utils.set_random_seed(
            self._seed
        )  # dropout's state is in no checkpoint, so it starts again here
        self._progress.start(number)

        def after_step(step: int, logs: dict[str, float]) -> None:
            self.average.follow()
            self._progress.step(step, logs)

        done = self.model.fit(
            distributed.feed(self._strategy, shown),
            steps_per_epoch=len(shown),
            verbose=0,
            shuffle=False,
            callbacks=[keras.callbacks.LambdaCallback(on_batch_end=after_step)],
        )
        figures = {k: float(v[-1]) for k, v in done.history.items()}
        if validation is not None:
            model, batch = self.average.model, EVALUATION_BATCH
            measured = model.evaluate(*validation, batch_size=batch, verbose=0, return_dict=True)
            figures |= {f"val_{k}": float(v) for k, v in measured.items()}
        self.epoch.assign(number + 1)
        self._progress.end(figures)
        return figures


def _compile(model: Any, recipe: Recipe, steps: int) -> None:  # noqa: ANN401
    from tensorflow import keras  # noqa: PLC0415

    rate: Any = recipe.learning_rate
    if recipe.warmup_epochs:
        warmup = max(1, int(min(recipe.warmup_epochs, recipe.epochs / 4) * steps))
        rate = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=recipe.learning_rate / 50,
            decay_steps=max(1, recipe.epochs * steps - warmup),
            warmup_target=recipe.learning_rate,
            warmup_steps=warmup,
        )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing),
        metrics=[keras.metrics.BinaryAccuracy(threshold=0.0, name="accuracy")],
    )
    optimizer.build(model.trainable_variables)  # a checkpoint can only be restored into slots that exist
