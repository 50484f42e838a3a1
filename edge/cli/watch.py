"""``maskgate watch``: all devices of a broker, live."""

import argparse
import logging
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING

from edge.cli.arguments import add_command
from edge.cli.broker_options import add_broker_options, broker_settings, quiet_link
from edge.cli.output import log_from
from edge.cli.signals import stop_on_signals
from edge.errors import MaskgateError

if TYPE_CHECKING:
    from edge.ops.subscription import Subscription


def add_parsers(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``watch`` to the commands of ``maskgate``."""
    watches = add_command(
        subparsers, "watch", watch, "show all devices of a broker and what happens there, live",
        "examples:\n  maskgate watch --broker broker.example.org\n"
        "  maskgate watch --config ops.toml --json | jq 'select(.kind == \"event\")'",
    )  # fmt: skip
    add_broker_options(watches)
    watches.add_argument(
        "--json", action="store_true", help="print a JSON object for each message, as without a terminal"
    )


def watch(args: argparse.Namespace) -> int:
    """Show a table on a terminal, and print JSON lines elsewhere, until a signal comes."""
    from edge.ops.json_lines import print_lines
    from edge.ops.subscription import Subscription

    settings, stop = broker_settings(args), stop_on_signals()
    show = _live_view() if sys.stdout.isatty() and not args.json else None
    log_from(logging.WARNING if show is None else logging.CRITICAL)  # the screen shows problems itself
    with ExitStack() as stack:
        with quiet_link():
            subscription = Subscription(settings, [f"{settings.prefix}/v1/+/+/+"], stop, what="watch")
            messages = stack.enter_context(subscription)
        if show is None:
            print_lines(messages, stop)
        else:
            show(messages, stop, f"{settings.host}:{settings.port}")
    return 0


def _live_view() -> "Callable[[Subscription, threading.Event, str], None]":
    """What shows the table.

    Raises:
        MaskgateError: rich is not installed.
    """
    try:
        from edge.ops.live_view import show
    except ModuleNotFoundError as e:
        if e.name is None or not e.name.startswith("rich"):
            raise
        raise MaskgateError(
            "the table needs the package rich: pip install 'maskgate[ops]', or print JSON lines with --json"
        ) from e
    return show
