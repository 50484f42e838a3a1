"""``mask-convert face``: ``convert``, ``train``, ``quantize``, ``evaluate``, ``release``."""

import argparse
import json
from pathlib import Path
from typing import Any

from convert.cli.options import add_seed, command
from convert.progress_log import say

_ONNX = "face_detection_yunet_2023mar.onnx"


def add_face(commands: Any) -> None:  # noqa: ANN401
    """The face detector's own commands."""
    p = command(
        commands,
        "face",
        "make the face detector: YuNet, as it is or trained on masked faces",
        "train --photos ../shared/data/frames --onnx ../shared/weights/" + _ONNX + " --out build/face",
    )
    actions = p.add_subparsers(dest="action", required=True, metavar="ACTION")
    for add in (_add_convert, _add_train, _add_quantize, _add_evaluate, _add_release):
        add(actions)


def _action(actions: Any, name: str, summary: str, example: str) -> argparse.ArgumentParser:  # noqa: ANN401
    return command(actions, name, summary, example, before="face ")


def _add_onnx(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--onnx", type=Path, required=True, help=f"{_ONNX}, YuNet as published")


def _add_photos(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--photos",
        type=Path,
        required=True,
        help="whole photos with boxes: annotations.json, VOC (annotations/*.xml) or YOLO (labels/*.txt)",
    )


def _add_convert(actions: Any) -> None:  # noqa: ANN401
    p = _action(
        actions,
        "convert",
        "make YuNet full int8 as it is, and check it against the float model",
        f"--onnx ../shared/weights/{_ONNX} \\\n"
        "    --calibration ../shared/data/frames/images --out build/yunet",
    )
    _add_onnx(p)
    p.add_argument("--calibration", type=Path, required=True, help="folder of photos with faces")
    p.add_argument("--out", type=Path, required=True, help="a folder; gets face.tflite and its papers")
    add_seed(p)
    p.set_defaults(run=_convert)


def _convert(args: argparse.Namespace) -> int:
    from convert.export.face import convert_face

    agreement = convert_face(args.onnx, args.calibration, args.out, seed=args.seed)
    print(
        f"{args.out / 'face.tflite'}: {agreement.recall:.1%} of {agreement.float_faces} faces found again, "
        f"mean IoU {agreement.mean_iou:.3f}"
    )
    return 0


def _add_train(actions: Any) -> None:  # noqa: ANN401
    p = _action(
        actions,
        "train",
        "train YuNet on whole photos, several runs, and take the mean of their weights",
        f"--photos ../shared/data/frames --onnx ../shared/weights/{_ONNX} --out build/face --resume",
    )
    _add_photos(p)
    _add_onnx(p)
    p.add_argument("--out", type=Path, required=True, help="gets face.npz, train.json, and a folder a run")
    p.add_argument("--runs", type=int, default=2, help="how many are averaged (default %(default)s)")
    p.add_argument("--steps", type=int, help="of a run, instead of the recipe's")
    p.add_argument(
        "--resume", action="store_true", help="go on in --out; photos and settings must be as they were"
    )
    p.add_argument(
        "--everything",
        action="store_true",
        help="train on val and test photos too: for a model whose twin was measured before",
    )
    add_seed(p)
    p.set_defaults(run=_train)


def _train(args: argparse.Namespace) -> int:
    from convert.face.recipe import FaceRecipe
    from convert.face.train import train_face

    recipe = FaceRecipe() if args.steps is None else FaceRecipe(steps=args.steps)
    trained = train_face(
        args.photos,
        args.onnx,
        args.out,
        recipe,
        seed=args.seed,
        runs=args.runs,
        resume=args.resume,
        everything=args.everything,
        tell=say,
    )
    print(trained)
    return 0


def _add_quantize(actions: Any) -> None:  # noqa: ANN401
    p = _action(
        actions,
        "quantize",
        "make trained weights int8 and float TFLite, at two input sizes",
        f"--weights build/face/face.npz --photos ../shared/data/frames \\\n"
        f"    --onnx ../shared/weights/{_ONNX} --out build/face",
    )
    p.add_argument("--weights", type=Path, required=True, help="face.npz of `face train`")
    _add_photos(p)
    _add_onnx(p)
    p.add_argument("--out", type=Path, required=True, help="gets face.tflite, face-float.tflite, ...")
    add_seed(p)
    p.set_defaults(run=_quantize)


def _quantize(args: argparse.Namespace) -> int:
    from convert.face.quantize import quantize_face

    for path in quantize_face(args.weights, args.onnx, args.photos, args.out, seed=args.seed, tell=say):
        print(path)
    return 0


def _add_evaluate(actions: Any) -> None:  # noqa: ANN401
    p = _action(
        actions,
        "evaluate",
        "measure detectors on photos with boxes, as the device uses them",
        "--model build/face/face.tflite models/face.tflite --photos ../shared/data/frames --json",
    )
    p.add_argument("--model", type=Path, nargs="+", required=True, help=".tflite, its contract beside it")
    _add_photos(p)
    p.add_argument(
        "--split",
        default="test",
        help="train, val, test, held-back (val and test), or all, as of another source (default %(default)s)",
    )
    p.add_argument("--json", action="store_true", help="everything, for a program")
    add_seed(p)
    p.set_defaults(run=_evaluate)


def _evaluate(args: argparse.Namespace) -> int:
    from convert.face.evaluate import evaluate_face

    figures = evaluate_face(args.model, args.photos, args.split, seed=args.seed, tell=say)
    if args.json:
        print(json.dumps(figures, indent=1))
        return 0
    for name, found in figures.items():
        print(f"{name}: {found['photos']} photos, faces {found['faces']}")
        for figure, value in found.items():
            if isinstance(value, dict) and value.get("value") is not None:
                print(f"  {figure:24} {value['value']:.4f}  ({value['low']:.4f} to {value['high']:.4f})")
        print(f"  at its own threshold: {found['at_own_threshold']}")
    return 0


def _add_release(actions: Any) -> None:  # noqa: ANN401
    p = _action(
        actions,
        "release",
        "set thresholds, measure beside YuNet, and write the models with contracts and card",
        "--measured build/face --original build/yunet/face.tflite \\\n"
        "    --photos ../shared/data/frames --other ../shared/data/frames_ilc --out models",
    )
    p.add_argument("--measured", type=Path, required=True, help="folder of `face quantize`")
    p.add_argument(
        "--shipped",
        type=Path,
        help="release this twin, trained with --everything, with what --measured was measured to be",
    )
    p.add_argument("--original", type=Path, required=True, help="face.tflite of `face convert`")
    _add_photos(p)
    p.add_argument("--other", type=Path, required=True, help="photos of another source, never trained on")
    p.add_argument("--out", type=Path, required=True, help="the folder of released models")
    add_seed(p)
    p.set_defaults(run=_release)


def _release(args: argparse.Namespace) -> int:
    from convert.face.release import release_face
    from convert.release.model_card import write_card

    report = release_face(
        args.measured,
        args.shipped or args.measured,
        args.original,
        args.photos,
        args.other,
        args.out,
        seed=args.seed,
        tell=say,
    )
    write_card(args.out)
    for name, model in report["models"].items():
        print(f"{name}: threshold {model['threshold']}, {model['held_back']['at_threshold']}")
    return 0
