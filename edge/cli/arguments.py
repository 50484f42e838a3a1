"""What the commands share: how a command is added, and the types of arguments."""

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
    """Add a command; its help keeps the line breaks of ``epilog``.

    Args:
        commands: the list to add it to.
        name: what a person types.
        run: the function that runs it and returns the exit code; None if it has commands of its own.
        text: what it does, in a phrase.
        epilog: examples and exit codes.
    """
    made = commands.add_parser(
        name, help=text, description=f"{text[0].upper()}{text[1:]}.", epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    if run is not None:
        made.set_defaults(command=run)
    return made


def path(text: str) -> Path:
    """The type of an argument that names a file or folder."""
    if not text:
        raise argparse.ArgumentTypeError("the path is empty; the current folder is written as .")
    return Path(text)


def positive(text: str) -> float:
    """The type of a number above 0."""
    value = float(text)
    if not 0 < value < math.inf:
        raise ValueError
    return value


def count(text: str) -> int:
    """The type of a whole number, 1 or more."""
    value = int(text)
    if value < 1:
        raise ValueError
    return value


# argparse calls a type by its name: "invalid positive number value: '0'"
positive.__name__, count.__name__ = "positive number", "positive whole number"
