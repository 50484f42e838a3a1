"""What every fault needs: a broker, a device, a proxy between the two, and a consumer that counts."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from proxy import Proxy, free_port

HERE = Path(__file__).parent
WAIT_S = 90.0
"""Seconds that all events have to arrive after a fault."""
_NEVER = threading.Event()


def wait(seconds: float) -> None:
    """Let time pass."""
    _NEVER.wait(seconds)


class StageError(Exception):
    """The test set-up itself does not work."""


class Broker:
    """A mosquitto that keeps its port over restarts, but no messages."""

    def __init__(self, folder: Path, port: int) -> None:
        program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
        if program is None:
            raise StageError("mosquitto is missing: sudo apt install mosquitto")
        self._conf = folder / "mosquitto.conf"
        root = "user root\n" if os.geteuid() == 0 else ""
        self._conf.write_text(
            f"{root}listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 100000\n"
        )
        self._program, self._process = program, subprocess.Popen(["true"], text=True)

    def start(self) -> None:
        """Return when clients can connect."""
        self._process = subprocess.Popen(
            [self._program, "-c", str(self._conf), "-v"], stderr=subprocess.PIPE, text=True
        )
        assert self._process.stderr
        if not any("running" in line for line in self._process.stderr):
            raise StageError(f"mosquitto does not start with {self._conf}")
        threading.Thread(target=self._process.stderr.read, daemon=True).start()

    def stop(self) -> None:
        """Kill the broker, which forgets everything."""
        self._process.kill()
        self._process.wait()


class Consumer:
    """A client that is subscribed at the broker, without the proxy, before a device starts."""

    def __init__(self, port: int) -> None:
        self.got: list[tuple[float, int, str]] = []
        """Time of arrival (monotonic s), number and id of each event, repeats included."""
        self.reported: dict[str, int] = {}
        """Id of each ``events.dropped`` -> how many events it reports as lost."""
        self._subscribed = threading.Event()
        client = self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="consumer")
        client.reconnect_delay_set(1, 1)
        client.on_connect = lambda c, *_: c.subscribe("maskgate/#", 1)
        client.on_disconnect = lambda *_: self._subscribed.clear()
        client.on_subscribe = lambda *_: self._subscribed.set()
        client.on_message = self._received
        client.connect_async("127.0.0.1", port)
        client.loop_start()

    def ready(self) -> None:
        """Wait until it is subscribed."""
        if not self._subscribed.wait(WAIT_S):
            raise StageError("the consumer can't subscribe")

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def _received(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        if message.topic.endswith("/event"):
            event = json.loads(message.payload)
            if event["type"] == "events.dropped":
                self.reported[event["id"]] = event["data"]["count"]
            self.got.append((time.monotonic(), int(event["sequence"]), event["id"]))


class Device:
    """``device.py`` as a process of its own."""

    def __init__(self, settings: dict[str, Any], environment: dict[str, str]) -> None:
        self.made: dict[int, str] = {}
        """Number -> id of each event whose ``append`` has returned."""
        self.on_made: Callable[[], None] = lambda: None
        self.pid = 0
        self.done = False
        """True once all events of this run are made."""
        self._gone = threading.Condition()
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "device.py"), json.dumps(settings)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1,
            env={**os.environ, **environment},
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def start(self, **settings: object) -> None:
        """Start a run of the device."""
        assert self._process.stdin
        self.done = False
        with self._gone:
            self._process.stdin.write(json.dumps(settings) + "\n")
            if not self._gone.wait_for(lambda: self.pid, WAIT_S):
                raise StageError("the device does not start")

    def end(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Its life ends; return when it has."""
        with self._gone:
            if self.pid:
                os.kill(self.pid, how)
                self._gone.wait_for(lambda: not self.pid, WAIT_S)

    def close(self) -> None:
        """No more lives."""
        self.end()
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(WAIT_S)

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            report = json.loads(line)
            if "sequence" in report:
                self.made[report["sequence"]] = report["id"]
                self.on_made()
                continue
            if "done" in report:
                self.done = True
                continue
            with self._gone:
                self.pid = report.get("pid", 0)
                self._gone.notify_all()


class Stage:
    """Broker, proxy, device and consumer together; a context manager.

    Args:
        keepalive_s: the device notices a black hole after 1.5 to 2 times this.
        broker: start the broker, too.
        environment: more environment variables for the device.
        state: the folder of the outbox; None makes one.
    """

    def __init__(
        self,
        *,
        keepalive_s: int = 10,
        broker: bool = True,
        environment: dict[str, str] | None = None,
        state: Path | None = None,
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="maskgate-faults-"))
        port = free_port()
        self.proxy, self.broker = Proxy(port), Broker(self.folder, port)
        self.skew = self.folder / "skew"
        self.skew.write_text("0")
        self.state = state or self.folder / "state"
        self.state.mkdir(exist_ok=True)
        if broker:
            self.broker.start()
        self.consumer = Consumer(port)
        self.device = Device(
            {
                "outbox": str(self.state / "outbox.sqlite"),
                "port": self.proxy.port,
                "skew": str(self.skew),
                "keepalive_s": keepalive_s,
            },
            environment or {},
        )

    def __enter__(self) -> "Stage":  # noqa: PYI034
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.device.close()
        self.proxy.refuse()
        self.consumer.close()
        self.broker.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def wait_for(self, condition: Callable[[], object], patience_s: float = WAIT_S) -> bool:
        """Wait until a condition holds, for ``patience_s`` at most; returns whether it holds."""
        end_s = time.monotonic() + patience_s
        while not condition():
            if time.monotonic() > end_s:
                return False
            wait(0.02)
        return True

    def outcome(self, fault: str, healed_s: float | None) -> dict[str, Any]:
        """Wait until all events have arrived, and count them.

        Args:
            fault: the name of the fault.
            healed_s: when the fault was over (monotonic s); None if it has no end.
        """
        made, got, reported = self.device.made, self.consumer.got, self.consumer.reported
        self.wait_for(lambda: self.device.done)

        def missing() -> int:
            return len(set(made.values()) - {event for _, _, event in got})

        self.wait_for(lambda: missing() <= sum(reported.values()))
        ids = {event for _, _, event in got}
        numbers = list({event: number for _, number, event in got}.values())  # in the order of first arrival
        after = [when - healed_s for when, _, _ in got if healed_s is not None and when >= healed_s]
        return {
            "fault": fault,
            "made": len(ids | set(made.values())),
            "delivered": len(ids),
            "lost": max(0, missing() - sum(reported.values())),
            "reported": sum(reported.values()),
            "out_of_order": sum(later < earlier for earlier, later in pairwise(numbers)),
            "repeated": len(got) - len(ids),
            "two_ids": len(ids) - len(set(numbers)),
            "seconds_to_recover": round(min(after), 2) if after else None,
        }
