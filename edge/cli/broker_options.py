"""Which broker the ops commands talk to: their options, and the settings that follow from them."""

import argparse
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from edge.cli.arguments import path
from edge.config import Config, Mqtt, load_config, parse_config
from edge.config.addresses import split_address
from edge.errors import ConfigError, UsageError

_PORT = 1883
DEVICE_HELP = "SITE/DEVICE, or its topic PREFIX/v1/SITE/DEVICE"
"""Of the argument that names a device."""


def add_broker_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--broker``, ``--config`` and ``--topic-prefix``, which ``broker_settings`` reads."""
    parser.add_argument(
        "--broker",
        metavar="HOST[:PORT]",
        help=f"a broker to reach without encryption (default: localhost:{_PORT})",
    )
    parser.add_argument(
        "--config", type=path, metavar="FILE",
        help="a configuration whose [mqtt] gives broker, certificates and login; it needs nothing else",
    )  # fmt: skip
    parser.add_argument(
        "--topic-prefix", metavar="PREFIX", help="the first topic level (default: [mqtt] prefix, or maskgate)"
    )


def broker_settings(args: argparse.Namespace) -> Mqtt:
    """The broker that the command line asks for; ``--broker`` overrides the file's address.

    Raises:
        UsageError: ``--broker`` or ``--topic-prefix`` is not valid.
        ConfigError: the file can't be read or has mistakes.
    """
    given = Config() if args.config is None else load_config(args.config)
    settings = given.mqtt.model_dump(exclude_unset=True)
    if args.broker is not None:
        settings["host"], settings["port"] = parse_address(args.broker)
        settings["fallbacks"] = ()
        if args.config is None:
            settings["encryption"] = "none"
    if args.topic_prefix is not None:
        settings["prefix"] = args.topic_prefix
    try:
        return parse_config({"mqtt": settings}, "the command line").mqtt
    except ConfigError as e:
        raise UsageError(str(e)) from e


@contextmanager
def quiet_link() -> Iterator[None]:
    """Keep the link from logging why it can't connect: the error that ends the command says the same."""
    logger = logging.getLogger("edge.mqtt.link")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def parse_address(text: str) -> tuple[str, int]:
    """Host and port of ``HOST``, ``HOST:PORT`` or ``[IPV6]:PORT``; port 1883 if there is none.

    Raises:
        UsageError: it is not written like one of these.
    """
    try:
        host, port = split_address(text)
    except ValueError as e:
        raise UsageError(f"--broker: {e}") from e
    return host, port or _PORT
