"""Downloads from hostile servers and odd addresses: bounded in time and memory, and no secret is shown."""

import contextlib
import http.client
import json
import logging
import re
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from releases import Device, Key, application, make_key, names, serving

from edge.errors import UpdateError
from edge.releases.update_disk import UpdateDisk
from edge.releases.update_messages import UpdateRequest
from edge.update.fetch import fetch
from edge.update.install import with_signature
from edge.update.update_url import allowed_url


@pytest.fixture(scope="session")
def ops(tmp_path_factory: pytest.TempPathFactory) -> Key:
    return make_key(tmp_path_factory.mktemp("ops"), "ops")


@pytest.fixture
def device(tmp_path: Path, ops: Key) -> Device:
    return Device(tmp_path / "device", ops)


def download(device: Device, url: str) -> str:
    """Request an update and download it; returns the error, which ops gets too."""
    device.exchange().ask(UpdateRequest(url=url, version="2.0.0"))
    with pytest.raises(UpdateError) as failure:
        fetch(device.exchange(), UpdateDisk())
    (text,) = device.reported_texts()
    assert text == f"update to version 2.0.0 failed: {failure.value}"
    assert names(device.exchange_folder) == []
    return str(failure.value)


Talk = Callable[[socket.socket, bytes], None]


class Server:
    """Answers each request as a function wants, until the client has gone."""

    def __init__(self, talk: Talk, *, reads_first: bool = True) -> None:
        self.requests: list[bytes] = []
        self._reads_first = reads_first
        self._talk, self._listener = talk, socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                request = connection.recv(65536) if self._reads_first else b""
                self.requests.append(request)
                self._talk(connection, request)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


@pytest.fixture
def serve() -> Iterator[Callable[[Talk], Server]]:
    servers: list[Server] = []

    def start(talk: Talk) -> Server:
        servers.append(Server(talk))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def endlessly(start: bytes, more: bytes) -> Talk:
    def talk(connection: socket.socket, _: bytes) -> None:
        connection.sendall(start)
        while True:
            connection.sendall(more)

    return talk


TOO_MUCH = "the headers of the server's answer have more than 200000 bytes, or take longer than 60 s"


@pytest.mark.parametrize(
    ("start", "more", "says"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100, TOO_MUCH),
        (b"", b"HTTP/1.1 100 Continue\r\nx: y\r\n\r\n" * 100, TOO_MUCH),
        (b"HTTP/1.1 200 OK\r\n", b"x: y\r\n" * 100, "the connection broke off (HTTPException)"),
        (b"HTTP/1.1 200 OK\r\nx: ", b"y" * 10_000, "the connection broke off (LineTooLong)"),
        (b"", b"y" * 10_000, "the connection broke off (LineTooLong)"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"y" * 10_000, "is larger than the limit of 0.004096 MB"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;",
            b"y" * 10_000,
            "the connection broke off (LineTooLong)",
        ),
    ],
    ids=["100", "100 with headers", "headers", "header", "status", "body", "chunk"],
)
def test_an_answer_that_never_ends_is_given_up(
    start: bytes, more: bytes, says: str, device: Device, serve: Callable[[Talk], Server]
) -> None:
    server = serve(endlessly(start, more))
    assert download(device, f"{server.url}/x") == re.sub(
        "^", f"{server.url}: the signature (.minisig)" + ("" if says.startswith("is") else ":") + " ", says
    )


