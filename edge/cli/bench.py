"""``maskgate bench``: measure what the device promises."""

import argparse
import json

from edge.cli.arguments import add_command, count, path
from edge.config import Config


def add_parsers(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``bench`` to the commands of ``maskgate``."""
    benches = add_command(
        subparsers, "bench", bench, "measure what the device promises",
        "example:\n  maskgate bench announcements --json",
    )  # fmt: skip
    kinds = benches.add_subparsers(dest="what", required=True, metavar="WHAT")
    spoken = kinds.add_parser(
        "announcements", help="time from the frame that decides to the first sample of the sound"
    )
    spoken.add_argument("--trials", type=count, default=40, help="how many for each way (default: 40)")
    spoken.add_argument(
        "--violations",
        type=count,
        default=200,
        help="how many in a row, with the process killed in between (default: 200)",
    )
    judged = kinds.add_parser(
        "decisions", help="people in scripted scenes, judged by the pipeline and compared with the truth"
    )
    judged.add_argument(
        "--faces", type=path, metavar="DIR", help="real faces in the folders masked, not_masked, incorrect"
    )
    judged.add_argument(
        "--manifest",
        type=path,
        metavar="FILE",
        help="use only the faces that this file puts in the test split",
    )
    judged.add_argument(
        "--model", type=path, metavar="TFLITE",
        help="measure this mask model, not the shipped one: that may have been trained on all of these "
        "faces, and its twin for measuring was not"
    )  # fmt: skip
    judged.add_argument("--visits", type=count, default=1200, help="how many people come (default: 1200)")
    judged.add_argument("--seed", type=int, default=100, help="seed of the scenes (default: 100)")
    clips = kinds.add_parser(
        "clips", help="real clips, judged by the pipeline and compared with the truth in their folder"
    )
    clips.add_argument(
        "folder", type=path, metavar="FOLDER", help="holds clips and truth.tsv: clip, at_least, at_most"
    )
    for kind in (spoken, judged, clips):
        kind.add_argument("--json", action="store_true", help="print JSON")


def bench(args: argparse.Namespace) -> int:
    """Measure it and print the figures; returns 1 if a promise was not kept."""
    if args.what == "clips":
        from edge.bench import clips

        result = clips.run(args.folder)
        print(json.dumps(result) if args.json else clips.table(result))
        return 0 if result["ok"] else 1
    if args.what == "decisions":
        from edge.bench import decisions

        config = Config.model_validate({"models": {"mask": args.model}} if args.model else {})
        result = decisions.run(args.faces, args.seed, args.visits, manifest=args.manifest, config=config)
        print(json.dumps(result) if args.json else decisions.table(result))
        return 0
    from edge.bench import announcements

    result = announcements.run(trials=args.trials, violations=args.violations)
    print(json.dumps(result) if args.json else announcements.table(result))
    return 0 if result["ok"] else 1
