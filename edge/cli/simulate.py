"""``maskgate events simulate``: devices that are not there, on a real broker."""

import argparse
import json
import math
from collections.abc import Callable
from dataclasses import asdict

from edge.cli.arguments import count, positive
from edge.cli.broker_options import add_broker_options, broker_settings
from edge.cli.signals import stop_on_signals
from edge.errors import UsageError

_DEVICES_MAX = 20_000
"""The most devices of one simulation. A thousand were tried; a hundred million would end a machine."""
_SIMULATE = """examples:
  maskgate events simulate --devices 1000 --broker broker.example.org
  maskgate events simulate --devices 50 --rate 6000 --for 30 --seed 7 --outage 0.5@10+5 --clean
Sites are called sim-001 and so on, with ten entrances and a speaker each. Each run starts with
sequence 1, as new devices do. Its ids are its own, unless it has the --seed and --hour of an earlier run.
Simulated devices answer no commands. Two simulations at the same time need a --topic-prefix each."""


def add_parser(command: Callable[..., argparse.ArgumentParser]) -> None:
    """Add ``simulate`` to the commands of ``maskgate events``; ``command`` makes one of them."""
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
