"""HTTP cameras: streams, snapshots, logins, certificates, and servers that mean harm."""

import base64
import hashlib
import itertools
import re
import resource
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import parse_http_list, parse_keqv_list

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from web_camera import (
    HEAD,
    Answer,
    Request,
    WebCamera,
    certificate,
    endless,
    part,
    sending,
    streaming,
)

from edge.camera import Camera, CameraSettings, check_source
from edge.camera.credentials import Login
from edge.camera.http_login import HttpLogin
from edge.camera.kinds import open_source
from edge.camera.multipart import BrokenStreamError, pictures_of
from edge.camera.state import DamagedPicture, Pictures
from edge.clock import SystemClock
from edge.errors import CameraError, ConfigError
from edge.sim.camera import noisy_picture
from edge.sim.scripted_capture import jpeg_bytes
from edge.values import Image

JPEGS = [jpeg_bytes(noisy_picture(n)) for n in range(3)]
USER, PASSWORD = "admin", "pä:ss@wörd"

Start = Callable[..., WebCamera]


@pytest.fixture
def camera() -> Iterator[Start]:
    started: list[WebCamera] = []

    def start(answer: Answer, tls: ssl.SSLContext | None = None, name: str = "127.0.0.1") -> WebCamera:
        started.append(WebCamera(answer, tls, name))
        return started[-1]

    yield start
    for each in started:
        each.close()


def opened(url: str, **options: object) -> Pictures:
    return open_source(CameraSettings(**{"source": url, "open_timeout_s": 10.0, **options}))  # type: ignore[arg-type]


def all_of(url: str, **options: object) -> tuple[list[Image | DamagedPicture], str]:
    """What came, and why it ended."""
    seen: list[Image | DamagedPicture] = []
    stream = opened(url, **options)
    try:
        seen.extend(picture for picture, _ in stream)
    except CameraError as e:
        return seen, str(e)
    pytest.fail("it ended without a word")


# ---- streams


def test_a_stream_gives_its_pictures_and_says_that_it_ended(camera: Start) -> None:
    seen, why = all_of(camera(streaming(*JPEGS)).url)
    assert [p.shape for p in seen if isinstance(p, np.ndarray)] == [(48, 64, 3)] * 3
    assert "the stream ended" in why


def chunked(data: bytes) -> bytes:
    pieces = [data[i : i + 1000] for i in range(0, len(data), 1000)]
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"


STREAM = b"".join(part(j) for j in JPEGS) + b"--b--\r\n"
BARE = b"".join(part(j, length=False) for j in JPEGS) + b"--b--\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        HEAD + STREAM,
        HEAD + BARE,
        HEAD.replace(b"boundary=b", b'boundary="--b"') + STREAM,
        HEAD.replace(b"; boundary=b", b"") + STREAM,
        HEAD.replace(b"multipart/x-mixed-replace; boundary=b", b"application/octet-stream") + STREAM,
        HEAD + STREAM.replace(b"\r\n--b", b"\n--b").replace(b"\r\n\r\n", b"\n\n"),
        HEAD.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n") + chunked(STREAM),
        HEAD + b"\r\n\r\n" + STREAM.replace(b"Content-Length: %d" % len(JPEGS[0]), b"Content-Length: -5"),
        HEAD + part(b"") + STREAM.replace(b"--b--\r\n", part(b"")),
    ],
    ids=["lengths", "none", "dashes", "no boundary", "no type", "LF", "chunked", "negative", "empty parts"],
)
def test_streams_as_cameras_write_them(camera: Start, answer: bytes) -> None:
    seen, _ = all_of(camera(sending(answer)).url)
    assert [isinstance(p, np.ndarray) for p in seen] == [True] * 3


def test_damaged_parts_are_skipped(camera: Start) -> None:
    parts = [JPEGS[0], JPEGS[1][:500], b"junk", JPEGS[2]]
    seen, _ = all_of(camera(streaming(*parts)).url)
    assert [isinstance(p, DamagedPicture) for p in seen] == [False, True, True, False]


@given(st.binary(max_size=300), st.integers(1, 40), st.sampled_from(["", "b", "--b", '"b"']))
@settings(deadline=None)
def test_any_bytes_are_pictures_or_a_broken_stream(data: bytes, step: int, boundary: str) -> None:
    pieces = iter([data[i : i + step] for i in range(0, len(data), step)])
    try:
        for picture in pictures_of(lambda: next(pieces, b""), boundary, 100):
            assert 0 < len(picture) <= 100 + 10
    except BrokenStreamError:
        pass


@given(
    st.lists(st.binary(min_size=1, max_size=60).filter(lambda d: b"--b" not in d), max_size=5),
    st.integers(1, 99),
)
def test_what_was_put_in_comes_out_however_it_is_cut(pictures: list[bytes], step: int) -> None:
    data = b"".join(part(p) for p in pictures)
    pieces = iter([data[i : i + step] for i in range(0, len(data), step)])
    assert list(pictures_of(lambda: next(pieces, b""), "b", 1000)) == pictures


