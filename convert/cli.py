"""``mask-convert``: the workshop's commands. Each imports what it needs only when it runs."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge.errors import MaskgateError

_RAW = argparse.RawDescriptionHelpFormatter


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 fine; 1 a gate is shut, a picture was unreadable, a package is missing; 2 usage; 78 a damaged model
        or gates file.
    """
    args = _parser().parse_args(argv)
    try:
        return int(args.run(args))
    except MaskgateError as e:
        print(f"mask-convert {args.command}: {e}", file=sys.stderr)
        return e.exit_code
    except ImportError as e:
        if (e.name or "").partition(".")[0] in {"convert", "edge"}:
            raise
        print(
            f"mask-convert {args.command}: {e}. The workshop's packages are not all here; in Python 3.11: "
            "pip install 'maskgate[convert]'",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print(f"mask-convert {args.command}: stopped", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mask-convert",
        description="From photos to released int8 models: prepare, train, quantize, evaluate, release; face.",
        epilog="example: mask-convert evaluate --model models/mask.tflite --data ../shared/data/faces --json",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (_add_prepare, _add_train, _add_quantize, _add_evaluate, _add_release, _add_face):
        add(commands)
    return parser


def _command(commands: Any, name: str, summary: str, example: str) -> argparse.ArgumentParser:  # noqa: ANN401
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"example:\n  mask-convert {name} {example}",
        formatter_class=_RAW,
    )
    return parser


def _seed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, default=2026, help="of every random choice (default %(default)s)")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _add_prepare(commands: Any) -> None:  # noqa: ANN401
    p = _command(
        commands,
        "prepare",
        "collect faces into one dataset, split by photo and person",
        "--faces ../shared/data/faces --frames ../shared/data/frames --out build/data",
    )
    p.add_argument("--faces", type=Path, help="folder with masked/, not_masked/, incorrect/")
    p.add_argument(
        "--frames",
        type=Path,
        help="photos: images/ and annotations.json or VOC XML",
    )
    p.add_argument(
        "--detector",
        type=Path,
        default=Path("models/face.tflite"),
        help="cuts the faces out of --frames (default %(default)s)",
    )
    p.add_argument("--out", type=Path, required=True, help="the dataset's folder")
    _seed(p)
    p.set_defaults(run=_prepare)


def _prepare(args: argparse.Namespace) -> int:
    from convert.dataset import prepare

    report = prepare(args.faces, args.frames, args.detector, args.out, seed=args.seed, progress=_say)
    for line in report.pop("left_out_by_name"):
        _say(line)
    print(json.dumps(report, indent=1))
    return 0


def _add_train(commands: Any) -> None:  # noqa: ANN401
    p = _command(
        commands,
        "train",
        "train MobileNetV2 on a prepared dataset",
        "--data build/data --weights imagenet --out build/run",
    )
    p.add_argument("--data", type=Path, required=True, help="folder of `prepare`")
    p.add_argument("--weights", required=True, help="imagenet (Keras downloads them) or a file")
    p.add_argument("--out", type=Path, required=True, help="gets mask.keras, curves.png, checkpoints")
    p.add_argument("--recipe", choices=("default", "talk"), default="default", help="talk: the published one")
    p.add_argument("--epochs", type=int, help="instead of the recipe's")
    p.add_argument("--resume", action="store_true", help="go on from the last whole epoch")
    _seed(p)
    p.set_defaults(run=_train)


def _train(args: argparse.Namespace) -> int:
    from convert.recipes import RECIPES
    from convert.train import train

    recipe, resume = RECIPES[args.recipe], args.resume
    print(train(args.data, args.weights, args.out, recipe, epochs=args.epochs, seed=args.seed, resume=resume))
    return 0


