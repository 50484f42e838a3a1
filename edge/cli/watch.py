"""``maskgate watch``, ``command`` and ``forget``: the arguments, and one function for each command."""

import argparse
import logging
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, get_args

from edge.cli.arguments import add_command, positive
from edge.cli.broker_options import add_broker_options, broker_settings, quiet_link
from edge.cli.signals import stop_on_signals
from edge.errors import MaskgateError, UsageError
from edge.events import CommandName

if TYPE_CHECKING:
    from edge.ops.subscription import Subscription

_TIMEOUT_MAX_S = 3600
_COMMANDS = ", ".join(get_args(CommandName))


def add_parsers(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add them to the commands of ``maskgate``."""

    def command(
        name: str, run: Callable[[argparse.Namespace], int], text: str, epilog: str
    ) -> argparse.ArgumentParser:
        made = add_command(subparsers, name, run, text, epilog)
        add_broker_options(made)
        return made

    watches = command(
        "watch", watch, "show all devices of a broker and what happens there, live",
        "examples:\n  maskgate watch --broker broker.example.org\n"
        "  maskgate watch --config ops.toml --json | jq 'select(.kind == \"event\")'",
    )  # fmt: skip
    watches.add_argument(
        "--json", action="store_true", help="one JSON object a message, as without a terminal"
    )
    commands = command(
        "command", send_command, "send one command to a device and print its answer",
        "examples:\n  maskgate command hq/north-door status --broker broker.example.org\n"
        "  maskgate command hq/north-door mute for_s=600 --config ops.toml\n"
        f"commands: {_COMMANDS}\n"
        "exit code: 0 done; 1 refused, no answer in time, or no broker; 2 usage",
    )  # fmt: skip
    commands.add_argument("device", metavar="DEVICE", help="SITE/DEVICE, or its topic PREFIX/v1/SITE/DEVICE")
    commands.add_argument("name", choices=get_args(CommandName), metavar="COMMAND", help=_COMMANDS)
    commands.add_argument(
        "arguments", nargs="*", metavar="KEY=VALUE",
        help="for_s=600 (mute), value=0.6 (set-threshold), url=https://... version=0.2.0 (update)",
    )  # fmt: skip
    commands.add_argument(
        "--timeout", type=positive, default=10.0, metavar="S",
        help="seconds to reach the broker and to get the answer (default: 10)",
    )  # fmt: skip
    commands.add_argument("--json", action="store_true", help="print the answer as it came")
    forgets = command(
        "forget", forget, "remove what a broker keeps of a device that is gone for good",
        "example:\n  maskgate forget hq/north-door --broker broker.example.org",
    )  # fmt: skip
    forgets.add_argument("device", metavar="DEVICE", help="SITE/DEVICE, or its topic PREFIX/v1/SITE/DEVICE")


def watch(args: argparse.Namespace) -> int:
    """The table, or JSON lines."""
    from edge.ops.json_lines import print_lines
    from edge.ops.subscription import Subscription

    settings, stop = broker_settings(args), stop_on_signals()
    show = _live_view() if sys.stdout.isatty() and not args.json else None
    _log_from(logging.WARNING if show is None else logging.CRITICAL)  # the screen shows problems itself
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


def send_command(args: argparse.Namespace) -> int:
    """One command."""
    from edge.ops.command import ask, lines, parse_arguments, parse_device

    if args.timeout > _TIMEOUT_MAX_S:
        raise UsageError(f"--timeout: found {args.timeout:g}; give at most {_TIMEOUT_MAX_S} seconds")
    settings = broker_settings(args)
    place = parse_device(args.device, settings.prefix)
    _log_from(logging.WARNING)
    with quiet_link():
        answer = ask(settings, place, args.name, parse_arguments(args.arguments), args.timeout)
    print(answer.model_dump_json() if args.json else "\n".join(lines(answer)))
    return 0 if answer.status == "ok" else 1


def forget(args: argparse.Namespace) -> int:
    """What is retained."""
    from edge.ops.command import parse_device
    from edge.ops.forget import forget as clear

    settings = broker_settings(args)
    _log_from(logging.WARNING)
    with quiet_link():
        topics = clear(settings, parse_device(args.device, settings.prefix))
    print("\n".join(f"removed {topic}" for topic in topics))
    return 0


def _log_from(level: int) -> None:
    """Log from this level on only: a person at a terminal does not need to know of each connection."""
    logging.getLogger().setLevel(level)
