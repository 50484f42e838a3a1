"""``maskgate config``: print the default configuration, or check a file."""

import argparse

from edge.cli.arguments import add_command, path
from edge.config import example_config, load_config


def add_parsers(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``config`` to the commands of ``maskgate``."""
    shows = add_command(
        subparsers, "config", print_config, "print the default configuration, or check one",
        "example:\n  maskgate config > gate.toml",
    )  # fmt: skip
    shows.add_argument("--check", type=path, metavar="FILE", help="check this file and list its mistakes")


def print_config(args: argparse.Namespace) -> int:
    """Print the default configuration, or check a file; a ConfigError lists its mistakes."""
    if args.check is None:
        print(example_config(), end="")
    else:
        from edge.service.config_check import check_config

        check_config(load_config(args.check), str(args.check))
        print(f"{args.check}: fine")
    return 0
