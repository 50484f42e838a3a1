"""A network camera with an HTTP interface: real sockets, real TLS; what it answers is a function."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=b\r\n\r\n"
Answer = Callable[[socket.socket, "Request"], None]


class Request:
    """What was asked: path and headers, in lower case."""

    def __init__(self, data: bytes) -> None:
        first, *rest = data.decode("latin-1").split("\r\n")
        self.method, self.target, _ = first.split(" ", 2)
        self.headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in rest)}


class WebCamera:
    """Gives each request to ``answer``, in a thread of its own, and closes the connection afterwards."""

    def __init__(self, answer: Answer, tls: ssl.SSLContext | None = None, name: str = "127.0.0.1") -> None:
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self._answer, self._tls = answer, tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://{name}:{self.port}/video"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(30)
        with suppress(OSError, ValueError):
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            self._open.append(connection)
            with connection:
                data = b""
                while b"\r\n\r\n" not in data:
                    new = connection.recv(65536)
                    if not new:
                        return
                    data += new
                request = Request(data)
                self.requests.append(request)
                self._answer(connection, request)

    def close(self) -> None:
        self.closing.set()
        for end in (self._listener, *self._open):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


def part(jpeg: bytes, *, length: bool = True) -> bytes:
    """A picture as a part of a stream."""
    stated = b"Content-Length: %d\r\n" % len(jpeg) if length else b""
    return b"--b\r\nContent-Type: image/jpeg\r\n" + stated + b"\r\n" + jpeg + b"\r\n"


def streaming(*jpegs: bytes, rounds: int = 1) -> Answer:
    """A stream of these pictures, which then ends."""

    def answer(connection: socket.socket, request: Request) -> None:
        del request
        connection.sendall(HEAD)
        for _ in range(rounds):
            for jpeg in jpegs:
                connection.sendall(part(jpeg))

    return answer


def sending(*pieces: bytes) -> Answer:
    """These bytes, whatever they mean."""

    def answer(connection: socket.socket, request: Request) -> None:
        del request
        for piece in pieces:
            connection.sendall(piece)

    return answer


def endless(start: bytes, again: bytes) -> Answer:
    """``start``, and then ``again`` and again until the other side goes."""

    def answer(connection: socket.socket, request: Request) -> None:
        del request
        connection.sendall(start)
        while True:
            connection.sendall(again)

    return answer


def certificate(folder: Path, name: str, alternative: str = "IP:127.0.0.1") -> Iterator[Path]:
    """A certificate that signs itself, and its key."""
    crt, key = folder / f"{name}.crt", folder / f"{name}.key"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName={alternative}",
            "-keyout", key, "-out", crt,
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    yield crt
    yield key
