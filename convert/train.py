"""``mask-convert train``: a dataset and ImageNet weights to a trained Keras model."""

import csv
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from convert import network
from convert.batches import batches, plain_arrays
from convert.dataset import Dataset
from convert.dataset import load as load_dataset
from convert.recipes import Recipe
from convert.records import fingerprint
from edge.errors import UsageError
from edge.model.contract import sha256_of


def train(
    data: Path,
    weights: str,
    out: Path,
    recipe: Recipe,
    *,
    epochs: int | None = None,
    seed: int = 2026,
    resume: bool = False,
) -> Path:
    """Train; ``out`` gets ``mask.keras``, ``train.json``, ``history.csv`` and ``curves.png``.

    A run that was killed goes on from its last whole epoch with ``resume``.

    Raises:
        UsageError: the data is not usable, or ``out`` holds an earlier run and not ``resume``.
    """
    import tensorflow as tf  # noqa: PLC0415  takes seconds to import
    from tensorflow import keras  # noqa: PLC0415

    checkpoints, history = out / "checkpoints", out / "history.csv"
    if checkpoints.exists() and not resume:
        raise UsageError(f"{out}: holds an earlier run; go on with --resume, or give another --out")
    if epochs is not None:
        recipe = replace(recipe, epochs=epochs)
    dataset = load_dataset(data)
    out.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(seed)
    model = network.build(weights, dropout=recipe.dropout, batch_norm_momentum=recipe.batch_norm_momentum)
    _compile(model, recipe, len(batches(dataset, recipe, seed, 0)))
    epoch = tf.Variable(0, dtype=tf.int64)
    checkpoint = tf.train.Checkpoint(model=model, optimizer=model.optimizer, epoch=epoch)
    manager = tf.train.CheckpointManager(checkpoint, str(checkpoints), max_to_keep=1)
    manager.restore_or_initialize()
    _forget(history, int(epoch))
    validation = plain_arrays(dataset, "val")
    while int(epoch) < recipe.epochs:
        # One `fit` an epoch: then every epoch is a function of the seed and its number, resumed or not
        number, shown = int(epoch), batches(dataset, recipe, seed, int(epoch))
        model.fit(
            shown,
            initial_epoch=number,
            epochs=number + 1,
            validation_data=validation,
            validation_batch_size=256,
            verbose=0,
            shuffle=False,
            callbacks=[
                keras.callbacks.CSVLogger(str(history), append=True),
                _progress(recipe.epochs, len(shown)),
            ],
        )
        epoch.assign(number + 1)
        manager.save()
    path = out / "mask.keras"
    model.save(path)
    _write_passport(out / "train.json", dataset, weights, recipe, seed)
    draw_curves(history, out / "curves.png")
    return path


def _forget(history: Path, epoch: int) -> None:
    """Drop the rows of epochs that will run again: a run may die between a row and its checkpoint."""
    if history.is_file():
        lines = history.read_text(encoding="utf-8").splitlines(keepends=True)
        history.write_text("".join(lines[: epoch + 1]), encoding="utf-8")


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


def _progress(epochs: int, steps: int) -> Any:  # noqa: ANN401
    from tensorflow import keras  # noqa: PLC0415

    class Progress(keras.callbacks.Callback):  # type: ignore[misc]
        """A line on stderr now and then, with the time left."""

        def on_epoch_begin(self, epoch: int, _logs: object = None) -> None:
            self.epoch, self.began = epoch, time.monotonic()

        def on_train_batch_end(self, batch: int, logs: dict[str, float]) -> None:
            if (batch + 1) % max(1, steps // 4):
                return
            per_step = (time.monotonic() - self.began) / (batch + 1)
            left_min = per_step * (steps - batch - 1 + (epochs - self.epoch - 1) * steps) / 60
            print(  # noqa: T201  progress is the output here
                f"epoch {self.epoch + 1}/{epochs} step {batch + 1}/{steps} loss {logs['loss']:.4f} "
                f"accuracy {logs['accuracy']:.4f}, {left_min:.1f} min left",
                file=sys.stderr,
                flush=True,
            )

        def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
            shown = " ".join(f"{k} {v:.4f}" for k, v in logs.items())
            print(f"epoch {epoch + 1}/{epochs} done: {shown}", file=sys.stderr, flush=True)  # noqa: T201

    return Progress()


def _write_passport(path: Path, dataset: Dataset, weights: str, recipe: Recipe, seed: int) -> None:
    import tensorflow as tf  # noqa: PLC0415

    settings = {k: getattr(recipe, k) for k in Recipe.__slots__}
    passport = {
        "recipe": {**settings, "augment": recipe.augment.__name__},
        "seed": seed,
        "weights": weights if weights in ("imagenet", "random") else Path(weights).name,
        "weights_sha256": sha256_of(Path(weights)) if Path(weights).is_file() else None,
        "dataset_sha256": fingerprint(dataset.records),
        "tensorflow": tf.__version__,
    }
    path.write_text(json.dumps(passport, indent=1) + "\n", encoding="utf-8")


def draw_curves(history: Path, picture: Path) -> None:
    """Loss and accuracy by epoch, training and validation, as a PNG."""
    from matplotlib.figure import Figure  # noqa: PLC0415

    with history.open(newline="", encoding="utf-8") as f:
        rows = list(csv.DictReader(f))
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for key in (name, f"val_{name}"):
            if rows and key in rows[0]:
                axes.plot([int(r["epoch"]) + 1 for r in rows], [float(r[key]) for r in rows], label=key)
        axes.set_xlabel("epoch")
        axes.legend()
    figure.savefig(picture, dpi=110)
