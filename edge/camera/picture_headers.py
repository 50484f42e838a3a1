"""What a picture's bytes say before they are decoded: its size, and whether it is whole. Pure.

The layouts are those of the JPEG standard (ITU-T T.81, annex B), the PNG specification (5.2 and 11.2) and
Google's WebP container specification.
"""

import re
from dataclasses import dataclass

_SOI, _SOS, _EOI, _DRI = 0xD8, 0xDA, 0xD9, 0xDD
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""SOF0 to SOF15: the markers that give a size; the other three are tables."""
_BARE = frozenset({0x01, *range(0xD0, 0xD8)})
"""Markers without a length."""
_MARKER = re.compile(rb"\xff([\x01-\xfe])")
_BETWEEN_SCANS = frozenset({0xC4, 0xDA, 0xDB, 0xDC, 0xDD, 0xFE})
"""Tables, the next scan, the number of lines, a comment: what may follow a scan before the end."""


class DamagedPictureError(ValueError):
    """A picture that can't be decoded as a whole; says why, in words that follow "a picture"."""


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """What a JPEG says about itself."""

    width: int
    height: int
    data_at: int
    """Where the data of the first scan starts."""
    end: int | None
    """Where the end marker stands; None if there is none."""


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in px of a JPEG, PNG or WebP; None for any other kind of file.

    Raises:
        DamagedPictureError: it starts like one of these and gives no size.
    """
    if data.startswith(b"\xff\xd8"):
        header = jpeg_header(data)
        return header.width, header.height
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        if data[12:16] != b"IHDR" or len(data) < 24:
            raise DamagedPictureError("is cut off in its header")
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp_size(data)
    return None


def require_size(width: int, height: int, max_pixels: int) -> None:
    """Refuse what would take too much memory.

    Raises:
        DamagedPictureError: the picture has more than ``max_pixels``.
    """
    if width * height > max_pixels:
        raise DamagedPictureError(
            f"has {width} x {height} px, more than the {max_pixels / 1e6:g} megapixels that are allowed"
        )


def _webp_size(data: bytes) -> tuple[int, int]:
    kind, body = data[12:16], data[20:30]
    if len(body) == 10:
        if kind == b"VP8X":
            return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
        if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
            width, height = (int.from_bytes(body[i : i + 2], "little") & 0x3FFF for i in (6, 8))
            return width, height
        if kind == b"VP8L" and body[0] == 0x2F:
            bits = int.from_bytes(body[1:5], "little")
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    raise DamagedPictureError("is cut off in its header")


def jpeg_header(data: bytes) -> JpegHeader:
    """Read a JPEG's markers; the time is bounded by its length.

    Raises:
        DamagedPictureError: it has no size or no data, or markers where none may stand: two pictures were
            mixed, or a part was lost.
    """
    size, at = None, 2
    while True:
        match = _MARKER.search(data, at)
        if match is None:
            raise DamagedPictureError("is cut off in its header")
        kind, at = match[1][0], match.end()
        if kind in _BARE:
            continue
        if kind in {_SOI, _EOI}:
            raise DamagedPictureError("has no picture data")
        length = int.from_bytes(data[at : at + 2], "big")
        if length < 2 or at + length > len(data):
            raise DamagedPictureError("is cut off in its header")
        if kind in _FRAMES:
            if length < 8 or size is not None:
                raise DamagedPictureError("has a damaged header")
            size = int.from_bytes(data[at + 5 : at + 7], "big"), int.from_bytes(data[at + 3 : at + 5], "big")
        at += length
        if kind == _SOS:
            break
    if size is None or 0 in size:
        raise DamagedPictureError("has no size in its header")
    return JpegHeader(*size, data_at=at, end=_end_of_scans(data, at))


def _end_of_scans(data: bytes, at: int) -> int | None:
    """Where the end marker stands."""
    restart = 0
    while (match := _MARKER.search(data, at)) is not None:
        kind, at = match[1][0], match.end()
        if kind == _EOI:
            return match.start()
        if 0xD0 <= kind <= 0xD7:
            if kind - 0xD0 != restart:
                raise DamagedPictureError("lacks a part in its middle")
            restart = (restart + 1) % 8
        elif kind in _BETWEEN_SCANS:
            at += int.from_bytes(data[at : at + 2], "big")
            restart = 0
        else:
            raise DamagedPictureError("is damaged in its middle")
    return None
