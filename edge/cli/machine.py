"""``maskgate machine ...``: check, apply and answer a card; one function for each command."""

import argparse
import logging
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.arguments import add_command, path
from edge.config.secret_files import CREDENTIALS_DIRECTORY
from edge.errors import ConfigError, MaskgateError, StoreError, UsageError

if TYPE_CHECKING:
    from edge.machine.apply_result import ApplyResult

_log = logging.getLogger(__name__)
_BOOT = Path("/boot/firmware")
_CHECK = """example:
  maskgate machine check /media/card/maskgate.toml
The files that it names are looked for in the folder credentials beside it."""
_APPLY = """examples, as root:
  maskgate machine apply
  maskgate machine apply --boot card/ --root rootfs/
exit code: 0 applied, or nothing to do; 78 mistakes in the file, and nothing was changed: see the report"""
_REPORT = """example, as root:
  maskgate machine report"""


def add_parsers(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``machine`` to the commands of ``maskgate``."""
    machine = add_command(
        subparsers,
        "machine",
        None,
        "turn a machine into a device, as maskgate.toml on its boot partition says",
        _APPLY,
    )
    command = partial(add_command, machine.add_subparsers(required=True, metavar="WHAT"))
    checks = command("check", check, "find every mistake in a maskgate.toml, before the card goes in", _CHECK)
    checks.add_argument("file", type=path, metavar="FILE")
    applies = command(
        "apply", apply, "apply what is new on the boot partition, and write the report there", _APPLY
    )
    reports = command(
        "report", report, "write the report again, with the present state of the services", _REPORT
    )
    for made in (applies, reports):
        made.add_argument(
            "--boot", type=path, default=_BOOT, metavar="DIR", help=f"boot partition (default: {_BOOT})"
        )
        made.add_argument(
            "--root", type=path, default="/", metavar="DIR",
            help="the root of another file system; no program is run and no unit is started for it",
        )  # fmt: skip


def check(args: argparse.Namespace) -> int:
    """Check a file as far as this machine can; a ConfigError lists the mistakes."""
    from edge.machine.card_files import read_card
    from edge.machine.preflight import check_elsewhere
    from edge.machine.wanted import KnownSecrets, read

    os.environ.pop(CREDENTIALS_DIRECTORY, None)  # names in the file are those of the card's files
    card = read_card(args.file.parent, args.file.name)
    if card is None:
        raise ConfigError(f"{args.file}: no such file")
    wanted = read(card, KnownSecrets({}, {}))
    check_elsewhere(wanted)
    for remark in (*wanted.missing, *wanted.remarks):
        print(f"note: {remark}", file=sys.stderr)
    print(f"{args.file}: fine")
    return 0


def apply(args: argparse.Namespace) -> int:
    """Apply the card, print what became of it, and write the report; returns 78 if it was refused."""
    from edge.machine.applier import apply as take_over
    from edge.machine.apply_result import ApplyVerdict, keep_outcome
    from edge.machine.report import warnings

    _require_root(args)
    os.environ.pop(CREDENTIALS_DIRECTORY, None)  # or what an earlier card brought would be removed
    outcome = take_over(args.boot, args.root)
    print(f"maskgate.toml {outcome.verdict.value}")
    for line in (*outcome.mistakes, *outcome.remarks, *warnings(args.root, args.boot)):
        print(f"- {line}")
    if args.root == Path("/"):
        keep_outcome(outcome)
    _answer(outcome, args, services=False)
    return ConfigError.exit_code if outcome.verdict is ApplyVerdict.REFUSED else 0


def report(args: argparse.Namespace) -> int:
    """Write the report again."""
    from edge.machine.apply_result import ApplyResult, ApplyVerdict, kept_outcome

    _require_root(args)
    _answer(kept_outcome() or ApplyResult(ApplyVerdict.UNKNOWN), args, services=args.root == Path("/"))
    return 0


def _answer(outcome: "ApplyResult", args: argparse.Namespace, *, services: bool) -> None:
    """Write the report, and tell the service.

    A report that can't be written is logged instead: a boot must not fail because of it.
    """
    from edge.machine.apply_result import tell_service
    from edge.machine.boot import write_if_changed
    from edge.machine.card_files import REPORT
    from edge.machine.report import compose, differs, encoded, warnings

    if args.root == Path("/"):
        tell_service([*outcome.problems, *warnings(args.root, args.boot)])
    text = compose(outcome, args.root, args.boot, services=services)
    if differs(args.boot, text):
        try:
            write_if_changed(args.boot / REPORT, encoded(text))
        except StoreError as e:
            _log.error("the report can't be written: %s. This is the report:\n%s", e, text)


def _require_root(args: argparse.Namespace) -> None:
    if args.root == Path("/") and os.geteuid() != 0:
        raise UsageError("only root may change this machine: sudo maskgate machine ...")
    if not args.root.is_dir():
        raise MaskgateError(f"{args.root}: no such folder: give the root of a file system as --root")
    if not args.boot.is_dir():
        raise MaskgateError(
            f"{args.boot}: no such folder: mount the boot partition, or give another folder as --boot"
        )
