"""``maskgate demo``: show the whole job on a clip."""

import argparse

from edge.cli.arguments import add_command, path, positive
from edge.cli.signals import stop_on_signals


def add_parsers(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``demo`` to the commands of ``maskgate``."""
    shows = add_command(
        subparsers, "demo", demo, "show the whole job on a shipped clip",
        "example:\n  maskgate demo --out out/demo",
    )  # fmt: skip
    shows.add_argument(
        "--out",
        type=path,
        default="out/demo",
        metavar="DIR",
        help="where to put the messages and the sound (default: out/demo)",
    )
    shows.add_argument("--clip", type=path, metavar="CLIP", help="another clip than the shipped one")
    shows.add_argument(
        "--speed", type=positive, default=3.0, help="how many times faster than it was filmed (default: 3)"
    )


def demo(args: argparse.Namespace) -> int:
    """Run the service, a broker and a speaker on a clip; returns the exit code."""
    from edge.demo.visit_clip import run_demo

    return run_demo(args.out, stop_on_signals(), clip=args.clip, speed=args.speed)
