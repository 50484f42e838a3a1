"""``maskgate events ...``: check, simulate and describe the messages; one function for each command."""

import argparse
import json
import math
import sys
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.arguments import add_command, count, path, positive
from edge.cli.broker_options import add_broker_options, broker_settings, quiet_link
from edge.cli.signals import stop_on_signals
from edge.errors import MaskgateError, UsageError
from edge.ops.subscription import ReceivedMessage

if TYPE_CHECKING:
    from edge.ops.checker import Checker, Problem

_DEVICES_MAX = 20_000
"""The most devices of one simulation. A thousand were tried; a hundred million would end a machine."""
_CHECK = """examples:
  maskgate events check out/demo/messages.jsonl
  maskgate events check --broker broker.example.org --for 60
  mosquitto_sub -h broker.example.org -t 'maskgate/v1/#' -F %j | maskgate events check -
exit code: 0 no problems; 1 problems, or the broker can't be reached; 2 usage
A gap may be the broker's: mosquitto drops what a subscriber takes too slowly (max_queued_messages).
A missing end can't be seen: nothing in a message says that a later one exists. The report names the last
event of each source. A later event of the source shows what is missing between the two."""

_SIMULATE = """examples:
  maskgate events simulate --devices 1000 --broker broker.example.org
  maskgate events simulate --devices 50 --rate 6000 --for 30 --seed 7 --outage 0.5@10+5 --clean
Sites are called sim-001 and so on, with ten entrances and a speaker each. Each run starts with
sequence 1, as new devices do. Its ids are its own, unless it has the --seed and --hour of an earlier run.
Simulated devices answer no commands. Two simulations at the same time need a --topic-prefix each."""


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
    simulation = command(
        "simulate", simulate, "simulate devices on a broker: people, violations, health, faults", _SIMULATE
    )
    add_broker_options(simulation)
    simulation.add_argument("--devices", type=count, default=10, metavar="N", help="entrances (default: 10)")
    simulation.add_argument(
        "--rate", type=positive, default=60.0, metavar="N",
        help="people an hour at each entrance at the busiest time; faults grow with it (default: 60)",
    )  # fmt: skip
    simulation.add_argument(
        "--hour", type=_hour, metavar="H", help="time of day at the start, as in 8.5 (default: now)"
    )
    simulation.add_argument(
        "--seed", type=int, metavar="N", help="seed of what happens (default: a new one for each run)"
    )
    simulation.add_argument(
        "--for", dest="for_s", type=positive, metavar="S", help="stop after S seconds (default: at Ctrl-C)"
    )
    simulation.add_argument(
        "--connections", type=count, metavar="N",
        help="let the devices share N connections, without last wills (default: one for each source)",
    )  # fmt: skip
    simulation.add_argument(
        "--outage", type=_outage, metavar="SHARE@START+LENGTH",
        help="0.5@30+20: after 30 s half of the connections are cut for 20 s",
    )  # fmt: skip
    simulation.add_argument("--clean", action="store_true", help="remove the retained messages at the end")
    simulation.add_argument("--json", action="store_true", help="print the summary as JSON")
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


def _hour(text: str) -> float:
    value = float(text)
    if not 0 <= value < 24:
        raise ValueError
    return value


def _outage(text: str) -> tuple[float, float, float]:
    share, _, times = text.partition("@")
    start, _, length = times.partition("+")
    if not 0 < float(share) <= 1:
        raise ValueError
    return float(share), positive(start), positive(length)


# argparse calls a type by its name
_hour.__name__, _outage.__name__ = "hour from 0 to 24", "outage, as in 0.5@30+20,"


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


def simulate(args: argparse.Namespace) -> int:
    """Simulate devices until the time is over or a signal comes.

    Returns:
        1 if an event was not acknowledged.
    """
    import random
    from datetime import datetime, timezone

    from edge.ops.simulate.progress_line import SimulationProgress
    from edge.ops.simulate.scheduler import Habits
    from edge.ops.simulate.simulated_fleet import Outage, SimulatedFleet
    from edge.ops.simulate.site import make_sites

    if args.devices > _DEVICES_MAX:
        raise UsageError(
            f"--devices {args.devices}: more than {_DEVICES_MAX} need several runs, on several machines"
        )
    settings, stop = broker_settings(args), stop_on_signals()
    seed = random.SystemRandom().randrange(10**6) if args.seed is None else args.seed
    now = datetime.now().astimezone()
    hour = now.hour + now.minute / 60 if args.hour is None else args.hour
    habits = Habits(now.astimezone(timezone.utc), hour, args.rate)
    sites = make_sites(args.devices, settings.prefix, habits, seed)
    outage = None if args.outage is None else Outage(*args.outage)
    fleet = SimulatedFleet(settings, sites, habits, seed, stop, connections=args.connections, outage=outage)
    lived_s = fleet.run(args.for_s or math.inf, SimulationProgress(fleet).update, clean=args.clean)
    done = fleet.result(args.devices, seed, lived_s)
    print(json.dumps(asdict(done)) if args.json else done)
    return 0 if done.acknowledged == done.events else 1


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
