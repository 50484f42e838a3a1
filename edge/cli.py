"""The command ``maskgate``: its arguments, its exit codes, its last words."""

import argparse
import io
import logging
import os
import sys
from collections.abc import Callable, Sequence

from edge import __version__, commands
from edge.arguments import add_command, count, path, positive
from edge.config import DEFAULT_PATH
from edge.errors import MaskgateError
from edge.image import cli as image_cli
from edge.machine import cli as machine_cli
from edge.ops import events_cli, watch_cli
from edge.output import Output, OutputError
from edge.provision import cli as provision_cli
from edge.update import cli as update_cli


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code: 0 fine, 1 unexpected, 2 usage, 78 configuration."""
    args = _parser().parse_args(argv)
    logging.basicConfig(
        level=logging.DEBUG if args.verbose else logging.INFO,
        format="%(levelname)s %(message)s",
        stream=sys.stderr,
    )
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout = Output(sys.stdout)
    code = 0
    try:
        code = _run(args)
        print(end="", flush=True)
    except OutputError as e:
        # what is left of it is dropped, or Python would try again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(e.cause, BrokenPipeError):
            print(f"maskgate: standard output: {e.cause.strerror}", file=sys.stderr)
            return 1
    return code  # also where the reader of our output has gone, as `| head` does


def _run(args: argparse.Namespace) -> int:
    try:
        return int(args.command(args))
    except MaskgateError as e:
        print(f"maskgate: {e}", file=sys.stderr)
        return e.exit_code
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="maskgate", description="Mask detection at building entrances.")
    parser.add_argument("--version", action="version", version=f"maskgate {__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="log details")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str, run: Callable[[argparse.Namespace], int], text: str, example: str
    ) -> argparse.ArgumentParser:
        return add_command(subparsers, name, run, text, f"example:\n  {example}")

    def configurable(made: argparse.ArgumentParser) -> argparse.ArgumentParser:
        made.add_argument(
            "--config", type=path, metavar="FILE", help=f"configuration (default: {DEFAULT_PATH})"
        )
        return made

    run = configurable(
        command(
            "run", commands.run, "run the service", "maskgate run --config gate.toml --source /dev/video0"
        )
    )
    run.add_argument(
        "--source", metavar="SOURCE",
        help="instead of camera.source: /dev/video0, /dev/v4l/by-id/..., rtsp://..., http://..., picamera, "
        "a clip, or a folder of pictures",
    )  # fmt: skip
    detect = configurable(
        command(
            "detect",
            commands.detect,
            "judge the faces in pictures",
            "maskgate detect --jsonl photos/ door.jpg",
        )
    )
    detect.add_argument(
        "paths", nargs="+", type=path, metavar="PATH", help="a picture, or a folder of pictures"
    )
    detect.add_argument("--jsonl", action="store_true", help="one JSON object a picture")
    replay = configurable(
        command(
            "replay",
            commands.replay,
            "print the events that a clip leads to",
            "maskgate replay --jsonl clip.mp4",
        )
    )
    replay.add_argument("clip", type=path, metavar="CLIP")
    replay.add_argument(
        "--jsonl", action="store_true", help="one CloudEvent a line, as it would be published"
    )
    configurable(
        command(
            "speaker",
            commands.speaker,
            "announce the violations of a site",
            "maskgate speaker --config gate.toml",
        )
    )
    demo = command(
        "demo", commands.demo, "show the whole job on a shipped clip", "maskgate demo --out out/demo"
    )
    demo.add_argument("--out", type=path, default="out/demo", metavar="DIR", help="what is left to look at")
    demo.add_argument("--clip", type=path, metavar="CLIP", help="another clip than the shipped one")
    demo.add_argument("--speed", type=positive, default=3.0, help="times as fast as filmed (default: 3)")
    bench = command(
        "bench", commands.bench, "measure what the device promises", "maskgate bench announcements --json"
    )
    kinds = bench.add_subparsers(dest="what", required=True, metavar="WHAT")
    spoken = kinds.add_parser("announcements", help="from the frame that decides to the first sample out")
    spoken.add_argument("--trials", type=count, default=40, help="of each way (default: 40)")
    spoken.add_argument("--violations", type=count, default=200, help="in a row, across kills (default: 200)")
    judged = kinds.add_parser("decisions", help="people in scenes with known truth, judged by the pipeline")
    judged.add_argument(
        "--faces", type=path, metavar="DIR", help="real faces: masked/, not_masked/, incorrect/"
    )
    judged.add_argument(
        "--manifest", type=path, metavar="FILE", help="use only its test split, of the same faces"
    )
    judged.add_argument(
        "--model", type=path, metavar="TFLITE", help="this one instead of the shipped one, which may have "
        "been trained on all faces; its measured twin was not"
    )  # fmt: skip
    judged.add_argument("--visits", type=count, default=1200, help="how many people come (default: 1200)")
    judged.add_argument("--seed", type=int, default=100, help="of the scenes (default: 100)")
    for kind in (spoken, judged):
        kind.add_argument("--json", action="store_true", help="for programs")
    indicators = configurable(
        command(
            "indicators",
            commands.indicators,
            "release the relay and darken the lights",
            "maskgate indicators off",
        )
    )
    indicators.add_argument("state", choices=["off"])
    check = command(
        "config",
        commands.print_config,
        "print the default configuration, or check one",
        "maskgate config > gate.toml",
    )
    check.add_argument("--check", type=path, metavar="FILE", help="say whether this file is fine")
    units = command(
        "install-units",
        commands.install_units,
        "let systemd run this installation: write units, user, rules and a configuration to /etc",
        "sudo maskgate install-units --dry-run",
    )
    units.add_argument("--dry-run", action="store_true", help="only say what would be done")
    units.add_argument(
        "--root", type=path, default="/", metavar="DIR", help="of another file system; systemd is not told"
    )
    watch_cli.add_parsers(subparsers)
    events_cli.add_parsers(subparsers)
    machine_cli.add_parsers(subparsers)
    provision_cli.add_parsers(subparsers)
    image_cli.add_parsers(subparsers)
    update_cli.add_parsers(subparsers)
    return parser


if __name__ == "__main__":
    sys.exit(main())
