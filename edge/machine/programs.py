"""Run the programs that put in force what was written, and collect what they complain about."""

import logging
from collections.abc import Callable, Iterable

from edge import programs
from edge.errors import ProgramError, ProgramMissingError
from edge.machine.plan import MAY_FAIL, Command, Plan

_log = logging.getLogger(__name__)
_TIMEOUT_S = 60.0
Run = Callable[..., str]
"""Runs a program with its arguments; returns what went wrong, or an empty text."""


def is_enabled(run: Run, unit: str) -> bool:
    """Whether a unit is enabled."""
    return not run("systemctl", "is-enabled", "--quiet", unit)


def steps(plan: Plan, retired: Iterable[str]) -> list[Command]:
    """The plan's commands, and those that enable and start its units.

    Nothing waits for the units: at boot they are ordered after the unit that this runs in.
    """
    out: list[Command] = [*plan.commands, ("systemctl", "daemon-reload")]
    out += [("systemctl", "disable", unit) for unit in retired]
    out += [("systemctl", "--no-block", "stop", unit) for unit in retired]
    # in one call: systemd reads all units again after each
    out += [("systemctl", "enable", *plan.units)] if plan.units else []
    out += [("systemctl", "--no-block", "restart", *plan.units)] if plan.units else []
    return out


def try_all(steps: Iterable[Command], run: Run) -> tuple[list[str], list[str]]:
    """Run the steps; returns what failed, and what failed but may."""
    complaints = [(step[0] in MAY_FAIL, complaint) for step in steps if (complaint := run(*step))]
    return [c for may, c in complaints if not may], [c for may, c in complaints if may]


def run_program(name: str, *arguments: str) -> str:
    """Run a program; returns what went wrong, or an empty text."""
    command = " ".join((name, *arguments))
    _log.info("run %s", command)
    try:
        programs.run(name, *arguments, timeout_s=_TIMEOUT_S)
    except ProgramMissingError:
        return f"{command}: there is no such program"
    except ProgramError as e:
        return f"{command}: {e.last_lines or e}"
    return ""
