"""Which configuration a command works with."""

import argparse

from edge.cli.arguments import path
from edge.config import DEFAULT_PATH, Config, load_config
from edge.errors import ConfigError


def add_config_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--config``, which ``config_of`` reads."""
    parser.add_argument(
        "--config", type=path, metavar="FILE", help=f"configuration (default: {DEFAULT_PATH})"
    )


def config_of(args: argparse.Namespace, *, optional: bool = False) -> Config:
    """The configuration that ``--config`` names, or the installed one.

    Args:
        args: parsed arguments.
        optional: whether the command works with the defaults where no configuration is installed.

    Raises:
        ConfigError: the file is missing, can't be read, or has mistakes.
    """
    if args.config is not None:
        return load_config(args.config)
    args.config = DEFAULT_PATH
    try:
        return load_config(DEFAULT_PATH)
    except ConfigError as e:
        if optional and isinstance(e.__cause__, (FileNotFoundError, NotADirectoryError)):
            return Config()
        raise
