"""Measure the service on the demo's clip: start to first judged frame, and resident memory.

    python tests/measure_service.py

Prints JSON: seconds from starting the process to READY (its first judged frame), and the largest resident
size in MB over ten seconds of work. No broker is needed: it is away, as far as the service is concerned.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

SECONDS = 10


def resident_mb(pid: int) -> float:
    """VmRSS of a process."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def measure(folder: Path) -> dict[str, Any]:
    """Run it."""
    config = folder / "gate.toml"
    config.write_text(f'[outbox]\npath = "{folder / "outbox.sqlite"}"\n[mqtt]\nport = 1\n')
    clip = Path(__file__).parents[1] / "edge" / "demo" / "clip" / "visitors.mp4"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(folder / "notify"))
        systemd.settimeout(60)
        began = time.monotonic()
        command = [sys.executable, "-m", "edge.cli", "run", "--config", str(config), "--source", str(clip)]
        environment = {**os.environ, "NOTIFY_SOCKET": str(folder / "notify")}
        process = subprocess.Popen(
            command, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        while systemd.recv(4096) != b"READY=1":
            pass
        first = time.monotonic() - began
        pause, sizes = threading.Event(), []
        for _ in range(SECONDS):
            pause.wait(1)
            sizes.append(resident_mb(process.pid))
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    return {"first_judged_frame_s": round(first, 2), "resident_mb": round(max(sizes), 1)}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(Path(folder))))  # noqa: T201
