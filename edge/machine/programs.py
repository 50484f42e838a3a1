"""The programs that put in force what was written: run, and what they complain of."""

import logging
from collections.abc import Callable, Iterable

from edge import programs
from edge.errors import ProgramError, ProgramMissingError
from edge.machine.plan import MAY_FAIL, Command, Plan

_log = logging.getLogger(__name__)
_TIMEOUT_S = 60.0
Run = Callable[..., str]
"""Runs a program with its arguments; returns what went wrong, or nothing."""


def is_enabled(run: Run, unit: str) -> bool:
    """Whether a unit is switched on."""
    return not run("systemctl", "is-enabled", "--quiet", unit)


def steps(plan: Plan, retired: Iterable[str]) -> list[Command]:
    """The plan's commands, and those that start its units.

    Nothing is waited for: at boot, the units are ordered after the one that we run in.
    """
    out: list[Command] = [*plan.commands, ("systemctl", "daemon-reload")]
    out += [("systemctl", "disable", unit) for unit in retired]
    out += [("systemctl", "--no-block", "stop", unit) for unit in retired]
    # in one call: after each, systemd reads all units anew
    out += [("systemctl", "enable", *plan.units)] if plan.units else []
    out += [("systemctl", "--no-block", "restart", *plan.units)] if plan.units else []
    return out


def try_all(steps: Iterable[Command], run: Run) -> tuple[list[str], list[str]]:
    """Run them; returns what failed, and what failed that may."""
    complaints = [(step[0] in MAY_FAIL, said) for step in steps if (said := run(*step))]
    return [s for may, s in complaints if not may], [s for may, s in complaints if may]


def run_program(name: str, *arguments: str) -> str:
    """Run a program; returns what went wrong, or nothing."""
    command = " ".join((name, *arguments))
    _log.info("run %s", command)
    try:
        programs.run(name, *arguments, timeout_s=_TIMEOUT_S)
    except ProgramMissingError:
        return f"{command}: there is no such program"
    except ProgramError as e:
        return f"{command}: {e.last_lines or e}"
    return ""
