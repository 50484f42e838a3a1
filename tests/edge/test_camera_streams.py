"""Network cameras: real servers on the loopback, that stall, die and come back."""

import base64
import contextlib
import logging
import os
import re
import select
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from web_camera import certificate

from edge.camera import Camera, CameraSettings, CameraState, CameraStatus, Fault
from edge.camera.kinds import open_source
from edge.camera.parameter_sets import coded_size
from edge.camera.rtsp_relay import RtspRelay
from edge.camera.rtsp_replies import RefusedReplyError, RtspReplies
from edge.camera.rtsp_requests import RtspRequests
from edge.clock import SystemClock
from edge.errors import CameraError
from edge.values import Frame

pytestmark = pytest.mark.process

RTSP_PACKAGES = (
    "apt-get install -y python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base "
    "gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly"
)


def until(camera: Camera, holds: Callable[[CameraStatus], bool]) -> list[Frame]:
    """Take frames until the status is as wanted; fails after some 20 s without."""
    frames = []
    for _ in range(2000):
        frame = camera.next(0.01)
        if frame:
            frames.append(frame)
        if holds(camera.status):
            return frames
    pytest.fail(f"never came; last status: {camera.status}")


def live(status: CameraStatus) -> bool:
    return status.state is CameraState.LIVE


def broken(wanted: Fault) -> Callable[[CameraStatus], bool]:
    return lambda s: s.fault is wanted


@pytest.fixture
def open_camera() -> Iterator[Callable[..., Camera]]:
    cameras: list[Camera] = []

    def start(source: str, **settings: Any) -> Camera:
        quick: dict[str, Any] = {
            "open_timeout_s": 2.0,
            "read_timeout_s": 0.5,
            "backoff_min_s": 0.05,
            "backoff_max_s": 0.2,
        }
        cameras.append(Camera(CameraSettings(source=source, **{**quick, **settings}), SystemClock()))
        cameras[-1].start()
        return cameras[-1]

    yield start
    for camera in cameras:
        camera.close()


# ---- HTTP MJPEG


