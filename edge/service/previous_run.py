"""How the run before this one ended, as systemd saw it, and how long to wait because of it.

One small file: a line by each run when it begins (``<boot id> <uptime> <failures in a row>``), and one by the
unit's ``ExecStopPost=`` after its end (``<uptime> <result> <code> <status>``, see systemd.exec(5)). The
second is missing after a power cut. The delay is here since systemd below 254 has none that grows.
"""

import logging
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from edge.systemd import SystemdNotifier

_log = logging.getLogger(__name__)
_LONG_S = 600.0
"""A run of this length was no failed start: what went wrong after it begins a new row."""
_NOT_MENDED_BY_WAITING = {"2", "78"}
_DELAY_S, _DELAY_MAX_S = 5.0, 60.0
"""The first one, RestartSec= in the unit; each further one is twice as long."""
_WORDS = {
    "watchdog": "nothing was judged for so long that systemd's watchdog ended it",
    "oom-kill": "the kernel ended it for want of memory",
    "timeout": "it did not start or stop in time, and systemd ended it",
}
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class PreviousRun:
    """What a run finds when it begins."""

    cause: str
    """What ended the run before, if systemd saw a failure; else empty."""
    failures: int
    """In a row, since this machine was switched on."""

    @property
    def wait_s(self) -> float:
        """How long to wait before the work begins, on top of the unit's own delay."""
        if self.failures < 2:
            return 0.0
        return float(min(_DELAY_MAX_S, _DELAY_S * 2 ** (self.failures - 1)) - _DELAY_S)


def this_run() -> PreviousRun:
    """Begin a run: read the file in systemd's state directory, and write this run's line into it.

    Without systemd there is no such file, and nothing is known. One that can't be read or written is logged.
    """
    folder = os.environ.get("STATE_DIRECTORY")
    if folder is None:
        return PreviousRun("", 0)
    path = Path(folder) / "last-run"
    try:
        boot, uptime_s = _BOOT_ID.read_text(encoding="ascii").strip(), time.clock_gettime(time.CLOCK_BOOTTIME)
        lines = path.read_text(encoding="ascii", errors="replace").splitlines() if path.exists() else []
        found = read(lines, boot)
        path.write_text(f"{boot} {uptime_s:.2f} {found.failures}\n", encoding="ascii")
    except OSError as e:
        _log.warning("%s: what ended the run before is not known: %s", path, e)
        return PreviousRun("", 0)
    return found


def back_off(last: PreviousRun, stop: threading.Event) -> None:
    """Wait as long as the failures before ask for, and say so to systemd; no longer than until ``stop``."""
    if last.wait_s > 0:
        why = (
            f"waiting {last.wait_s:.0f} s after {last.failures} failures in a row, the last one: {last.cause}"
        )
        _log.warning("%s", why)
        SystemdNotifier().status(why)
        stop.wait(last.wait_s)


def read(lines: list[str], boot: str) -> PreviousRun:
    """What the file says.

    Args:
        lines: the run's own, then systemd's: several where runs ended before they could begin.
        boot: id of the present one; failures before it are over.
    """
    own = lines[0].split() if lines else []
    try:
        begun_s, failures = float(own[1]), int(own[2])
        ends = [(float(up), result, status) for up, result, _, status in map(_fields, lines[1:])]
    except (ValueError, IndexError):  # no file yet, or a damaged one: nothing is known
        return PreviousRun("", 0)
    for end_s, result, status in ends:
        if result == "success":
            failures = 0
        elif status not in _NOT_MENDED_BY_WAITING:
            failures = 1 if end_s - begun_s > _LONG_S else failures + 1
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
