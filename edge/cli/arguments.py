"""What the commands share: how one is added, and types of arguments."""

import argparse
import math
from collections.abc import Callable
from pathlib import Path


def add_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    run: Callable[[argparse.Namespace], int] | None,
    text: str,
    epilog: str = "",
) -> argparse.ArgumentParser:
    """A command, its help as it is written.

    Args:
        commands: those that it is one of.
        name: as it is typed.
        run: what it does; returns the exit code. None: it has commands of its own.
        text: what it does, in a phrase.
        epilog: examples, exit codes.
    """
    made = commands.add_parser(
        name, help=text, description=f"{text[0].upper()}{text[1:]}.", epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    if run is not None:
        made.set_defaults(command=run)
    return made


def path(text: str) -> Path:
    """A file or folder."""
    if not text:
        raise argparse.ArgumentTypeError("the path is empty; the current folder is written as .")
    return Path(text)


def positive(text: str) -> float:
    """A number above zero."""
    value = float(text)
    if not 0 < value < math.inf:
        raise ValueError
    return value


def count(text: str) -> int:
    """A whole number from 1 on."""
    value = int(text)
    if value < 1:
        raise ValueError
    return value


# argparse calls a type by its name: "invalid positive number value: '0'"
positive.__name__, count.__name__ = "positive number", "positive whole number"