def _add_quantize(commands: Any) -> None:  # noqa: ANN401
    p = _command(
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
    _seed(p)
    p.set_defaults(run=_quantize)


def _quantize(args: argparse.Namespace) -> int:
    from convert.quantize import quantize

    print(quantize(args.model, args.data, args.out, samples=args.samples, seed=args.seed, margin=args.margin))
    return 0


def _add_evaluate(commands: Any) -> None:  # noqa: ANN401
    p = _command(
        commands,
        "evaluate",
        "ask the device's own classifier about a dataset",
        "--model models/mask.tflite --data ../shared/data/faces --json",
    )
    p.add_argument("--model", type=Path, required=True, help="a .tflite, its contract beside it")
    p.add_argument("--data", type=Path, required=True, help="folder of class folders, or of `prepare`")
    p.add_argument("--split", choices=("train", "val", "test"), help="of a prepared dataset")
    p.add_argument("--json", action="store_true", help="figures as JSON on stdout")
    p.set_defaults(run=_evaluate)


def _evaluate(args: argparse.Namespace) -> int:
    from convert.evaluate import evaluate

    report = evaluate(args.model, args.data, split=args.split, progress=_say)
    if args.json:
        print(json.dumps(report, indent=1))
    else:
        _print_figures(report)
    return 1 if report["unreadable"] else 0


def _print_figures(report: dict[str, Any]) -> None:
    for key, value in report.items():
        if isinstance(value, dict):
            print(f"{key}:")
            for name, row in value.items():
                cells = row.items() if isinstance(row, dict) else [("", row)]
                print(f"  {name:14}", "  ".join(f"{k} {_short(v)}".strip() for k, v in cells))
        elif not isinstance(value, list):
            print(f"{key:18} {_short(value)}")


def _short(value: object) -> str:
    return "-" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)


def _add_release(commands: Any) -> None:  # noqa: ANN401
    p = _command(
        commands,
        "release",
        "calibrate, measure, pass the gates, and write the model with contract, golden vectors and card",
        "--model build/run/mask.tflite --trained build/run/mask.keras --data build/data --out models",
    )
    p.add_argument("--model", type=Path, required=True, help="mask.tflite of `quantize`")
    p.add_argument("--trained", type=Path, required=True, help="mask.keras that it was made from")
    p.add_argument("--data", type=Path, required=True, help="folder of `prepare`")
    p.add_argument("--out", type=Path, required=True, help="the folder of released models")
    p.add_argument("--gates", type=Path, help="TOML file of gates (default: convert/gates.toml)")
    p.set_defaults(run=_release)


def _release(args: argparse.Namespace) -> int:
    from convert.gates import DEFAULT_GATES
    from convert.release import release

    gates = args.gates or DEFAULT_GATES
    report = release(args.model, args.trained, args.data, args.out, gates=gates, progress=_say)
    print(json.dumps({k: report[k] for k in ("model", "test", "float_int8", "balance")}, indent=1))
    return 0


def _add_face(commands: Any) -> None:  # noqa: ANN401
    p = _command(
        commands,
        "face",
        "make YuNet full int8, and check it against the float model",
        "--onnx ../shared/weights/face_detection_yunet_2023mar.onnx \\\n"
        "    --calibration ../shared/data/frames/images --out models",
    )
    p.add_argument("--onnx", type=Path, required=True, help="face_detection_yunet_2023mar.onnx")
    p.add_argument("--calibration", type=Path, required=True, help="folder of photos with faces")
    p.add_argument("--out", type=Path, required=True, help="the folder of released models")
    _seed(p)
    p.set_defaults(run=_face)


def _face(args: argparse.Namespace) -> int:
    from convert.card import write_card
    from convert.face import convert_face

    agreement = convert_face(args.onnx, args.calibration, args.out, seed=args.seed)
    write_card(args.out)
    print(
        f"{args.out / 'face.tflite'}: {agreement.recall:.1%} of {agreement.float_faces} faces found again, "
        f"mean IoU {agreement.mean_iou:.3f}"
    )
    return 0
