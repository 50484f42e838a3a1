"""What a source's text means, and how to show it without its secrets."""

import re
from enum import Enum
from pathlib import Path
from urllib.parse import urlsplit

from edge.camera.paths import Found, require_utf8, what_lies_at
from edge.errors import CameraError, UsageError

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})
FORMS = (
    "A source is one of: /dev/video0, /dev/v4l/by-id/..., rtsp://HOST/PATH, rtsps://..., http://HOST/PATH "
    "(MJPEG), https://..., picamera, gst:PIPELINE (GStreamer's, which ends in appsink), a video file or GIF, "
    "a picture, a folder of pictures"
)
PIPELINE = "gst:"
_LOGIN = re.compile(r"(?<=://)[^\s!]*(?=@)|(?<=user-pw=)\S+")
_BARE_LOGIN = re.compile(r"(?s).*:.*@")
"""Of an address whose scheme was mistyped or forgotten."""
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_PARAMETER = re.compile(r"(?i)((?:user(?:name)?|pass(?:word|wd)?|pwd|token|key|auth)=)[^&/?]*")


class SourceKind(str, Enum):
    """The kinds of sources."""

    V4L2 = "v4l2"
    RTSP = "rtsp"
    HTTP = "http"
    PICAMERA = "picamera"
    GSTREAMER = "gstreamer"
    CLIP = "clip"
    PICTURES = "pictures"

    @property
    def live(self) -> bool:
        """Whether it goes on for ever, can break and is tried again."""
        return self not in {SourceKind.CLIP, SourceKind.PICTURES}


_SCHEMES = {
    "rtsp": SourceKind.RTSP,
    "rtsps": SourceKind.RTSP,
    "http": SourceKind.HTTP,
    "https": SourceKind.HTTP,
}


def kind_of(source: str) -> SourceKind:
    """Classify a source. A device that is not there is still a V4L2 camera: it may be plugged in later.

    Raises:
        UsageError: it is none of the allowed forms, a file that is not there, or a folder without pictures.
        CameraError: what it names can't be looked at, or OpenCV can't be given its name.
    """
    if not source:
        raise UsageError(f"the source is empty. {FORMS}.")
    require_utf8(without_secrets(source))
    if source.startswith(PIPELINE):
        return SourceKind.GSTREAMER
    scheme = _SCHEME.match(source)
    if scheme:
        return _kind_of_url(source, scheme[1].lower())
    if source == "picamera":
        return SourceKind.PICAMERA
    path = Path(source)
    try:
        found = what_lies_at(path)
    except CameraError as e:
        raise CameraError(str(e).replace(source, without_secrets(source))) from e
    if source.startswith("/dev/") and found is not Found.FILE:  # /dev/shm may well hold a clip
        return SourceKind.V4L2
    if found is Found.FOLDER or path.suffix.lower() in PICTURE_SUFFIXES:
        pictures_in(path)
        return SourceKind.PICTURES
    if found is Found.FILE:
        return SourceKind.CLIP
    hint = f" (did you mean /dev/video{source}?)" if source.isdecimal() else ""
    raise UsageError(f"source {without_secrets(source)!r}: {found.value}{hint}. {FORMS}.")


def _kind_of_url(source: str, scheme: str) -> SourceKind:
    shown = without_secrets(source)
    if scheme not in _SCHEMES:
        raise UsageError(f"source {shown!r}: {scheme}:// is not supported. {FORMS}.")
    try:
        parts = urlsplit(source)
        host = parts.hostname if parts.port != 0 else None
    except ValueError:
        host = None
    if not host:
        # the cause is left out on purpose: its text may hold a part of the password
        raise UsageError(
            f"source {shown!r}: no valid host and port in it. Write {scheme}://USER:PASSWORD@HOST:PORT/PATH, "
            "with / # ? @ and : in the password as %2F %23 %3F %40 and %3A."
        ) from None
    return _SCHEMES[scheme]


def pictures_in(path: Path) -> list[Path]:
    """The pictures of a folder by name, or the one picture that the path names.

    Raises:
        UsageError: there is no such thing, or no picture in it.
        CameraError: it can't be looked at.
    """
    found = what_lies_at(path)
    if found is Found.FILE:
        return [path]
    if found is not Found.FOLDER:
        raise UsageError(f"source {without_secrets(str(path))!r}: {found.value}. {FORMS}.")
    try:
        inside = sorted(p for p in path.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES)
    except OSError as e:
        raise CameraError(f"{path}: can't be read: {e.strerror}.") from e
    pictures = [p for p in inside if what_lies_at(p) is Found.FILE]
    if not pictures:
        raise UsageError(
            f"source {str(path)!r}: no picture in this folder. "
            f"Looked for {', '.join(sorted(PICTURE_SUFFIXES))}."
        )
    return pictures


def without_secrets(source: str) -> str:
    """The source for messages: no user name, no password, no query.

    Everything up to the last @ goes, because a badly escaped password may hold any character.
    """
    if source.startswith(PIPELINE):
        return _LOGIN.sub("***", source)
    if not _SCHEME.match(source):
        return _PARAMETER.sub(r"\1***", _BARE_LOGIN.sub("***@", source))
    scheme, rest = source.split("://", 1)
    _user, at, rest = rest.rpartition("@")
    address, query, _ = rest.partition("?")
    address = _PARAMETER.sub(r"\1***", address)  # some cameras take user=...&password=... within the path
    return f"{scheme}://{'***@' if at else ''}{address}{'?***' if query else ''}"
