"""What the workshop's commands share."""

import argparse
from typing import Any

_RAW = argparse.RawDescriptionHelpFormatter


def command(commands: Any, name: str, summary: str, example: str) -> argparse.ArgumentParser:  # noqa: ANN401
    """A parser of one command, with an example at its end."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"example:\n  mask-convert {name} {example}",
        formatter_class=_RAW,
    )
    return parser


def add_seed(parser: argparse.ArgumentParser) -> None:
    """The option ``--seed``."""
    parser.add_argument("--seed", type=int, default=2026, help="of every random choice (default %(default)s)")