def test_a_stream_whose_pictures_change_their_size_is_left(camera: Start) -> None:
    wide = jpeg_bytes(noisy_picture(4, 96, 48))
    seen, why = all_of(camera(streaming(JPEGS[0], wide, JPEGS[1])).url)
    assert len(seen) == 1
    assert "its pictures have changed from 64 x 48 px to 96 x 48; it is opened again" in why


# ---- snapshots


def test_an_address_of_single_pictures_is_asked_again(camera: Start) -> None:
    pictures = itertools.cycle(JPEGS)

    def answer(connection: socket.socket, request: Request) -> None:
        jpeg = next(pictures)
        head = f"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
        connection.sendall(head.encode() + jpeg)

    server = camera(answer)
    stream = opened(server.url, fps=2.0)
    got = [next(stream) for _ in range(4)]
    stream.close()
    assert [p.shape for p, _ in got if isinstance(p, np.ndarray)] == [(48, 64, 3)] * 4
    dues = [due_s for _, due_s in got]
    assert all(b - a >= 0.5 for a, b in itertools.pairwise(dues))
    assert len(server.requests) == 4


def test_a_web_page_is_named_for_what_it_is(camera: Start) -> None:
    page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>log in</html>"
    seen, why = all_of(camera(sending(page)).url)
    assert seen == []
    assert "answers with text/html, which is neither an MJPEG stream nor a JPEG" in why


# ---- servers that mean harm


