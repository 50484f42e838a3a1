"""What an announcement needs on one machine: a broker, the real speaker, the device's half, a watcher."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from edge.config import Mqtt
from edge.config.loading import to_toml
from edge.errors import MaskgateError
from edge.mqtt import IncomingMessage, MqttLink
from edge.sim.embedded_broker import EmbeddedBroker

PATIENCE_S = 30.0
"""Everything here is on one machine: what takes longer than this has failed."""
_POLL_S = 0.0005
_NEVER = threading.Event()

Sections = dict[str, dict[str, object]]


class Actor:
    """A program of this project that can be killed."""

    def __init__(self, command: list[str], env: Mapping[str, str], log: Path) -> None:
        with log.open("ab") as words:
            self._process = subprocess.Popen(  # noqa: S603  no shell, our own programs
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=words, text=True, env=env
            )

    def open(self, violation: str) -> float:
        """Let the device's half open a violation; returns when storing it started, in monotonic s."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise MaskgateError("the device's half has no pipes")
        stdin.write(violation + "\n")
        stdin.flush()
        return float(json.loads(stdout.readline())["decided_s"])

    def kill(self) -> None:
        """End it with ``kill -9``, so that it can't say goodbye."""
        self._process.kill()
        self._process.communicate()


class AnnouncementRig:
    """A place, a broker if there is one, and the programs that were started; ``stage`` makes and ends it."""

    def __init__(self, folder: Path, sections: Sections, env: Mapping[str, str], stack: ExitStack) -> None:
        self._folder, self._env, self._stack = folder, {**os.environ, **env}, stack
        self._config = folder / "config.toml"
        self._config.write_text(_toml(sections), "utf-8")
        self._watched = False
        self.messages: list[tuple[str, dict[str, Any]]] = []
        """Topic and payload of all that the broker carried."""

    def watch(self, port: int) -> None:
        """Note what the broker carries from now on."""

        def note(message: IncomingMessage) -> None:
            self.messages.append((message.topic, json.loads(message.payload)))

        settings = Mqtt(host="127.0.0.1", port=port, protocol="3.1.1")
        link = MqttLink(settings, "bench-watcher", subscriptions=[("maskgate/#", 1)], on_message=note)
        link.start()
        self._stack.callback(link.stop, 2.0)
        wait(lambda: link.status.state == "online", "the broker")
        self._watched = True

    def speaker(self) -> Actor:
        """Start ``maskgate speaker``. With a broker it returns when the speaker is on line."""
        return self._start("gate-1-speaker", "edge.cli", "speaker", "--config", str(self._config))

    def gate(self) -> Actor:
        """Start the device's half. With a broker it returns when the half is on line."""
        return self._start("gate-1", "edge.bench.announcement_gate", str(self._config))

    def events(self, kind: str) -> list[dict[str, Any]]:
        """The different events of a type that the broker carried."""
        return list({p["id"]: p for _, p in list(self.messages) if p.get("type") == kind}.values())

    def _start(self, device: str, module: str, *arguments: str) -> Actor:
        def births() -> int:
            mine = [p for t, p in list(self.messages) if t.endswith(f"/{device}/status")]
            return sum(p["state"] == "online" for p in mine)

        before = births()
        actor = Actor([sys.executable, "-m", module, *arguments], self._env, self._folder / f"{device}.log")
        self._stack.callback(actor.kill)
        if self._watched:
            wait(lambda: births() > before, f"{device} (its words are in {self._folder})")
        return actor


@contextmanager
def stage(
    folder: Path, sections: Sections, *, port: int | None, env: Mapping[str, str]
) -> Iterator[AnnouncementRig]:
    """A stage in an empty folder.

    Args:
        folder: for all that is written.
        sections: the configuration that device and speaker share, without a broker.
        port: of the broker on this machine; None: without a broker.
        env: in addition to this process's own environment.

    Raises:
        MaskgateError: the broker can't be reached.
    """
    folder.mkdir()
    with ExitStack() as stack:
        mqtt: dict[str, object] = {"host": "127.0.0.1", "port": port or _free_port(), "protocol": "3.1.1"}
        outbox: dict[str, object] = {"path": str(folder / "outbox.sqlite")}
        made = AnnouncementRig(folder, {**sections, "mqtt": mqtt, "outbox": outbox}, env, stack)
        if port is not None:
            made.watch(port)
        yield made


@contextmanager
def broker(folder: Path) -> Iterator[tuple[str, int]]:
    """A broker with its name and its port on this machine: mosquitto where it is installed, else amqtt."""
    program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        with EmbeddedBroker() as embedded:
            yield "amqtt", embedded.port
        return
    port, conf = _free_port(), folder / "mosquitto.conf"
    root = "user root\n" if os.geteuid() == 0 else ""
    conf.write_text(f"{root}listener {port} 127.0.0.1\nallow_anonymous true\n", "utf-8")
    with subprocess.Popen([program, "-c", str(conf)], stderr=subprocess.DEVNULL) as process:  # noqa: S603
        try:
            yield "mosquitto", port
        finally:
            process.terminate()


def wait(condition: Callable[[], object], what: str) -> None:
    """Wait until a condition holds.

    Raises:
        MaskgateError: it did not happen.
    """
    for _ in range(int(PATIENCE_S / _POLL_S)):
        if condition():
            return
        pause(_POLL_S)
    raise MaskgateError(f"waited {PATIENCE_S:.0f} s for {what}, which did not happen")


def pause(seconds: float) -> None:
    """Let time pass."""
    _NEVER.wait(seconds)


def _toml(sections: Sections) -> str:
    parts = [
        [f"[{name}]", *(f"{k} = {to_toml(v)}" for k, v in keys.items())] for name, keys in sections.items()
    ]
    return "\n".join(line for part in parts for line in part) + "\n"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
