"""HTTP cameras: MJPEG streams, and addresses that give one picture (a snapshot), which are polled."""

import http.client
import logging
import time
from collections.abc import Iterator

from edge.camera.credentials import check_security, login_of
from edge.camera.decoding import JpegDecoder
from edge.camera.http_login import HttpLogin
from edge.camera.http_request import HttpAnswer, get
from edge.camera.multipart import BrokenStreamError, pictures_of
from edge.camera.picture_headers import DamagedPictureError
from edge.camera.shown import shown_source
from edge.camera.source_kind import SourceKind, require_host
from edge.camera.state import CameraSettings, DamagedPicture, Pictures
from edge.errors import CameraError
from edge.values import Image

SNAPSHOTS_PER_S = 5.0
"""A camera that gives single pictures is asked this often at most: each is a request, with a login."""
_log = logging.getLogger(__name__)


def open_http(settings: CameraSettings) -> Pictures:
    """Open an HTTP camera; what it answers says whether it streams or gives one picture at a time."""
    login = login_of(settings)
    http_login = HttpLogin(login) if login is not None else None
    decoder = JpegDecoder(settings.max_pixels)
    shown = shown_source(settings.source)
    try:
        with get(settings, http_login) as answer:
            kind, boundary, start = _what(answer, shown)
            if kind == "stream":
                for data in _parts(answer, start, boundary, settings):
                    yield _decoded(decoder, data), 0.0
                raise CameraError(f"{shown}: the stream ended; check the camera's power and the network.")
            _log.info("%s: gives single pictures; it is asked for %g a second", shown, _rate(settings))
            yield _decoded(decoder, _body(answer, start, settings)), 0.0
        yield from _snapshots(settings, http_login, decoder)
    except BrokenStreamError as e:
        raise CameraError(f"{shown}: {e}.") from e
    except TimeoutError as e:
        raise CameraError(
            f"{shown}: no picture for {settings.read_timeout_s:g} s; check the camera's power, cable and "
            "network."
        ) from e
    except (OSError, http.client.HTTPException) as e:
        if isinstance(e, CameraError):
            raise
        raise CameraError(f"{shown}: the stream broke off: {e or type(e).__name__}.") from e


def _snapshots(settings: CameraSettings, login: HttpLogin | None, decoder: JpegDecoder) -> Pictures:
    """One picture after the other, each due a moment after the one before."""
    start_s, due_s = time.monotonic(), 0.0
    while True:
        with get(settings, login) as answer:
            picture = _decoded(decoder, _body(answer, b"", settings))
        due_s = max(due_s + 1 / _rate(settings), time.monotonic() - start_s)
        yield picture, due_s


def _rate(settings: CameraSettings) -> float:
    return min(settings.fps, SNAPSHOTS_PER_S)


def _what(answer: HttpAnswer, shown: str) -> tuple[str, str, bytes]:
    """``stream`` or ``picture``, the stream's boundary, and the bytes that were read to find out.

    Raises:
        CameraError: it is neither.
    """
    kind = answer.headers.get_content_type()
    boundary = str(answer.headers.get_param("boundary", "") or "")
    if kind.startswith("multipart/"):
        return "stream", boundary, b""
    start = answer.some()
    if start.startswith(b"\xff\xd8"):
        return "picture", "", start
    if start.lstrip().startswith(b"--") and not kind.startswith("text/"):
        return "stream", boundary, start
    raise CameraError(
        f"{shown}: answers with {kind}, which is neither an MJPEG stream nor a JPEG; check the path, the "
        "user name and the password, or give the camera's rtsp:// address."
    )


def _parts(answer: HttpAnswer, start: bytes, boundary: str, settings: CameraSettings) -> Iterator[bytes]:
    """The pictures of a stream; each has to come before the deadline."""
    first = [start] if start else []

    def read() -> bytes:
        return first.pop() if first else answer.some()

    answer.allow(settings.open_timeout_s)
    for data in pictures_of(read, boundary, _most(settings)):
        answer.allow(settings.read_timeout_s)
        yield data


def _body(answer: HttpAnswer, start: bytes, settings: CameraSettings) -> bytes:
    """All of an answer.

    Raises:
        BrokenStreamError: it is larger than a picture may be.
    """
    answer.allow(settings.read_timeout_s)
    body = bytearray(start)
    while new := answer.some():
        body += new
        if len(body) > _most(settings):
            raise BrokenStreamError(f"sends more than {_most(settings)} bytes where one picture should end")
    return bytes(body)


def _most(settings: CameraSettings) -> int:
    """Bytes of the largest picture.

    Cameras' JPEGs take 1 to 3 bits a pixel; 4 leave room for the best quality, and bound what a stream that
    never ends takes in memory.
    """
    return max(2_000_000, settings.max_pixels // 2)


def _decoded(decoder: JpegDecoder, data: bytes) -> Image | DamagedPicture:
    try:
        return decoder.decode(data)
    except DamagedPictureError as e:
        return DamagedPicture(str(e))


def _check(settings: CameraSettings) -> None:
    require_host(settings)
    check_security(settings)


HTTP = SourceKind(
    "http",
    form="http://HOST/PATH (MJPEG or JPEG), https://...",
    starts=("http://", "https://"),
    open=open_http,
    check=_check,
)
