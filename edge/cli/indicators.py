"""``maskgate indicators off``: put the pins into the state that they have without power."""

import argparse

from edge.cli.arguments import add_command
from edge.cli.configuration import add_config_option, config_of
from edge.errors import MaskgateError


def add_parsers(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``indicators`` to the commands of ``maskgate``."""
    pins = add_command(
        subparsers, "indicators", indicators, "release the relay and darken the lights",
        "example:\n  maskgate indicators off",
    )  # fmt: skip
    add_config_option(pins)
    pins.add_argument("state", choices=["off"], help="the state that the pins have without power")


def indicators(args: argparse.Namespace) -> int:
    """Put the pins into the state that they have without power."""
    from edge.clock import SystemClock
    from edge.indicators import Indicators

    panel = Indicators(config_of(args).indicators, SystemClock())
    panel.close()
    if panel.problem is not None:
        raise MaskgateError(panel.problem)
    return 0
