"""Commands that make models: ``train``, ``quantize``, ``release``."""

import argparse
import json
from pathlib import Path
from typing import Any

from convert.cli.options import add_seed, add_training, command
from convert.progress_log import say


def add_train(commands: Any) -> None:  # noqa: ANN401
    """A dataset to a Keras model."""
    p = command(
        commands,
        "train",
        "train MobileNetV2 on a prepared dataset",
        "--data build/data --weights imagenet --out build/run",
    )
    p.description = """Train MobileNetV2 on a prepared dataset.

All GPUs of the machine are used. On several machines run the same command on each, with TF_CONFIG set as
TensorFlow describes it, and --data and --out in folders that all of them see; the chief alone writes."""
    add_training(p, "mask.keras, curves.png, checkpoints")
    p.add_argument(
        "--resume",
        action="store_true",
        help="go on from the last whole epoch; settings, data and weights must be as they were",
    )
    p.add_argument(
        "--everything",
        action="store_true",
        help="train on val and test too: for a model whose twin was measured before",
    )
    p.set_defaults(run=_train)


def _train(args: argparse.Namespace) -> int:
    from convert.training.recipes import recipe_named
    from convert.training.train import train

    trained = train(
        args.data,
        args.weights,
        args.out,
        recipe_named(args.recipe),
        epochs=args.epochs,
        seed=args.seed,
        resume=args.resume,
        everything=args.everything,
    )
    print(trained)
    return 0


def add_quantize(commands: Any) -> None:  # noqa: ANN401
    """A Keras model to int8."""
    p = command(
        commands,
        "quantize",
        "make a trained model full int8, and check that nothing stays in float",
        "--model build/run/mask.keras --data build/data --out build/run",
    )
    p.add_argument("--model", type=Path, required=True, help="mask.keras of `train`")
    p.add_argument("--data", type=Path, required=True, help="folder of `prepare` (training split)")
    p.add_argument("--out", type=Path, required=True, help="gets mask.tflite, mask.json, calibration.csv")
    p.add_argument("--samples", type=int, default=200, help="faces that set the ranges (default %(default)s)")
    p.add_argument("--margin", type=float, default=0.0, help="of the crop around the detector's box")
    add_seed(p)
    p.set_defaults(run=_quantize)


def _quantize(args: argparse.Namespace) -> int:
    from convert.export.quantize import quantize

    print(quantize(args.model, args.data, args.out, samples=args.samples, seed=args.seed, margin=args.margin))
    return 0


def add_release(commands: Any) -> None:  # noqa: ANN401
    """A measured model to ``models/``."""
    p = command(
        commands,
        "release",
        "calibrate, measure, pass the gates, and write the model with contract, golden vectors and card",
        "--model build/run/mask.tflite --trained build/run/mask.keras --data build/data --out models",
    )
    p.add_argument("--model", type=Path, required=True, help="mask.tflite of `quantize`")
    p.add_argument("--trained", type=Path, required=True, help="mask.keras that it was made from")
    p.add_argument("--data", type=Path, required=True, help="folder of `prepare`")
    p.add_argument(
        "--shipped",
        type=Path,
        metavar="TFLITE",
        help="release this twin, trained with --everything, with what --model was measured to be",
    )
    p.add_argument("--out", type=Path, required=True, help="the folder of released models")
    p.add_argument("--gates", type=Path, help="TOML file of gates (default: convert/release/gates.toml)")
    p.set_defaults(run=_release)


def _release(args: argparse.Namespace) -> int:
    from convert.release.gates import DEFAULT_GATES
    from convert.release.mask_release import release

    gates = args.gates or DEFAULT_GATES
    report = release(
        args.model, args.trained, args.data, args.out, gates=gates, shipped=args.shipped, progress=say
    )
    print(json.dumps({k: report[k] for k in ("model", "float_int8", "balance")}, indent=1))
    return 0
