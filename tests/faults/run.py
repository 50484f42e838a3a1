"""Lets each fault happen once, and counts which events arrive.

    python tests/faults/run.py [--short] [--json] [FAULT ...]

Prints one JSON line for each fault: ``fault, made, delivered, lost, reported, out_of_order, repeated,
two_ids, seconds_to_recover``. ``reported`` counts events that the device reports as lost, ``lost`` those that
are missing without a report; ``two_ids`` counts numbers that were given twice. Then, unless ``--json`` is
given, it prints the same as a table on standard error. It ends with 1 if an event was lost, out of order or
under a number that was given twice.
"""

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed

from faults import FAULTS

COLUMNS = (
    "made",
    "delivered",
    "lost",
    "reported",
    "out_of_order",
    "repeated",
    "two_ids",
    "seconds_to_recover",
)

AT_ONCE = 4


def main() -> int:
    """Run the faults that the command line names, or all."""
    names = {fault.__name__: fault for fault in FAULTS}
    parser = argparse.ArgumentParser(description="Break what can break, and count what arrives.")
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=f"of {', '.join(names)}")
    parser.add_argument("--short", action="store_true", help="under a minute for all of them")
    parser.add_argument("--json", action="store_true", help="no table")
    args = parser.parse_args()
    if unknown := set(args.faults) - set(names):
        parser.error(f"no such fault: {', '.join(sorted(unknown))}")
    outcomes = []
    with ThreadPoolExecutor(AT_ONCE) as pool:  # they mostly wait, each with a broker of its own
        running = [pool.submit(names[name], short=args.short) for name in args.faults or names]
        for ended in as_completed(running):
            outcomes.append(ended.result())
            print(json.dumps(outcomes[-1]), flush=True)  # noqa: T201
    if not args.json:
        width = max(len(outcome["fault"]) for outcome in outcomes)
        lines = ["".ljust(width) + "".join(column.rjust(20) for column in COLUMNS)]
        lines += [o["fault"].ljust(width) + "".join(str(o[c]).rjust(20) for c in COLUMNS) for o in outcomes]
        print("\n".join(lines), file=sys.stderr)  # noqa: T201
    return int(any(o["lost"] or o["out_of_order"] or o["two_ids"] for o in outcomes))


if __name__ == "__main__":
    sys.exit(main())
