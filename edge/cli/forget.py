"""``maskgate forget``: what a broker keeps of a device that is gone for good."""

import argparse
import logging

from edge.cli.arguments import add_command
from edge.cli.broker_options import DEVICE_HELP, add_broker_options, broker_settings, quiet_link
from edge.cli.output import log_from


def add_parsers(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``forget`` to the commands of ``maskgate``."""
    made = add_command(
        subparsers, "forget", forget, "remove what a broker keeps of a device that is gone for good",
        "example:\n  maskgate forget hq/north-door --broker broker.example.org",
    )  # fmt: skip
    add_broker_options(made)
    made.add_argument("device", metavar="DEVICE", help=DEVICE_HELP)


def forget(args: argparse.Namespace) -> int:
    """Remove the device's retained messages from the broker."""
    from edge.ops.command import parse_device
    from edge.ops.forget import forget as clear

    settings = broker_settings(args)
    log_from(logging.WARNING)
    with quiet_link():
        topics = clear(settings, parse_device(args.device, settings.prefix))
    print("\n".join(f"removed {topic}" for topic in topics))
    return 0
