"""``maskgate events ...``: check, simulate and describe the messages; one function for each command."""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli import simulate
from edge.cli.arguments import add_command, count, path, positive
from edge.cli.broker_options import add_broker_options, broker_settings, quiet_link
from edge.cli.signals import stop_on_signals
from edge.errors import MaskgateError, UsageError
from edge.ops.subscription import ReceivedMessage

if TYPE_CHECKING:
    from edge.ops.checker import Checker, Problem

_CHECK = """examples:
  maskgate events check out/demo/messages.jsonl
  maskgate events check --broker broker.example.org --for 60
  mosquitto_sub -h broker.example.org -t 'maskgate/v1/#' -F %j | maskgate events check -
exit code: 0 no problems; 1 problems, or the broker can't be reached; 2 usage
A gap may be the broker's: mosquitto drops what a subscriber takes too slowly (max_queued_messages).
A missing end can't be seen: nothing in a message says that a later one exists. The report names the last
event of each source. A later event of the source shows what is missing between the two."""


def add_parsers(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``events`` to the commands of ``maskgate``."""
    events = add_command(
        subparsers, "events", None, "check, simulate and describe what devices say over MQTT", _CHECK
    )
    command = partial(add_command, events.add_subparsers(required=True, metavar="WHAT"))
    checks = command("check", check, "check messages against the contract", _CHECK)
    checks.add_argument("file", nargs="?", metavar="FILE", help="a file with JSON lines; - is standard input")
    add_broker_options(checks)
    checks.add_argument("--for", dest="for_s", type=positive, metavar="S", help="stop after S seconds")
    checks.add_argument("--count", type=count, metavar="N", help="stop after N messages")
    checks.add_argument("--strict", action="store_true", help="report unknown keys and types, too")
    checks.add_argument(
        "--json", action="store_true", help="print a JSON object for each problem, and one for the summary"
    )
    simulate.add_parser(command)
    schema = command(
        "schema", schema_, "write the JSON Schemas and the AsyncAPI document",
        "example:\n  maskgate events schema --out contract/",
    )  # fmt: skip
    schema.add_argument(
        "--out", type=path, required=True, metavar="DIR", help="where to write them; made if it is missing"
    )


def check(args: argparse.Namespace) -> int:
    """Print what is wrong with the messages of a file or a broker; returns 1 if there are problems."""
    from edge.ops.checker import Checker

    live = args.file is None
    if live and args.broker is None and args.config is None:
        raise UsageError("give a FILE (- is standard input), or --broker HOST, or --config FILE")
    if not live and (args.broker or args.config or args.topic_prefix):
        raise UsageError("give a FILE or a broker, not both")
    checker = Checker(live=live, strict=args.strict)
    for message in _received(args) if live else _written(args.file):
        for problem in checker.check(message):
            _print(problem, args)
        if checker.messages == args.count:
            break
    if checker.messages == 0:
        raise MaskgateError("no message arrived" if live else f"{args.file}: no message in it")
    return _sum_up(checker, args)


def _sum_up(checker: "Checker", args: argparse.Namespace) -> int:
    for problem in checker.finish():
        _print(problem, args)
    report = checker.report()
    print(json.dumps(asdict(report)) if args.json else report)
    return 1 if report.problems else 0


def _print(problem: "Problem", args: argparse.Namespace) -> None:
    print(json.dumps(asdict(problem)) if args.json else problem, flush=True)


def _written(name: str) -> Iterator[ReceivedMessage]:
    from edge.ops.lines import read_lines

    try:
        with nullcontext(sys.stdin.buffer) if name == "-" else Path(name).open("rb") as lines:
            yield from read_lines(lines)
    except OSError as e:
        raise UsageError(f"{name}: can't be read: {e.strerror}") from e


def _received(args: argparse.Namespace) -> Iterator[ReceivedMessage]:
    """The messages that arrive until the time is over or a signal comes."""
    from edge.ops.subscription import Subscription

    settings, stop = broker_settings(args), stop_on_signals()
    with ExitStack() as stack:
        with quiet_link():
            subscription = Subscription(settings, [f"{settings.prefix}/v1/#"], stop, what="check")
            messages = stack.enter_context(subscription)
        yield from messages.messages(args.for_s)


def schema_(args: argparse.Namespace) -> int:
    """Write the files of the contract."""
    from edge.ops.asyncapi import contract_files

    try:
        args.out.mkdir(parents=True, exist_ok=True)
        for name, text in contract_files().items():
            (args.out / name).write_text(text, encoding="utf-8")
    except OSError as e:
        raise MaskgateError(f"{args.out}: can't be written: {e.strerror}. Choose another --out") from e
    return 0
