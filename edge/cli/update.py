"""``maskgate update ...``: make, install and undo signed updates; one function for each command."""

import argparse
import json
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli import make_update
from edge.cli.arguments import add_command, path
from edge.config import DEFAULT_PATH
from edge.errors import UpdateError

if TYPE_CHECKING:
    from edge.releases.store import ReleaseStore
    from edge.update.updater import Updater

_WHAT = """examples:
  maskgate update status
  sudo maskgate update install maskgate-application-0.2.0-arm64.bundle
  sudo maskgate update rollback
From afar: maskgate command hq/north-door update url=https://... version=0.2.0"""

_TEST = """example:
  maskgate update self-test --config /etc/maskgate/config.toml"""
_NOT_STARTED_AGAIN = {"2", "78"}
"""Exit codes after which systemd does not start it again: RestartPreventExitStatus= in maskgate.service."""


def add_parsers(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``update`` to the commands of ``maskgate``."""
    update = add_command(
        subparsers,
        "update",
        None,
        "make signed updates, and install, show or undo them on a device",
        _WHAT,
    )
    command = partial(add_command, update.add_subparsers(required=True, metavar="WHAT"))
    make_update.add_parser(command)
    shows = command("status", status, "show which releases are in use, on trial, and given up", _WHAT)
    shows.add_argument("--json", action="store_true", help="print JSON")
    installs = command(
        "install", install, "check and unpack a bundle, test it, and put it on trial; needs root", _WHAT
    )
    installs.add_argument(
        "bundle", type=path, metavar="FILE", help="the bundle; its signature lies beside it as FILE.minisig"
    )
    command(
        "rollback",
        rollback,
        "go back to the releases that were in use before the last update; needs root",
        _WHAT,
    )
    tests = command(
        "self-test",
        self_test,
        "test whether this release works on this machine: configuration, models, golden vectors",
        _TEST,
    )
    _add_config(tests)
    attends = command("attend", attend, "for the units: do what the service has asked for or confirmed")
    attends.add_argument(
        "--from", dest="folder", type=path, metavar="DIR", help="install the bundles in this folder"
    )
    _add_config(attends)
    _add_config(installs)
    command("fetch", fetch, "for the units: download what the service has asked for")
    command("started", started, "for the units: count the starts of a release on trial")
    command("return", give_back, "for the units: end the trial, and start the releases from before it")


def _add_config(made: argparse.ArgumentParser) -> None:
    made.add_argument(
        "--config", type=path, default=DEFAULT_PATH, metavar="FILE",
        help=f"the configuration that a release must understand (default: {DEFAULT_PATH})",
    )  # fmt: skip


def status(args: argparse.Namespace) -> int:
    """Show what is in use, on trial, and given up."""
    from edge.releases.exchange import Exchange

    store = _store()
    state, trial = store.state, store.trial
    shown = {
        "application": store.version_in_use("application"),
        "models": store.version_in_use("models"),
        "on_trial": trial.name if trial else None,
        "previous": {kind: name or f"{kind} of the package" for kind, name in state.previous.items()},
        "given_up": state.given_up,
        "last": Exchange().last(),
    }
    if args.json:
        print(json.dumps(shown))
        return 0
    print(f"application {shown['application']}, models {shown['models']}")
    if trial is not None:
        print(f"on trial: {trial.kind} {trial.version}, {trial.starts} starts")
    for kind, name in state.previous.items():
        print(f"before: {name or f'{kind} of the package'}")
    for name, why in state.given_up.items():
        print(f"given up: {name}: {why}")
    if shown["last"]:
        print(f"last: {shown['last']}")
    return 0


def install(args: argparse.Namespace) -> int:
    """Install one bundle, on trial."""
    updater = _updater(args.config)
    updater.install_file(args.bundle)
    print(
        "it is on trial; to see what becomes of it: maskgate update status, "
        "or journalctl -u 'maskgate-update*'"
    )
    return 0


def rollback(_: argparse.Namespace) -> int:
    """Go back to the releases from before the last update."""
    _updater().roll_back()
    return 0


def self_test(args: argparse.Namespace) -> int:
    """Test the release that this code belongs to."""
    from edge.update.self_test import self_test as test

    for line in test(args.config):
        print(line)
    return 0


def attend(args: argparse.Namespace) -> int:
    """Do what the service asks for, or install what lies in a folder; returns 1 if that failed."""
    updater = _updater(args.config)
    done = updater.attend() if args.folder is None else updater.install_from(args.folder)
    return 0 if done else 1


def fetch(_: argparse.Namespace) -> int:
    """Download what the service has asked for."""
    from edge.releases.exchange import Exchange
    from edge.releases.update_disk import UpdateDisk
    from edge.update.fetch import fetch as download

    download(Exchange(), UpdateDisk())
    return 0


def started(_: argparse.Namespace) -> int:
    """Count a start of the service: the unit calls this before each."""
    _updater().count_start()
    return 0


def give_back(_: argparse.Namespace) -> int:
    """End the trial: called by the timer, or after a failure of the service, which systemd then describes."""
    result, code = os.environ.get("MONITOR_SERVICE_RESULT"), os.environ.get("MONITOR_EXIT_STATUS")
    if result is None:
        _updater().end_trial("it did not judge frames for long enough in its time on trial")
    elif result == "start-limit-hit" or code in _NOT_STARTED_AGAIN:
        _updater().end_trial(f"it ended with {result} {code}, and is not started again")
    return 0  # after all other failures systemd starts it again, and that is counted


def _store() -> "ReleaseStore":
    from edge.releases.store import ReleaseStore

    store = ReleaseStore()
    if not (store.shipped / "release.json").exists():
        raise UpdateError(
            f"{store.shipped}: is missing: only an installed Debian package can be updated like this"
        )
    return store


def _updater(config: Path = DEFAULT_PATH) -> "Updater":
    from edge.releases.exchange import Exchange
    from edge.update.self_test import run_self_test
    from edge.update.updater import Updater

    return Updater(_store(), Exchange(), partial(run_self_test, config=config))
