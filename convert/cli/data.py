"""Commands around the data: ``prepare``, ``evaluate``, ``cross-validate``."""

import argparse
import json
from pathlib import Path
from typing import Any

from convert.cli.options import add_seed, add_training, command
from convert.progress_log import say


def add_prepare(commands: Any) -> None:  # noqa: ANN401
    """Faces from several sources to one dataset."""
    p = command(
        commands,
        "prepare",
        "collect faces into one dataset, split by photo and person",
        "--faces ../shared/data/faces --frames ../shared/data/frames --out build/data\n"
        "  mask-convert prepare --faces ../shared/data/faces --split as-given --out build/talk",
    )
    p.description = """Collect faces into one dataset. --faces, --unmasked and --frames may be repeated.

--split by-photo splits all faces again, 0.7 / 0.2 / 0.1; a photo or person is never in two splits.
--split as-given keeps the split that is given, and leaves out faces without one: the column `split` of a
manifest.csv (train, val, test); else the folder, DIR/{train,val,test}/masked/...; else the file's prefix, so
that `talk-train__x.jpg` is of train and `talk-val__y.jpg` of val: this is how the talk's figures are made
again. The report counts the faces of val and test that share their photo or person with training.

What is wrong with single files stops nothing: it is counted, and named in report.json."""
    for flag, about in (
        ("--faces", "face crops: masked/, not_masked/, incorrect/ (or with_mask/, without_mask/, ...)"),
        ("--unmasked", "people without masks: a folder for each, or files named as in LFW"),
        ("--frames", "photos: images/ and annotations.json, or VOC's annotations/*.xml"),
    ):
        p.add_argument(flag, type=Path, action="append", default=[], metavar="DIR", help=about)
    p.add_argument(
        "--detector",
        type=Path,
        default=Path("models/face.tflite"),
        help="cuts the faces out of --frames and --unmasked (default %(default)s)",
    )
    p.add_argument("--split", choices=("by-photo", "as-given"), default="by-photo", help="see above")
    p.add_argument(
        "--corrections",
        metavar="FILE",
        help="labels corrected by eye: CSV of sha256,label,reason; label `drop` leaves the face out; "
        "`none` for no corrections (default: convert/data/corrections.csv, which comes with this program)",
    )
    p.add_argument("--out", type=Path, required=True, help="the dataset's folder")
    add_seed(p)
    p.set_defaults(run=_prepare)


def _prepare(args: argparse.Namespace) -> int:
    from convert.data.corrections import chosen
    from convert.data.prepare import FaceSources, prepare
    from convert.data.prepare_report import some_by_name

    report = prepare(
        FaceSources(args.faces, args.unmasked, args.frames, args.detector),
        args.out,
        as_given=args.split == "as-given",
        corrections=chosen(args.corrections),
        seed=args.seed,
        progress=say,
    )
    for line in some_by_name(report.pop("changed_by_name") + report.pop("left_out_by_name")):
        say(line)
    print(json.dumps(report, indent=1))
    return 0


def add_evaluate(commands: Any) -> None:  # noqa: ANN401
    """The device's classifier over a dataset."""
    p = command(
        commands,
        "evaluate",
        "ask the device's own classifier about a dataset",
        "--model models/mask.tflite --data ../shared/data/faces --out build/evaluation",
    )
    p.add_argument("--model", type=Path, required=True, help="a .tflite, its contract beside it")
    p.add_argument(
        "--data",
        type=Path,
        required=True,
        help="folder with some of masked/, not_masked/, incorrect/ (a manifest.csv beside them adds "
        "groups and slice_* columns); or folder of `prepare`; or a manifest",
    )
    p.add_argument("--split", choices=("train", "val", "test"), help="of a prepared dataset")
    p.add_argument(
        "--float", type=Path, metavar="KERAS", help="mask.keras of `train`, to compare the int8 model with"
    )
    p.add_argument(
        "--out",
        type=Path,
        help="gets roc.png, reliability.png, errors.png, report.json. errors.png shows faces of --data and "
        "report.json names their files: keep them as private as the data. Nothing is written without it",
    )
    p.add_argument("--json", action="store_true", help="figures as JSON on stdout")
    p.set_defaults(run=_evaluate)


def _evaluate(args: argparse.Namespace) -> int:
    from convert.measure.evaluate import evaluate
    from convert.measure.summary import as_text

    report = evaluate(args.model, args.data, split=args.split, trained=args.float, out=args.out, progress=say)
    print(json.dumps(report, indent=1) if args.json else as_text(report))
    return 1 if report["unreadable"] else 0


def add_cross_validate(commands: Any) -> None:  # noqa: ANN401
    """Models that never saw a source, asked about it."""
    p = command(
        commands,
        "cross-validate",
        "train without some sources, and test on them",
        "--data build/data --weights imagenet --out build/folds --fold macwin,k12 --fold ilc,maskon",
    )
    p.description = """Train without some sources, and test on them: what to expect on a new camera.

Each --fold is left out in turn: one model a fold, quantised, calibrated on the other sources, and asked as
the device would ask it. Goes on where it was ended. Labels are those that --data has now, so that recipes
compare: --against shows the differences to another --out with their 95 % intervals."""
    add_training(p, "a folder a fold, with its model and scores")
    p.add_argument(
        "--fold",
        type=_fold,
        action="append",
        required=True,
        metavar="SOURCE,...",
        help="sources to leave out together; may be repeated",
    )
    p.add_argument("--against", type=Path, metavar="DIR", help="--out of another recipe, on the same folds")
    p.add_argument("--report", type=Path, metavar="FILE", help="write the report there, as JSON")
    p.add_argument("--json", action="store_true", help="the report as JSON on stdout")
    p.add_argument(
        "--suspects", type=Path, metavar="FILE", help="write there which labels these models doubt, as CSV"
    )
    p.set_defaults(run=_cross_validate)


def _fold(text: str) -> tuple[str, ...]:
    sources = tuple(text.split(","))
    if not all(sources):
        raise argparse.ArgumentTypeError(f"{text!r}: wanted the names of sources with a comma between them")
    return sources


def _cross_validate(args: argparse.Namespace) -> int:
    from convert.training.recipes import recipe_named
    from convert.unseen.crossval import cross_validate
    from convert.unseen.unseen import read_opinions, report, unseen_text, write_suspects

    recipe = recipe_named(args.recipe)
    if args.against:
        read_opinions(
            args.against, args.fold
        )  # a missing file must be found now, not after hours of training
    cross_validate(
        args.data, args.weights, args.out, recipe, args.fold, epochs=args.epochs, seed=args.seed, progress=say
    )
    found = report(args.data, args.out, args.fold, args.against)
    for file in filter(None, (args.report, args.suspects)):
        file.parent.mkdir(parents=True, exist_ok=True)
    if args.report:
        args.report.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if args.suspects:
        write_suspects(args.data, args.out, args.fold, args.suspects)
    print(json.dumps(found, indent=1) if args.json else unseen_text(found))
    return 0
