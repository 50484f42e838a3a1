"""What the workshop's commands share."""

import argparse
from pathlib import Path
from typing import Any

_RAW = argparse.RawDescriptionHelpFormatter


def command(
    commands: Any,  # noqa: ANN401
    name: str,
    summary: str,
    example: str,
    *,
    before: str = "",
) -> argparse.ArgumentParser:
    """A parser of one command, with an example at its end; ``before`` is what stands before its name."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"example:\n  mask-convert {before}{name} {example}",
        formatter_class=_RAW,
    )
    return parser


def add_seed(parser: argparse.ArgumentParser) -> None:
    """The option ``--seed``."""
    parser.add_argument("--seed", type=int, default=2026, help="of every random choice (default %(default)s)")


def add_training(parser: argparse.ArgumentParser, gets: str) -> None:
    """What every training needs; ``gets`` says what comes into ``--out``."""
    parser.add_argument("--data", type=Path, required=True, help="folder of `prepare`")
    parser.add_argument("--weights", required=True, help="imagenet (Keras downloads them) or a file")
    parser.add_argument("--out", type=Path, required=True, help=f"gets {gets}")
    parser.add_argument(
        "--recipe",
        default="default",
        help="default; talk: the published one; first: that of mask 1.0.0 (default %(default)s)",
    )
    parser.add_argument("--epochs", type=int, help="instead of the recipe's")
    add_seed(parser)
