"""Types of command line arguments."""

import argparse
import math
from pathlib import Path


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
