"""A real broker."""

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from edge.mqtt import MqttLink


class Mosquitto:
    """A broker on a port of its own, which it keeps over restarts; what it knows survives a clean stop."""

    def __init__(self, folder: Path, lines: Sequence[str] = ("allow_anonymous true",)) -> None:
        self.program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
        if self.program is None:
            pytest.fail("mosquitto is missing: sudo apt install mosquitto")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self.conf = folder / "mosquitto.conf"
        root = ["user root"] if os.geteuid() == 0 else []
        store = ["persistence true", f"persistence_location {folder}/"]
        self.conf.write_text("\n".join([*root, f"listener {self.port} 127.0.0.1", *store, *lines]) + "\n")
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Return when clients can connect."""
        assert self.program
        self._process = subprocess.Popen(
            [self.program, "-c", str(self.conf), "-v"], stderr=subprocess.PIPE, text=True
        )
        assert self._process.stderr
        assert any("running" in line for line in self._process.stderr), "mosquitto did not start"
        self._drain = threading.Thread(target=self._process.stderr.read)
        self._drain.start()

    def stop(self) -> None:
        """End it as systemd does, and wait."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:  # it loses a SIGTERM that comes just after it says "running"
                self._process.kill()
                self._process.wait()
            self._drain.join()
            assert self._process.stderr
            self._process.stderr.close()
            self._process = None


def drop_connection(link: MqttLink) -> None:
    """Let a link's connection end without a word, as a cable that is cut does."""
    assert link._online is not None
    _, client = link._online
    connection = client.socket()
    assert isinstance(connection, socket.socket)
    connection.shutdown(socket.SHUT_RDWR)
