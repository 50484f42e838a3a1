"""``maskgate detect``: find and judge the faces in pictures."""

import argparse
import json
import sys

from edge.cli.arguments import add_command, path
from edge.cli.configuration import add_config_option, config_of


def add_parsers(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``detect`` to the commands of ``maskgate``."""
    detects = add_command(
        subparsers, "detect", detect, "judge the faces in pictures",
        "example:\n  maskgate detect --jsonl photos/ door.jpg",
    )  # fmt: skip
    add_config_option(detects)
    detects.add_argument(
        "paths", nargs="+", type=path, metavar="PATH", help="a picture, or a folder of pictures"
    )
    detects.add_argument("--jsonl", action="store_true", help="print a JSON object for each picture")


def detect(args: argparse.Namespace) -> int:
    """Print each face and its verdict; returns 1 if a picture could not be read."""
    from edge.cli.judged_pictures import Unreadable, find_pictures, judge_pictures
    from edge.people.compose import load_models
    from edge.progress import progress

    paths = find_pictures(args.paths)
    models = load_models(config_of(args, optional=True))
    unreadable = 0
    for picture in progress(judge_pictures(paths, models), "pictures", len(paths)):
        if isinstance(picture, Unreadable):
            unreadable += 1
            print(f"maskgate: {picture.message}", file=sys.stderr)
        elif args.jsonl:
            print(json.dumps(picture.json()), flush=True)
        else:
            print(f"{picture.file}: {picture.width}x{picture.height}, {len(picture.faces)} faces")
            for face in picture.faces:
                x1, y1, x2, y2 = face.look.face.box.corners
                why = f"  ({face.look.flaw})" if face.look.flaw else ""
                print(
                    f"  {face.verdict.value:12}  mask {face.score.probability:4.0%}  "
                    f"at {x1:.0f},{y1:.0f} to {x2:.0f},{y2:.0f}{why}"
                )
    if unreadable:
        print(
            f"maskgate: {unreadable} of {len(paths)} pictures or folders could not be read", file=sys.stderr
        )
    return 1 if unreadable else 0
