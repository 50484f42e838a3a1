"""A device without its camera: the real outbox, delivery and link, and events at a steady pace.

    python tests/faults/device.py '{"outbox": ..., "port": ..., "skew": ..., "keepalive_s": ...}'

It forks a device for each line on its standard input, so that 200 of them can be killed within a minute;
the line gives ``every_s`` and ``events``. It prints JSON lines: ``{"pid"}`` for a device, ``{"sequence",
"id"}`` for an event whose ``append`` has returned, ``{"done"}`` after the last one, ``{"gone": pid}`` when a
device has ended. A device makes its events and then waits for SIGTERM.
"""

import json
import os
import signal
import sys
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from edge.clock import SystemClock
from edge.config import Mqtt, OutboxConfig
from edge.events import CameraFault, Place, new_event
from edge.mqtt import MqttLink
from edge.outbox import Outbox
from edge.outbox.delivery import Delivery

FLUSH_S = 5.0


class SkewedClock(SystemClock):
    """The machine's clock, shifted by the number of seconds in a file."""

    def __init__(self, skew: Path) -> None:
        self._skew = skew

    def utc(self) -> datetime:
        """The wall clock plus the number in the file, which may change at any time."""
        return super().utc() + timedelta(seconds=float(self._skew.read_text(encoding="ascii") or 0))

    def confirmed(self) -> bool:
        """The worst case: the source of time itself is wrong."""
        return True


def say(**line: object) -> None:
    """Print a line with a single write, so that a kill leaves whole lines."""
    os.write(1, json.dumps(line).encode() + b"\n")


def device(settings: dict[str, Any]) -> None:
    """One run of the device."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    clock, place = SkewedClock(Path(settings["skew"])), Place("faults", "device")
    outbox = Outbox(OutboxConfig(path=Path(settings["outbox"])), clock)
    mqtt = Mqtt(host="127.0.0.1", port=settings["port"], keepalive_s=settings["keepalive_s"])
    link = MqttLink(mqtt, "device")
    delivery = Delivery(outbox, link, place, clock)
    delivery.start()
    link.start()
    data = CameraFault(state="opened", reason="covered", message="made by tests/faults")
    for _ in range(settings["events"]):
        event = new_event(data, clock.utc())
        say(sequence=outbox.append(event, place), id=event.id)
        delivery.wake()
        if stop.wait(settings["every_s"]):
            break
    say(done=True)
    stop.wait()
    delivery.flush(FLUSH_S)
    link.stop(FLUSH_S)
    delivery.close()
    outbox.close()


def main() -> None:
    """Fork one device for each line of standard input."""
    settings = json.loads(sys.argv[1])
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            device({**settings, **json.loads(line)})
            os._exit(0)
        say(pid=pid)
        os.waitpid(pid, 0)
        say(gone=pid)


if __name__ == "__main__":
    main()
