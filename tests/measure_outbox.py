"""Measures what the outbox writes to its disk, because SD cards wear out.

    python tests/measure_outbox.py [FOLDER]

Prints JSON: for an event that is stored, delivered and acknowledged, the bytes and the syncs, checkpoints
included; for one of a backlog, the same; and for an idle hour, in which delivery looks 720 times. A summary
each minute is an event like any other. Needs strace; FOLDER is on the disk to be measured.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from edge.clock import SystemClock
from edge.config import OutboxConfig
from edge.events import Event, Place, Summary, ViolationClosed, ViolationOpened, new_event
from edge.outbox import Outbox

EVENTS, LOOKS_AN_HOUR = 3000, 720
PLACE = Place("headquarters", "north-door")
CLOCK = SystemClock()


def mixed(number: int) -> Event:
    """An opening, its end, a summary, in turn."""
    violation = f"{number // 3:036d}"
    opened = ViolationOpened(
        violation=violation, zone="lobby", track=1, score=0.1, face_width_px=60.0, seen_for_s=0.5, model="m"
    )
    closed = ViolationClosed(
        violation=violation, zone="lobby", track=1, reason="left", duration_s=9.0, announced=True
    )
    summary = Summary(**{**dict.fromkeys(Summary.model_fields, 0), "window_s": 60.0})
    return new_event((opened, closed, summary)[number % 3], CLOCK.utc())


def work(folder: Path, what: str) -> None:
    """What is measured, in a process of its own."""
    outbox = Outbox(OutboxConfig(path=folder / "outbox.sqlite"), CLOCK)
    if what in ("events", "backlog"):
        for number in range(EVENTS):
            sequence = outbox.append(mixed(number), PLACE)
            if what == "events":
                outbox.remove(sequence)
    elif what == "drain":
        for item in outbox.pending(0, EVENTS):
            outbox.remove(item.sequence)
    else:
        last = outbox.last
        for _ in range(LOOKS_AN_HOUR):
            outbox.pending(last, 1)
            assert outbox.depth >= 0
    os._exit(0)  # neither orderly nor with a last checkpoint: only the work itself counts


def measure(folder: Path, what: str) -> dict[str, float]:
    """Bytes and syncs of it, by strace; what opening the outbox costs is among them."""
    log = folder / "strace"
    command = ["strace", "-f", "-qq", "-o", log, "-e", "trace=pwrite64,fdatasync,fsync"]
    subprocess.run([*map(str, command), sys.executable, __file__, str(folder), what], check=True)
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    writes = [int(line.rsplit("= ", 1)[1]) for line in lines if "pwrite64(" in line]
    return {"bytes": sum(writes), "syncs": len(lines) - len(writes)}


def main(folder: Path) -> dict[str, dict[str, float]]:
    """All of it."""
    found = {}
    for key, what, share in (
        ("per_event", "events", EVENTS),
        ("per_event_without_broker", "backlog", EVENTS),
        ("per_event_of_a_backlog_delivered", "drain", EVENTS),
        ("per_idle_hour", "idle", 1),
    ):
        measure(folder, "idle")  # opening copies the log of the work before into the database
        at_start = {"bytes": 0.0, "syncs": 0.0} if what == "idle" else measure(folder, "idle")
        done = measure(folder, what)
        found[key] = {unit: round((done[unit] - at_start[unit]) / share, 2) for unit in done}
    return found


if __name__ == "__main__":
    if len(sys.argv) > 2:
        work(Path(sys.argv[1]), sys.argv[2])
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as made:
        print(json.dumps(main(Path(made)), indent=2))  # noqa: T201
