"""How the run before this one ended, as systemd saw it, and how long to wait because of it.

It is kept in one small file. Each run writes a line when it starts (``<boot id> <uptime> <failures in a
row>``), and the unit's ``ExecStopPost=`` adds one after its end (``<uptime> <result> <code> <status>``, see
systemd.exec(5)). After a power cut the second line is missing. The delay is here because systemd before
version 254 has none that grows.
"""

import logging
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from edge.backoff import Backoff
from edge.files import atomic_write
from edge.systemd import SystemdNotifier

_log = logging.getLogger(__name__)
_LONG_S = 600.0
"""A run that lasted longer did start: a failure after it is the first of a new row."""
_NOT_MENDED_BY_WAITING = {"2", "78"}
"""Exit codes of a wrong command line and a wrong configuration."""
_RESTART_S = 5.0
"""The unit waits for this long itself: its RestartSec=."""
_DELAY = Backoff(first_s=_RESTART_S, longest_s=60.0)
_WORDS = {
    "watchdog": "systemd's watchdog ended it, because no frame was judged for too long",
    "oom-kill": "the kernel ended it, because memory ran out",
    "timeout": "it did not start or stop in time, and systemd ended it",
}
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class PreviousRun:
    """What a run finds out about the one before when it starts."""

    cause: str
    """What ended the run before, if systemd saw a failure; else empty."""
    failures: int
    """In a row, since this machine was switched on."""

    @property
    def wait_s(self) -> float:
        """How long to wait before the work starts, on top of the unit's own delay."""
        return max(0.0, _DELAY.limit_s(self.failures) - _RESTART_S)


def this_run() -> PreviousRun:
    """Start a run: read the file in systemd's state directory, and write this run's line into it.

    Without systemd there is no such file, and nothing is known. A file that can't be used is logged.
    """
    folder = os.environ.get("STATE_DIRECTORY")
    if folder is None:
        return PreviousRun("", 0)
    path = Path(folder) / "last-run"
    try:
        boot, uptime_s = _BOOT_ID.read_text(encoding="ascii").strip(), time.clock_gettime(time.CLOCK_BOOTTIME)
        lines = path.read_text(encoding="ascii", errors="replace").splitlines() if path.exists() else []
        previous = read(lines, boot)
        atomic_write(path, f"{boot} {uptime_s:.2f} {previous.failures}\n".encode())
    except OSError as e:
        _log.warning("%s: what ended the run before is not known: %s", path, e)
        return PreviousRun("", 0)
    return previous


def back_off(last: PreviousRun, stop: threading.Event) -> None:
    """Wait for as long as the failures before require, and tell systemd why; ``stop`` ends the wait."""
    if last.wait_s > 0:
        why = (
            f"waiting {last.wait_s:.0f} s after {last.failures} failures in a row, the last one: {last.cause}"
        )
        _log.warning("%s", why)
        SystemdNotifier().status(why)
        stop.wait(last.wait_s)


def read(lines: list[str], boot: str) -> PreviousRun:
    """What the file says about the runs before.

    Args:
        lines: the run's own, then systemd's: several where runs ended before they could write theirs.
        boot: the id of the present boot; failures before it are over.
    """
    own = lines[0].split() if lines else []
    try:
        started_s, failures = float(own[1]), int(own[2])
        ends = [(float(up), result, status) for up, result, _, status in map(_fields, lines[1:])]
    except (ValueError, IndexError):  # no file yet, or a damaged one: nothing is known
        return PreviousRun("", 0)
    for end_s, result, status in ends:
        if result == "success":
            failures = 0
        elif status not in _NOT_MENDED_BY_WAITING:
            failures = 1 if end_s - started_s > _LONG_S else failures + 1
    cause = _cause(*ends[-1][1:]) if ends else ""
    return PreviousRun(cause, failures if own[0] == boot else 0)


def _fields(line: str) -> list[str]:
    return line.split(" ", 3)


def _cause(result: str, status: str) -> str:
    if result == "success":
        return ""
    if result == "exit-code":
        return f"exit code {status}"
    if result in {"signal", "core-dump"}:
        return f"killed by SIG{status}"
    return _WORDS.get(result, result)
