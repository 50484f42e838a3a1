"""``maskgate watch``, ``command`` and ``forget``: the arguments, and one function for each command."""

import argparse
import logging
import sys
from collections.abc import Callable
from typing import get_args

from edge.cli.arguments import add_command, positive
from edge.cli.broker_options import add_broker_options, broker_settings
from edge.cli.signals import stop_on_signals
from edge.errors import UsageError
from edge.events import CommandName

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
    commands.add_argument("--timeout", type=positive, default=10.0, metavar="S", help="default: 10")
    commands.add_argument("--json", action="store_true", help="print the answer as it came")
    forgets = command(
        "forget", forget, "remove what a broker keeps of a device that is gone for good",
        "example:\n  maskgate forget hq/north-door --broker broker.example.org",
    )  # fmt: skip
    forgets.add_argument("device", metavar="DEVICE", help="SITE/DEVICE, or its topic PREFIX/v1/SITE/DEVICE")


def watch(args: argparse.Namespace) -> int:
    """The table, or JSON lines."""
    from edge.ops.live_view import print_lines, show
    from edge.ops.subscription import Subscription

    settings, stop = broker_settings(args), stop_on_signals()
    live = sys.stdout.isatty() and not args.json
    _log_from(logging.CRITICAL if live else logging.WARNING)  # the screen tells of trouble itself
    with Subscription(settings, [f"{settings.prefix}/v1/+/+/+"], stop, what="watch") as heard:
        if live:
            show(heard, stop, f"{settings.host}:{settings.port}")
        else:
            print_lines(heard, stop)
    return 0


def send_command(args: argparse.Namespace) -> int:
    """One command."""
    from edge.ops.command import ask, lines, parse_arguments, parse_device

    if args.timeout > _TIMEOUT_MAX_S:
        raise UsageError(f"--timeout: found {args.timeout:g}; give at most {_TIMEOUT_MAX_S} seconds")
    settings = broker_settings(args)
    place = parse_device(args.device, settings.prefix)
    _log_from(logging.WARNING)
    answer = ask(settings, place, args.name, parse_arguments(args.arguments), args.timeout)
    print(answer.model_dump_json() if args.json else "\n".join(lines(answer)))
    return 0 if answer.status == "ok" else 1


def forget(args: argparse.Namespace) -> int:
    """What is retained."""
    from edge.ops.command import parse_device
    from edge.ops.forget import forget as clear

    settings = broker_settings(args)
    _log_from(logging.WARNING)
    for topic in clear(settings, parse_device(args.device, settings.prefix)):
        print(f"removed {topic}")
    return 0


def _log_from(level: int) -> None:
    """That a connection was made and closed is no news to a person who types."""
    logging.getLogger().setLevel(level)