@pytest.fixture
def little_memory() -> Iterator[None]:
    """Fails what takes 300 MB more than now."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    old = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + 300_000_000, old[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, old)


@pytest.mark.slow
@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (endless(b"HTTP/1.1 200 OK\r\n", b"X-A: " + b"a" * 4000 + b"\r\n"), "not as a web server should"),
        (endless(b"HTTP/1.1 200 OK\r\nX: ", b"a" * 65536), "not as a web server should"),
        (endless(HEAD, b"\xff\xd8" + b"a" * 65536), "sends more than"),
        (
            endless(HEAD + b"--b\r\n", b"X: " + b"a" * 65536 + b"\r\n"),
            "more than 16384 bytes",
        ),
        (endless(HEAD + b"--b\r\n\r\n", b"\xff\xd8" + b"a" * 65536), "sends more than"),
        (
            endless(HEAD + b"--b\r\nContent-Length: 2147483647\r\n\r\n", b"a" * 65536),
            "picture of 2147483647 bytes",
        ),
        (endless(b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n", JPEGS[0]), "sends more than"),
        (endless(HEAD.replace(b"; boundary=b", b""), b"\xff\xd8" + b"a" * 65536), "sends more than"),
        (endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "no answer in time|not as a web server"),
        (sending(b"\0" * 5000), "not as a web server should"),
        (sending(), "not as a web server should"),
    ],
    ids=[
        "headers",
        "header",
        "junk",
        "part header",
        "part",
        "length",
        "picture",
        "no boundary",
        "100",
        "zeros",
        "none",
    ],
)
def test_what_never_ends_is_given_up(camera: Start, answer: Answer, reason: str) -> None:
    _, why = all_of(camera(answer).url, max_megapixels=1.0, open_timeout_s=3.0)
    assert re.search(reason, why), why


def test_a_picture_that_drips_is_given_up(camera: Start) -> None:
    pause = threading.Event()

    def answer(connection: socket.socket, request: Request) -> None:
        connection.sendall(HEAD + part(JPEGS[0]))
        for byte in part(JPEGS[1]):
            connection.sendall(bytes([byte]))
            pause.wait(0.05)

    seen, why = all_of(camera(answer).url, read_timeout_s=0.3)
    pause.set()
    assert len(seen) == 1
    assert "no picture for 0.3 s" in why


def moved(location: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "rtsp://127.0.0.1:{port}/x", "tcp://127.0.0.1:{port}/x", "http://[x", ""],
)
def test_a_redirect_to_anything_else_is_not_followed(camera: Start, location: str) -> None:
    server: WebCamera = camera(
        lambda connection, _: connection.sendall(moved(location.format(port=server.port)))
    )
    with pytest.raises(CameraError, match=r"redirects to .*, which is not followed"):
        next(opened(server.url))
    assert len(server.requests) == 1


def test_a_redirect_to_another_machine_or_port_gets_no_request(camera: Start) -> None:
    inside = camera(streaming(*JPEGS))
    for target in (inside.url, inside.url.replace("127.0.0.1", "localhost")):
        server = camera(sending(moved(target)))
        with pytest.raises(CameraError, match="which is not followed"):
            next(opened(server.url))
    assert inside.requests == []


def test_a_redirect_on_the_same_camera_is_followed_but_not_for_ever(camera: Start) -> None:
    def answer(connection: socket.socket, request: Request) -> None:
        if request.target == "/live":
            streaming(*JPEGS)(connection, request)
        else:
            connection.sendall(moved("/live" if request.target == "/video" else request.target + "x"))

    server = camera(answer)
    assert len(all_of(server.url)[0]) == 3
    with pytest.raises(CameraError, match="redirects again and again"):
        next(opened(server.url.replace("/video", "/other")))
    assert len(server.requests) < 12


def test_a_playlist_fetches_nothing(camera: Start) -> None:
    inside = camera(streaming(*JPEGS))
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5.0,\n{inside.url}\n#EXT-X-ENDLIST\n"
    for kind in ("application/vnd.apple.mpegurl", "video/mp2t"):
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n\r\n"
        with pytest.raises(CameraError, match=f"answers with {kind}"):
            next(opened(camera(sending((head + playlist).encode())).url))
    assert inside.requests == []


# ---- logins


def digest_of(algorithm: str, user: str, password: str, sent: dict[str, str], realm: str) -> str:
    """The response that RFC 7616 wants, as a server computes it."""
    name = {"MD5": "md5", "MD5-sess": "md5", "SHA-256": "sha256"}[algorithm]

    def h(text: str) -> str:
        return hashlib.new(name, text.encode()).hexdigest()

    first = h(f"{user}:{realm}:{password}")
    if algorithm.endswith("-sess"):
        first = h(f"{first}:{sent['nonce']}:{sent['cnonce']}")
    second = h(f"GET:{sent['uri']}")
    if "qop" not in sent:
        return h(f"{first}:{sent['nonce']}:{second}")
    return h(f"{first}:{sent['nonce']}:{sent['nc']}:{sent['cnonce']}:{sent['qop']}:{second}")


def asking(way: str, algorithm: str = "MD5", qop: str = ', qop="auth"') -> Answer:
    """A camera that wants a login and checks it."""

    def right(given: str) -> bool:
        if way == "Basic":
            return given == "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if not given.startswith("Digest "):
            return False
        sent = parse_keqv_list(parse_http_list(given.removeprefix("Digest ")))
        wanted = digest_of(algorithm, USER, PASSWORD, sent, "a camera")
        return sent["nonce"] == "abc" and sent["response"] == wanted and sent["opaque"] == "o"

    extra = f', nonce="abc", opaque="o", algorithm={algorithm}{qop}' if way == "Digest" else ""
    refusal = (
        f'HTTP/1.1 401 No\r\nWWW-Authenticate: {way} realm="a camera"{extra}\r\nContent-Length: 0\r\n\r\n'
    )

    def answer(connection: socket.socket, request: Request) -> None:
        if right(request.headers.get("authorization", "")):
            streaming(*JPEGS)(connection, request)
        else:
            connection.sendall(refusal.encode())

    return answer


@pytest.mark.parametrize(
    ("way", "algorithm", "qop"),
    [
        ("Basic", "", ""),
        ("Digest", "MD5", ', qop="auth"'),
        ("Digest", "MD5", ', qop="auth-int,auth"'),
        ("Digest", "MD5", ""),
        ("Digest", "MD5-sess", ', qop="auth"'),
        ("Digest", "SHA-256", ', qop="auth"'),
    ],
)
def test_a_password_from_a_file_logs_in(
    camera: Start, tmp_path: Path, way: str, algorithm: str, qop: str
) -> None:
    secret = tmp_path / "camera-password"
    secret.write_text(PASSWORD + "\n", encoding="utf-8")
    server = camera(asking(way, algorithm, qop))
    seen, _ = all_of(server.url.replace("://", f"://{USER}@"), password_file=secret)
    assert len(seen) == 3
    assert "authorization" not in server.requests[0].headers, "nothing is sent unasked"


def test_a_password_in_the_url_still_works(camera: Start) -> None:
    server = camera(asking("Digest"))
    url = server.url.replace("://", "://admin:p%C3%A4%3Ass%40w%C3%B6rd@")
    assert len(all_of(url)[0]) == 3


def test_a_wrong_password_is_tried_once_and_not_shown(camera: Start) -> None:
    server = camera(asking("Digest"))
    with pytest.raises(CameraError, match=r"refuses this user name or password \(401\)") as e:
        next(opened(server.url.replace("://", "://admin:MARK@")))
    assert "MARK" not in str(e.value)
    assert len(server.requests) == 2


def test_without_a_login_the_way_to_give_one_is_named(camera: Start) -> None:
    with pytest.raises(
        CameraError, match=r"asks for a user name and a password \(401\).*camera\.password_file"
    ):
        next(opened(camera(asking("Basic")).url))


@given(st.lists(st.text(max_size=60), max_size=3))
@example(["0 ="])
@example(['Digest realm=, nonce="'])
def test_any_challenge_is_understood_or_refused(challenges: list[str]) -> None:
    login = HttpLogin(Login("u", "p"))
    if login.learn(challenges):
        assert login.header("GET", "/")


@pytest.mark.parametrize(
    ("source", "content", "message"),
    [
        ("http://192.0.2.7/v", "secret", "camera.password_file is given, and no user name"),
        (
            "http://u:MARK@192.0.2.7/v",
            "secret",
            "camera.source holds a password, and camera.password_file another",
        ),
        ("http://u@192.0.2.7/v", "", "is empty: put the password on its first line"),
        ("rtsp://u@192.0.2.7/v", None, "can't be read .*readable for the user"),
        ("rtsp://u@192.0.2.7/v", "x" * 5000, "is not a text file with a password on its first line"),
        ("rtsp://u@192.0.2.7/v", "s\0e\0c\0", "is not a text file with a password on its first line"),
    ],
)
def test_a_password_file_that_can_not_be_used_is_found_by_the_check(
    tmp_path: Path, source: str, content: str | None, message: str
) -> None:
    file = tmp_path / "password"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigError, match=message) as e:
        check_source(CameraSettings(source, password_file=file))
    assert "MARK" not in str(e.value)


# ---- certificates


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], tuple[ssl.SSLContext, Path]]:
    folder = tmp_path_factory.mktemp("pki")

    def make(name: str, alternative: str = "IP:127.0.0.1") -> tuple[ssl.SSLContext, Path]:
        crt, key = certificate(folder, name, alternative)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(crt, key)
        return context, crt

    return make


Make = Callable[..., tuple[ssl.SSLContext, Path]]


def fingerprint(crt: Path) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(crt.read_text())).hexdigest()


def test_a_certificate_that_nobody_signed_gets_no_request(camera: Start, pki: Make) -> None:
    server = camera(asking("Basic"), pki("unknown")[0])
    with pytest.raises(CameraError, match=r"can't be trusted \(self-signed certificate\)\. Nothing was sent"):
        next(opened(server.url.replace("://", "://admin:MARK@")))
    assert server.requests == []


def test_ca_file_says_who_is_trusted(camera: Start, pki: Make) -> None:
    context, crt = pki("camera-1")
    server = camera(streaming(*JPEGS), context)
    assert len(all_of(server.url, ca_file=crt)[0]) == 3
    _, other = pki("camera-2")
    with pytest.raises(CameraError, match="can't be trusted"):
        next(opened(server.url, ca_file=other))
    assert len(server.requests) == 1


def test_a_certificate_for_another_name_is_not_trusted(camera: Start, pki: Make) -> None:
    context, crt = pki("elsewhere", "DNS:camera.example.org")
    server = camera(streaming(*JPEGS), context)
    with pytest.raises(CameraError, match="can't be trusted"):
        next(opened(server.url, ca_file=crt))
    assert server.requests == []


def test_a_pinned_certificate_is_taken_whoever_signed_it_and_no_other(camera: Start, pki: Make) -> None:
    context, crt = pki("pinned", "DNS:whatever.example.org")
    server = camera(streaming(*JPEGS), context)
    pin = ":".join(fingerprint(crt)[i : i + 2] for i in range(0, 64, 2)).upper()
    assert len(all_of(server.url, certificate_sha256=pin)[0]) == 3
    with pytest.raises(CameraError, match=r"is not the pinned camera\.certificate_sha256\. Nothing was sent"):
        next(opened(server.url, certificate_sha256="0" * 64))
    assert len(server.requests) == 1


@pytest.mark.slow
def test_insecure_is_possible_in_words_and_logged(
    camera: Start, pki: Make, caplog: pytest.LogCaptureFixture
) -> None:
    server = camera(streaming(*JPEGS), pki("insecure", "DNS:x")[0])
    assert len(all_of(server.url, certificate="insecure")[0]) == 3
    watched = Camera(CameraSettings(server.url, certificate="insecure"), SystemClock())
    watched.start()
    watched.close()
    assert [m for m in caplog.messages if "anybody on the way can pretend to be https://127.0.0.1" in m]


def test_a_ca_file_is_checked_and_needs_encryption(tmp_path: Path, pki: Make) -> None:
    empty = tmp_path / "ca.pem"
    empty.touch()
    with pytest.raises(ConfigError, match=r"camera\.ca_file: .*ca\.pem can't be used"):
        check_source(CameraSettings("https://192.0.2.7/v", ca_file=empty))
    with pytest.raises(
        ConfigError, match=r"camera\.ca_file is given, and nothing encrypts the way to rtsp://192"
    ):
        check_source(CameraSettings("rtsp://192.0.2.7/v", ca_file=pki("ca")[1]))
