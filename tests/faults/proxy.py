"""The network between a device and its broker: a TCP proxy that fails on command."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

CHUNK = 16384
PUBACK = 0x40


def free_port() -> int:
    """A free TCP port of the loopback address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


class Proxy:
    """Forwards connections to the broker, refuses or cuts them, swallows what they carry, or is slow.

    Args:
        port: the broker's port.
    """

    def __init__(self, port: int) -> None:
        self._broker, self._lock = port, threading.Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._through = threading.Event()
        self._through.set()
        self._slow_s = 0.0
        self._pause = threading.Event()
        self.on_puback: Callable[[], None] = lambda: None
        """Called as soon as the device got an acknowledgement."""
        self.port = free_port()
        self._server: socket.socket | None = None
        self.accept()

    def accept(self) -> None:
        """Accept connections (again), and forward everything."""
        self._slow_s = 0.0
        self._through.set()
        if self._server is None:
            self._server = socket.create_server(("127.0.0.1", self.port))
            threading.Thread(target=self._serve, args=(self._server,), daemon=True).start()

    def refuse(self) -> None:
        """Accept no connections, and cut those that are there."""
        if self._server is not None:
            self._server.shutdown(socket.SHUT_RDWR)
            self._server.close()
            self._server = None
        self.cut()

    def cut(self) -> None:
        """Cut all connections without an MQTT DISCONNECT."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def inject(self, data: bytes) -> None:
        """Send something to the device as if it came from the broker."""
        with self._lock:
            pairs = list(self._pairs)
        for device, _ in pairs:
            with suppress(OSError):
                device.sendall(data)

    def swallow(self) -> None:
        """Be a black hole: connections are accepted and stay, but carry nothing in either direction."""
        self._through.clear()

    def heal(self) -> None:
        """End the black hole: cut its connections, and accept new ones."""
        self.cut()
        self.accept()

    def slow(self, bytes_per_s: float) -> None:
        """Forward at most ``bytes_per_s`` in each direction."""
        self._slow_s = 1 / bytes_per_s

    def _serve(self, server: socket.socket) -> None:
        while True:
            try:
                device, _ = server.accept()
            except OSError:
                return
            try:
                broker = socket.create_connection(("127.0.0.1", self._broker))
            except OSError:
                device.close()
                continue
            with self._lock:
                self._pairs.append((device, broker))
            for source, sink, answers in ((device, broker, False), (broker, device, True)):
                threading.Thread(target=self._pump, args=(source, sink, answers), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:  # noqa: FBT001
        with suppress(OSError):
            while data := source.recv(CHUNK if not self._slow_s else 64):
                if not self._through.is_set():
                    continue
                if self._slow_s:
                    self._pause.wait(len(data) * self._slow_s)
                sink.sendall(data)
                if answers and data[0] == PUBACK:
                    self.on_puback()
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        source.close()
