"""``maskgate command``: one command to one device, and its answer."""

import argparse
import logging
from typing import get_args

from edge.cli.arguments import add_command, positive
from edge.cli.broker_options import DEVICE_HELP, add_broker_options, broker_settings, quiet_link
from edge.cli.output import log_from
from edge.errors import UsageError
from edge.events import CommandName

_TIMEOUT_MAX_S = 3600
_NAMES = ", ".join(get_args(CommandName))


def add_parsers(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``command`` to the commands of ``maskgate``."""
    made = add_command(
        subparsers, "command", command, "send one command to a device and print its answer",
        "examples:\n  maskgate command hq/north-door status --broker broker.example.org\n"
        "  maskgate command hq/north-door mute for_s=600 --config ops.toml\n"
        f"commands: {_NAMES}\n"
        "exit code: 0 done; 1 refused, no answer in time, or no broker; 2 usage",
    )  # fmt: skip
    add_broker_options(made)
    made.add_argument("device", metavar="DEVICE", help=DEVICE_HELP)
    made.add_argument("name", choices=get_args(CommandName), metavar="COMMAND", help=_NAMES)
    made.add_argument(
        "arguments", nargs="*", metavar="KEY=VALUE",
        help="for_s=600 (mute), value=0.6 (set-threshold), url=https://... version=0.2.0 (update)",
    )  # fmt: skip
    made.add_argument(
        "--timeout", type=positive, default=10.0, metavar="S",
        help="seconds to reach the broker and to get the answer (default: 10)",
    )  # fmt: skip
    made.add_argument("--json", action="store_true", help="print the answer as it came")


def command(args: argparse.Namespace) -> int:
    """Send it and wait for the answer; returns 0 if the device did it."""
    from edge.ops.command import ask, lines, parse_arguments, parse_device

    if args.timeout > _TIMEOUT_MAX_S:
        raise UsageError(f"--timeout: found {args.timeout:g}; give at most {_TIMEOUT_MAX_S} seconds")
    settings = broker_settings(args)
    place = parse_device(args.device, settings.prefix)
    log_from(logging.WARNING)
    with quiet_link():
        answer = ask(settings, place, args.name, parse_arguments(args.arguments), args.timeout)
    print(answer.model_dump_json() if args.json else "\n".join(lines(answer)))
    return 0 if answer.status == "ok" else 1