def test_headers_that_come_byte_by_byte_are_given_up_when_their_time_is_over(
    device: Device, serve: Callable[[Talk], Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.update.bounded_http._HEADERS_S", 0.0)
    server = serve(endlessly(b"HTTP/1.1 200 OK\r\n", b"x"))
    assert "headers of the server's answer" in download(device, f"{server.url}/x")


def test_the_body_of_a_redirect_is_not_read(device: Device, serve: Callable[[Talk], Server]) -> None:
    def talk(connection: socket.socket, request: bytes) -> None:
        if b"/first" in request:
            connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /second\r\n\r\n")
            while True:
                connection.sendall(b"y" * 65536)
        connection.sendall(b"HTTP/1.1 404 Not Found\r\n\r\n")

    server = serve(talk)
    assert "the server answers 404 Not Found" in download(device, f"{server.url}/first")
    assert [request.split()[1] for request in server.requests] == [b"/first.minisig", b"/second"]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate of 127.0.0.1, and its key beside it."""
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=test", "-days", "9",
            "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", path.with_suffix(".key"), "-out", path,
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    return path


def over_tls(certificate: Path, talk: Talk) -> Talk:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))

    def wrapped(connection: socket.socket, _: bytes) -> None:
        with context.wrap_socket(connection, server_side=True) as tls:
            talk(tls, tls.recv(65536))

    return wrapped


@pytest.fixture
def https(certificate: Path) -> Iterator[Callable[[Talk], str]]:
    """A server that speaks TLS from its first byte; gives its address."""
    servers: list[Server] = []

    def start(talk: Talk) -> str:
        servers.append(Server(over_tls(certificate, talk), reads_first=False))
        return servers[-1].url.replace("http:", "https:")

    yield start
    for server in servers:
        server.close()


def test_https_is_read_with_the_same_limits_and_only_from_a_server_that_proves_who_it_is(
    device: Device, https: Callable[[Talk], str], certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = https(endlessly(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100))
    assert "can't be downloaded: " in (text := download(device, f"{url}/x"))
    assert "certificate verify failed" in text
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert TOO_MUCH in download(device, f"{url}/x")


def test_redirects_in_a_circle_end(device: Device, serve: Callable[[Talk], Server]) -> None:
    answer = b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"
    server = serve(lambda connection, _: connection.sendall(answer))
    assert "the server answers 302 Found" in download(device, f"{server.url}/x")
    assert len(server.requests) < 20


SECRET = "hunter2"  # noqa: S105  a marker, looked for in all that is shown
PLACES = [
    "https://ops:hunter2@127.0.0.1:1/x.bundle",
    "https://hunter2@127.0.0.1:1/x.bundle",
    "https://ops:hun/hunter2@127.0.0.1:1/x.bundle",
    "https://ops:hunter2@127.0.0.1:port/x.bundle",
    "http://127.0.0.1:1/hunter2/x.bundle",
    "http://127.0.0.1:1/x.bundle?token=hunter2",
    "http://127.0.0.1:1/x.bundle#hunter2",
    "http://127.0.0.1:1/x hunter2.bundle",
    "http://127.0.0.1:1/\u00fc/hunter2.bundle",
    "http://example.org/hunter2.bundle",
    "ftp://127.0.0.1/hunter2",
    "hunter2",
    "http://[hunter2/x",
]


@pytest.mark.parametrize("url", PLACES)
def test_no_secret_of_an_address_is_shown(url: str, device: Device, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    assert SECRET not in download(device, url)
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 404 no /hunter2.bundle here\r\n\r\n",
        b"hunter2 is not HTTP\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: https://ops:hunter2@127.0.0.1/hunter2\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/hunter2\r\n\r\n",
        b"HTTP/1.1 302 hunter2\r\nLocation: file:///hunter2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhunter2",
    ],
)
def test_a_server_that_repeats_a_secret_does_not_get_it_shown(
    answer: bytes, device: Device, serve: Callable[[Talk], Server], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server = serve(lambda connection, _: connection.sendall(answer))
    assert SECRET not in download(device, f"{server.url}/hunter2.bundle")
    assert SECRET not in caplog.text


def test_a_login_in_an_address_is_refused_with_the_way_out(device: Device) -> None:
    assert download(device, "https://ops:hunter2@example.org/x.bundle") == (
        "https://example.org: the address holds a user name or a password: serve updates without a login, "
        "because their signature protects them"
    )


def test_a_path_of_other_letters_is_downloaded(device: Device) -> None:
    folder, requested = device.root / "server" / "T\u00fcr", list[str]()
    bundle = device.bundle(application("2.0.0"), folder)
    with_signature(bundle).signature.rename(folder / "\u65b0.bundle.minisig")
    bundle.rename(folder / "\u65b0.bundle")
    with serving(folder.parent, requested) as url:
        device.exchange().ask(UpdateRequest(url=f"{url}/T\u00fcr/\u65b0.bundle", version="2.0.0"))
        fetch(device.exchange(), UpdateDisk())
    assert requested == ["/T%C3%BCr/%E6%96%B0.bundle.minisig", "/T%C3%BCr/%E6%96%B0.bundle"]
    assert device.updater().attend()
    assert device.in_use() == ("application-2.0.0", "shipped")


def test_letters_outside_ascii_are_percent_encoded_once() -> None:
    url = "https://example.org/T\u00fcr/%C3%BC?a=\u00e9&b=%C3%A9"
    assert allowed_url(url) == "https://example.org/T%C3%BCr/%C3%BC?a=%C3%A9&b=%C3%A9"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (
            "https://m\u00fcller.example/x",
            "the host's name is not valid; write other letters in their xn-- form",
        ),
        ("https://a..b/x", "the host's name is not valid"),
        (f"https://{'a' * 64}.org/x", "the host's name is not valid"),
        (f"https://{'a.' * 130}org/x", "the host's name is not valid"),
        (f"https://{'a' * 1900}!/x", "the host's name is not valid"),
        ("https://example.org/a b", "holds a blank or a control character: write a blank as %20"),
        ("https://example.org/a\r\nHost: x", "holds a blank or a control character"),
        ("https://example.org/a\0", "holds a blank or a control character"),
        ("https://example.org/a#b", "holds a #, which is not sent to a server: write it as %23"),
        ("https://example.org:99999/a", "is not a URL"),
        ("//example.org/a", "give https://"),
    ],
)
def test_an_address_that_is_not_valid_is_refused_with_its_own_sentence(url: str, says: str) -> None:
    with pytest.raises(UpdateError, match=re.escape(says)):
        allowed_url(url)


@given(
    st.one_of(
        st.text(st.characters(), max_size=200),  # with halves of surrogate pairs
        st.builds("https://{}{}{}".format, st.text(max_size=20), st.sampled_from("/?#@:[.%"), st.text()),
    )
)
def test_whatever_an_address_is_it_is_refused_or_can_be_requested(url: str) -> None:
    try:
        allowed = allowed_url(url)
    except UpdateError:
        return
    assert allowed.isascii()
    assert allowed_url(allowed) == allowed
    path = allowed.split("/", 3)[-1]
    http.client.HTTPConnection("127.0.0.1")._validate_path(f"/{path}")  # type: ignore[attr-defined]


def test_a_request_of_version_0_1_0_is_understood(device: Device) -> None:
    device.exchange().request_path.write_text(json.dumps({"url": "http://127.0.0.1:1/x", "version": "2.0.0"}))
    with pytest.raises(UpdateError, match=r"can't be downloaded"):
        fetch(device.exchange(), UpdateDisk())
    assert len(device.reported_texts()) == 1
