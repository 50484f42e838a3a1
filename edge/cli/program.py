"""The command ``maskgate``: the list of its commands, its exit codes, and how its errors are printed."""

import argparse
import io
import logging
import os
import sys
from collections.abc import Sequence

from edge import __version__
from edge.cli import (
    bench,
    command,
    config,
    demo,
    detect,
    events,
    forget,
    image,
    indicators,
    install_units,
    machine,
    provision,
    replay,
    run,
    speaker,
    update,
    watch,
)
from edge.cli.output import Output, OutputError
from edge.errors import MaskgateError

_COMMANDS = (
    run, detect, replay, speaker, demo, bench, indicators, config, install_units,
    watch, command, forget, events, machine, provision, image, update,
)  # fmt: skip
"""One module for each command, in the order of ``--help``."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code: 0 fine, 1 unexpected, 2 usage, 78 configuration."""
    args = build_parser().parse_args(argv)
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
        # drop what is left, or Python would try to write it again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(e.cause, BrokenPipeError):
            print(f"maskgate: standard output: {e.cause.strerror}", file=sys.stderr)
            return 1
    return code  # also after a reader that has gone, as in `maskgate ... | head`


def _run(args: argparse.Namespace) -> int:
    try:
        return int(args.command(args))
    except MaskgateError as e:
        print(f"maskgate: {e}", file=sys.stderr)
        return e.exit_code
    except KeyboardInterrupt:
        return 130


def build_parser() -> argparse.ArgumentParser:
    """The parser of ``maskgate`` with all its commands; the documents are generated from it."""
    parser = argparse.ArgumentParser(prog="maskgate", description="Mask detection at building entrances.")
    parser.add_argument("--version", action="version", version=f"maskgate {__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="log details")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in _COMMANDS:
        module.add_parsers(subparsers)
    return parser