class MjpegServer:
    """Sends pictures at about 50 a second, the upper half red with noise; can stall, freeze and die."""

    def __init__(self, port: int = 0, width: int = 160, height: int = 120) -> None:
        self.flowing, self.frozen, self.dead = threading.Event(), threading.Event(), threading.Event()
        self.flowing.set()
        self.connections: list[socket.socket] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args: object) -> None:
                pass

            def do_GET(self) -> None:
                if self.path != "/video.mjpg":
                    self.send_error(404)
                    return
                outer.connections.append(self.connection)
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                with contextlib.suppress(OSError):
                    for jpeg in outer.pictures(width, height):
                        head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                        self.wfile.write(head.encode() + jpeg + b"\r\n")

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/video.mjpg"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def pictures(self, width: int, height: int) -> Iterator[bytes]:
        rng = np.random.default_rng(1)
        bgr = np.zeros((height, width, 3), dtype=np.uint8)
        bgr[: height // 2, :, 2] = 220
        while not self.dead.wait(0.02):
            if not self.frozen.is_set():
                bgr[height // 2 :] = rng.integers(0, 255, (height - height // 2, 1, 3))
            self.flowing.wait()
            yield cv2.imencode(".jpg", bgr)[1].tobytes()

    def die(self) -> None:
        self.dead.set()
        self.flowing.set()
        self._server.shutdown()
        self._server.server_close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def mjpeg() -> Iterator[Callable[..., MjpegServer]]:
    servers: list[MjpegServer] = []

    def start(port: int = 0, width: int = 160, height: int = 120) -> MjpegServer:
        servers.append(MjpegServer(port, width, height))
        return servers[-1]

    yield start
    for server in servers:
        server.die()


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), [(160, 120), (3840, 2160)])
def test_mjpeg_gives_rgb_frames(
    open_camera: Callable[..., Camera], mjpeg: Callable[..., MjpegServer], width: int, height: int
) -> None:
    # a large picture takes a loaded machine seconds: the condition is waited for, not a deadline
    camera = open_camera(mjpeg(0, width, height).url, open_timeout_s=100.0, read_timeout_s=100.0)
    frames = until(camera, lambda s: s.frames >= 3)
    image = frames[-1].image
    assert (image.shape, image.dtype, image.flags.c_contiguous) == (
        (height, width, 3),
        np.dtype("uint8"),
        True,
    )
    assert image[: height // 4].mean(axis=(0, 1)) == pytest.approx((220, 0, 0), abs=10)
    assert (camera.status.width, camera.status.height) == (width, height)
    assert [f.seq for f in frames] == sorted({f.seq for f in frames})
    assert [f.captured_at for f in frames] == sorted({f.captured_at for f in frames})


def test_mjpeg_that_stalls_dies_and_comes_back(
    open_camera: Callable[..., Camera], mjpeg: Callable[..., MjpegServer]
) -> None:
    server = mjpeg()
    camera = open_camera(server.url)
    until(camera, live)

    server.flowing.clear()
    until(camera, broken(Fault.NO_FRAMES))
    assert "127.0.0.1" in camera.status.message
    assert "check the camera's power" in camera.status.message
    server.flowing.set()
    until(camera, live)
    assert camera.status.reconnects >= 1

    server.die()
    until(camera, broken(Fault.NO_FRAMES))
    until(camera, broken(Fault.CANNOT_OPEN))
    assert f"127.0.0.1 port {server.port}: Connection refused" in camera.status.message

    mjpeg(server.port)
    until(camera, live)
    assert camera.status.message == ""


def test_mjpeg_that_sends_the_same_picture_is_frozen(
    open_camera: Callable[..., Camera], mjpeg: Callable[..., MjpegServer]
) -> None:
    server = mjpeg()
    camera = open_camera(server.url, frozen_after_s=0.3)
    until(camera, live)
    server.frozen.set()
    until(camera, broken(Fault.FROZEN))
    until(camera, lambda _: len(server.connections) >= 2)  # opened again, in case that helps
    assert camera.status.state is CameraState.FAULT
    server.frozen.clear()
    until(camera, live)


def test_a_host_without_video_at_that_path(
    open_camera: Callable[..., Camera], mjpeg: Callable[..., MjpegServer]
) -> None:
    camera = open_camera(mjpeg().url + "x")
    until(camera, broken(Fault.CANNOT_OPEN))
    assert "answers on port" in camera.status.message
    assert "check the path, the user name and the password" in camera.status.message


# ---- a host that accepts and says nothing


class SilentServer:
    """Accepts and never answers; records that somebody came, and that the last one left."""

    def __init__(self) -> None:
        self.came, self.left = threading.Event(), threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._listen, args=(connection,), daemon=True).start()

    def _listen(self, connection: socket.socket) -> None:
        self.came.set()
        with connection, contextlib.suppress(OSError):
            while connection.recv(4096):
                pass
        self.left.set()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def silent() -> Iterator[SilentServer]:
    server = SilentServer()
    yield server
    server.close()


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_a_connection_to_a_silent_host_is_given_up(
    open_camera: Callable[..., Camera],
    silent: SilentServer,
    scheme: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    camera = open_camera(f"{scheme}://admin:secret@127.0.0.1:{silent.port}/live", open_timeout_s=0.3)
    until(camera, lambda s: s.fault is Fault.CANNOT_OPEN and s.reconnects >= 1)
    assert silent.came.is_set()
    assert silent.left.wait(20), "OpenCV still holds the connection: its own deadline does not work"
    assert camera.status.source == f"{scheme}://127.0.0.1:{silent.port}"
    camera.close()
    text = "".join([str(camera.status), caplog.text, *capfd.readouterr()])
    assert "camera fault, cannot open" in text
    assert "secret" not in text
    assert "admin" not in text


HANGING = """
import sys
from edge.camera import Camera, CameraSettings
from edge.clock import SystemClock

camera = Camera(CameraSettings(source=sys.argv[1], open_timeout_s=3600.0), SystemClock())
camera.start()
sys.stdin.readline()
camera.close()
print("closed")
"""


@pytest.mark.slow
def test_the_process_ends_although_opencv_hangs(silent: SilentServer) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HANGING, f"rtsp://127.0.0.1:{silent.port}/live"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert silent.came.wait(30)
        out, err = process.communicate("\n", timeout=30)
    assert (process.returncode, out, err) == (0, "closed\n", "")


NEVER_CLOSED = """
import sys
from edge.camera import Camera, CameraSettings
from edge.clock import SystemClock

camera = Camera(CameraSettings(source=sys.argv[1]), SystemClock())
camera.start()
sys.exit(3 if camera.next(30) else 4)
"""


@pytest.mark.slow
def test_the_process_ends_orderly_although_nobody_closed_the_camera(
    mjpeg: Callable[..., MjpegServer],
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", NEVER_CLOSED, mjpeg().url],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, "", "")


# ---- RTSP


class RtspServer:
    """The real thing, in a process of its own: SIGSTOP is a network that goes quiet."""

    def __init__(self, port: int = 0) -> None:
        self._process = subprocess.Popen(
            ["/usr/bin/python3", str(Path(__file__).with_name("rtsp_server.py")), str(port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line.strip().isdecimal():
            _, err = self._process.communicate()
            pytest.fail(
                f"the RTSP server did not start: {err.strip()}\nInstall what it needs: {RTSP_PACKAGES}"
            )
        self.port = int(line)
        self.url = f"rtsp://127.0.0.1:{self.port}/bars"

    def signal(self, number: int) -> None:
        os.kill(self._process.pid, number)

    def die(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def rtsp() -> Iterator[Callable[..., RtspServer]]:
    servers: list[RtspServer] = []

    def start(port: int = 0) -> RtspServer:
        servers.append(RtspServer(port))
        return servers[-1]

    yield start
    for server in servers:
        server.die()


@pytest.mark.slow
def test_rtsp_that_goes_quiet_dies_and_comes_back(
    open_camera: Callable[..., Camera], rtsp: Callable[..., RtspServer]
) -> None:
    server = rtsp()
    camera = open_camera(server.url)
    image = until(camera, lambda s: s.frames >= 3)[-1].image
    assert image.shape == (240, 320, 3)
    red_bar = image[20:100, 240:260].mean(axis=(0, 1))
    assert red_bar[0] > 150
    assert red_bar[2] < 60

    server.signal(signal.SIGSTOP)
    until(camera, broken(Fault.NO_FRAMES))
    server.signal(signal.SIGCONT)
    until(camera, live)
    assert camera.status.reconnects >= 1

    server.die()
    until(camera, broken(Fault.CANNOT_OPEN))
    assert "Connection refused" in camera.status.message
    rtsp(server.port)
    until(camera, live)


@pytest.mark.slow
def test_rtsp_whose_pictures_change_their_size_is_opened_again(
    open_camera: Callable[..., Camera], rtsp: Callable[..., RtspServer], caplog: pytest.LogCaptureFixture
) -> None:
    camera = open_camera(rtsp().url.replace("bars", "changing"), open_timeout_s=30.0, read_timeout_s=30.0)
    until(camera, lambda s: s.width == 320)
    until(camera, broken(Fault.NO_FRAMES))
    assert "goes on in another size or form; it is opened again" in camera.status.message
    until(camera, live)
    assert camera.status.reconnects >= 1


def test_rtsp_with_a_wrong_path(open_camera: Callable[..., Camera], rtsp: Callable[..., RtspServer]) -> None:
    camera = open_camera(rtsp().url + "x")
    until(camera, broken(Fault.CANNOT_OPEN))
    assert "gives no video; check the path" in camera.status.message


# ---- RTSP through the relay: certificates, redirects, replies that mean harm


class TlsFront:
    """TLS in front of another server, as an rtsps camera has it."""

    def __init__(self, port: int, crt: Path, key: Path) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(crt, key)
        self.carried = bytearray()
        self._behind, self._context = port, context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with (
            contextlib.suppress(OSError),
            self._context.wrap_socket(connection, server_side=True) as near,
            socket.create_connection(("127.0.0.1", self._behind)) as far,
        ):
            back = threading.Thread(target=self._copy, args=(far, near), daemon=True)
            back.start()
            while data := near.recv(65536):
                self.carried += data
                far.sendall(data)
            far.shutdown(socket.SHUT_RDWR)
            back.join(10)

    @staticmethod
    def _copy(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            while data := source.recv(65536):
                sink.sendall(data)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.mark.slow
def test_rtsps_is_read_only_from_a_camera_that_proves_who_it_is(
    open_camera: Callable[..., Camera], rtsp: Callable[..., RtspServer], tmp_path: Path
) -> None:
    crt, key = certificate(tmp_path, "camera")
    front = TlsFront(rtsp().port, crt, key)
    url = f"rtsps://admin:MARK@127.0.0.1:{front.port}/bars"
    unknown = open_camera(url, open_timeout_s=30.0)
    until(unknown, broken(Fault.CANNOT_OPEN))
    assert "can't be trusted (self-signed certificate). Nothing was sent" in unknown.status.message
    unknown.close()
    assert front.carried == b""
    verified = open_camera(url, ca_file=crt, open_timeout_s=30.0, read_timeout_s=10.0)
    assert until(verified, lambda s: s.frames >= 3)[-1].image.shape == (240, 320, 3)
    verified.close()
    front.close()


class RtspAnswers:
    """Answers every request with the same head and body, and counts them."""

    def __init__(self, head: str, body: bytes = b"", *, endless: bool = False) -> None:
        self.asked: list[bytes] = []
        self._head, self._body, self._endless = head, body, endless
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(65536):
                self.asked.append(data)
                sequence = re.search(rb"CSeq: (\d+)", data)
                assert sequence
                head = f"RTSP/1.0 {self._head}\r\nCSeq: {int(sequence[1])}\r\n".format(port=self.port)
                connection.sendall(head.encode() + (b"" if self._endless else b"\r\n" + self._body))
                while self._endless:
                    connection.sendall(b"X: " + b"a" * 1000 + b"\r\n")

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.mark.parametrize(
    ("head", "body", "message"),
    [
        ("302 Moved\r\nLocation: rtsp://127.0.0.1:{port}/again", b"", "redirects (302) to another address"),
        ("301 Moved\r\nLocation: file:///etc/hostname", b"", "redirects (301) to another address"),
        ("200 OK", b"endless", "sends a reply that does not end"),
        ("200 OK\r\nContent-Length: 9000000", b"v=0\r\n" * 1000, "its stream in 9000000 bytes"),
        ("404 Not Found", b"", "with 404 but gives no video; check the path"),
        ('401 No\r\nWWW-Authenticate: Basic realm="x"', b"", "refuses this login (401)"),
        ("200 OK", b"\0\1\2\3" * 1000 + b"\r\n\r\n", "does not speak RTSP"),
    ],
    ids=["loop", "file", "endless", "long", "404", "401", "garbage"],
)
def test_replies_that_mean_harm_or_refuse_are_named(head: str, body: bytes, message: str) -> None:
    answers = RtspAnswers(head, body, endless=body == b"endless")
    url = f"rtsp://admin:MARK@127.0.0.1:{answers.port}/live"
    with pytest.raises(CameraError) as e:
        next(open_source(CameraSettings(url, open_timeout_s=5.0)))
    answers.close()
    assert message in str(e.value)
    assert "MARK" not in str(e.value)
    assert len(answers.asked) < 10


def h264(kind: int, body: bytes, payload_type: int = 96) -> bytes:
    packet = bytes([0x80, payload_type]) + bytes(10) + bytes([0x60 | kind]) + body
    return b"$\0" + len(packet).to_bytes(2, "big") + packet


def test_only_another_parameter_set_after_the_first_ones_is_a_change() -> None:
    description = b"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=rtpmap:97 mpeg4-generic/8000\r\n"
    head = b"RTSP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(description)
    replies = RtspReplies(16_000_000)
    two = [h264(7, b"first"), h264(7, b"second"), h264(5, b"picture"), h264(7, b"sound", payload_type=97)]
    for message in [head + description, *two * 5]:
        assert replies.take(message) == message
    together = b"\0\x06\x67third" + b"\0\x03\x68pp"
    with pytest.raises(RefusedReplyError, match="another size or form"):
        replies.take(h264(24, together))


@given(st.binary(max_size=200), st.integers(1, 50))
def test_any_reply_is_passed_on_unchanged_or_refused(tail: bytes, step: int) -> None:
    data = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 3\r\n\r\nabc" + tail
    replies, passed = RtspReplies(16_000_000), b""
    with contextlib.suppress(RefusedReplyError):
        for at in range(0, len(data), step):
            passed += replies.take(data[at : at + step])
    assert data.startswith(passed)
    assert replies.status is not None


def test_pictures_are_asked_for_over_the_same_connection() -> None:
    requests = RtspRequests()
    options = b"OPTIONS rtsp://x RTSP/1.0\r\nCSeq: 1\r\n\r\n"
    assert requests.take(options) == (options, b"")
    by_udp = b"SETUP rtsp://x RTSP/1.0\r\nTransport: RTP/AVP/UDP;unicast;client_port=1-2\r\nCSeq: 3\r\n\r\n"
    assert requests.take(by_udp[:30]) == (b"", b"")
    assert requests.take(by_udp[30:]) == (b"", b"RTSP/1.0 461 Unsupported transport\r\nCSeq: 3\r\n\r\n")
    by_tcp = by_udp.replace(b"RTP/AVP/UDP;unicast;client_port=1-2", b"RTP/AVP/TCP;unicast;interleaved=0-1")
    assert requests.take(by_tcp) == (by_tcp, b"")


class BitWriter:
    """Writes a parameter set, number by number."""

    def __init__(self) -> None:
        self._bits = ""

    def put(self, value: int, count: int) -> "BitWriter":
        self._bits += format(value, f"0{count}b") if count else ""
        return self

    def golomb(self, *values: int) -> "BitWriter":
        for value in values:
            code = format(value + 1, "b")
            self._bits += "0" * (len(code) - 1) + code
        return self

    def unit(self, head: bytes) -> bytes:
        bits = self._bits + "1" + "0" * (-(len(self._bits) + 1) % 8)
        data = int(bits, 2).to_bytes(len(bits) // 8, "big")
        safe = bytearray()
        for byte in data:  # H.264, 7.4.1: no start code in the data
            if safe[-2:] == b"\0\0" and byte <= 3:
                safe.append(3)
            safe.append(byte)
        return head + bytes(safe)


def h264_set(width: int, height: int, profile: int = 100) -> bytes:
    bits = BitWriter().put(profile, 8).put(31, 16).golomb(0)
    if profile == 100:
        bits.golomb(1, 0, 0).put(0, 1).put(1, 1)  # with scaling lists, the first of them as a flat one
        bits.put(1, 1).golomb(*[0] * 16).put(0, 7)
    bits.golomb(4, 0, 2, 4).put(0, 1).golomb(width // 16 - 1, height // 16 - 1).put(1, 1)
    return bits.put(0, 9).unit(b"\x67")


def h265_set(width: int, height: int, layers: int = 0) -> bytes:
    bits = BitWriter().put(0, 4).put(layers, 3).put(1, 1).put(1, 88).put(93, 8)
    for _ in range(layers):
        bits.put(3, 2)
    if layers:
        bits.put(0, 2 * (8 - layers)).put(5, 96 * layers)
    return bits.golomb(0, 1, width, height).put(0, 9).unit(b"\x42\x01")


sizes = st.integers(1, 1000).map(lambda n: 16 * n)


@given(sizes, sizes, st.sampled_from([66, 100]), st.integers(0, 6))
def test_the_size_is_read_from_a_parameter_set(width: int, height: int, profile: int, layers: int) -> None:
    assert coded_size(h264_set(width, height, profile), b"H264") == (width, height)
    assert coded_size(h265_set(width, height, layers), b"H265") == (width, height)


@given(st.binary(max_size=60), st.sampled_from([b"H264", b"H265"]))
def test_any_parameter_set_has_a_size_or_none(unit: bytes, codec: bytes) -> None:
    size = coded_size(unit, codec)
    assert size is None or min(size) >= 0


def test_a_stream_that_announces_huge_pictures_is_not_decoded() -> None:
    stated = base64.b64encode(h264_set(16000, 16000))
    for body in (
        b"a=rtpmap:96 H264/90000\r\na=fmtp:96 sprop-parameter-sets=" + stated + b",aM4G4g==\r\n",
        b"a=rtpmap:96 H264/90000\r\n",
    ):
        replies = RtspReplies(16_000_000)
        head = b"RTSP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
        with pytest.raises(
            RefusedReplyError, match="announces a picture that has 16000 x 16000 px, more than"
        ):
            replies.take(head + body + h264(7, h264_set(16000, 16000)[1:]))


def test_what_tls_sends_for_itself_does_not_hold_up_the_relay(tmp_path: Path) -> None:
    crt, key = certificate(tmp_path, "camera")
    answers = RtspAnswers("200 OK", b"")
    front = TlsFront(answers.port, crt, key)
    settings = CameraSettings(f"rtsps://127.0.0.1:{front.port}/bars", ca_file=crt)
    with RtspRelay(settings) as relay:
        select.select([relay._far], [], [], 20)  # TLS 1.3 sends tickets after the handshake
        with socket.create_connection(("127.0.0.1", relay.port), 20) as near:
            while select.select([relay._far], [], [], 0)[0]:
                pass  # until the relay has taken them
            near.sendall(b"OPTIONS rtsp://x RTSP/1.0\r\nCSeq: 1\r\n\r\n")
            assert near.recv(100).startswith(b"RTSP/1.0 200 OK")
    front.close()
    answers.close()
