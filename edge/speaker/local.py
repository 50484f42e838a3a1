"""The local path: violations from a device on the same machine over a Unix datagram socket, without a broker.

The device sends the violation's CloudEvent, and ``announcement.played`` comes back to its own address. It is
an abstract one: it needs no folder and leaves nothing behind. Its socket is connected, so only the speaker
can answer.
"""

import contextlib
import logging
import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from edge.clock import Clock
from edge.errors import ConfigError
from edge.speaker.log_throttle import LogThrottle
from edge.speaker.received_event import SIZE_MAX, announced

_log = logging.getLogger(__name__)
_ANSWERS_MAX = 100
"""Answers taken at a time."""
_SENDERS_MAX = 8
"""Senders that get answers: the last ones that sent something."""


class LocalSender:
    """The device's end. Nothing here blocks, and a speaker that is away is not an error. For one thread.

    Args:
        path: the speaker's socket, ``speaker.socket``.
        clock: the time.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._socket: socket.socket | None = None
        self._failed = False
        self._failures = LogThrottle(burst=3)

    def send(self, payload: bytes) -> bool:
        """Tell the speaker; returns whether it was taken. The first failure in a row is logged."""
        error = self._try(payload)
        if error is not None and not isinstance(error, BlockingIOError):
            # The address may be that of a speaker that was started again since.
            error = self._try(payload)
        if error is not None and not self._failed:
            self._log_failure(error)
        self._failed = error is not None
        return error is None

    def _log_failure(self, error: OSError) -> None:
        busy = isinstance(error, BlockingIOError)
        what = (
            f"has no room for more on {self._path}" if busy else f"does not listen on {self._path} ({error})"
        )
        text = f"the speaker {what}: announcements come over MQTT alone"
        line = self._failures.line(text, self._clock.monotonic())
        if line is not None:
            _log.warning("%s", line)

    def announced(self) -> list[str]:
        """Ids of the violations that were announced to the end since the last call."""
        return [violation for answer in self._answers() if (violation := announced(answer)) is not None]

    def close(self) -> None:
        """Give up the address."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _try(self, payload: bytes) -> OSError | None:
        try:
            if self._socket is None:
                self._socket = _connected(self._path)
            self._socket.send(payload)
        except BlockingIOError as e:
            return e  # it is there, and busy
        except OSError as e:
            self.close()
            return e
        return None

    def _answers(self) -> Iterator[bytes]:
        if self._socket is not None:
            with contextlib.suppress(OSError):  # nothing more is there, or the speaker has gone
                for _ in range(_ANSWERS_MAX):
                    yield self._socket.recv(SIZE_MAX)


def _connected(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        made.bind(f"\0maskgate-{os.getpid()}-{secrets.token_hex(8)}")
        made.connect(str(path))
    except OSError:
        made.close()
        raise
    return made


class LocalReceiver:
    """The speaker's end: a thread that listens.

    Args:
        path: where the socket is made, for its user and group; one that a killed speaker left is replaced.
        receive: called with each message on the receiver's thread; the bytes may be anything.

    Raises:
        ConfigError: no socket can be made there.
    """

    def __init__(self, path: Path, receive: Callable[[bytes], None]) -> None:
        self._path, self._receive = path, receive
        self._senders: dict[str | bytes, None] = {}
        self._lock, self._closing = threading.Lock(), threading.Event()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            if path.is_socket():
                path.unlink()
            self._socket.bind(str(path))
            path.chmod(0o660)
        except OSError as e:
            self._socket.close()
            raise ConfigError(
                f"speaker.socket {path}: no socket can be made there ({e}); give it a short path in a folder "
                'that this user may write to. Example: socket = "/run/maskgate-speaker/local.sock"'
            ) from e
        self._thread = threading.Thread(target=self._listen, name="local path", daemon=True)

    @property
    def healthy(self) -> bool:
        """Whether it receives messages; False for good after an unexpected error."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Listen from now on."""
        self._thread.start()

    def answer(self, payload: bytes) -> None:
        """Send to every sender of late; one that has gone, or does not listen, is passed over."""
        with self._lock:
            senders = list(self._senders)
        for sender in senders:
            with contextlib.suppress(OSError):
                self._socket.sendto(payload, socket.MSG_DONTWAIT, sender)

    def close(self) -> None:
        """Stop, join, and remove the socket."""
        self._closing.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # ends the wait
        if self._thread.is_alive():
            self._thread.join()
        self._socket.close()
        self._path.unlink(missing_ok=True)

    def _listen(self) -> None:
        while True:
            payload, sender = self._socket.recvfrom(SIZE_MAX + 1)
            if self._closing.is_set():
                return
            if sender:
                self._remember(sender)
            self._receive(payload)

    def _remember(self, sender: str | bytes) -> None:
        with self._lock:
            self._senders.pop(sender, None)
            self._senders[sender] = None
            if len(self._senders) > _SENDERS_MAX:
                self._senders.pop(next(iter(self._senders)))
