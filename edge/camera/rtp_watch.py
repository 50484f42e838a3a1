"""Notices that a stream goes on in another form, from its packets. Pure.

FFmpeg in OpenCV keeps the first picture's size: it squashes smaller pictures into it, and repeats the old
picture for larger ones. An H.264 or H.265 stream states its form in parameter sets, which precede its
key pictures. The layouts are those of RFC 3550 (5.1), RFC 6184 (5.4, 5.7.1) and RFC 7798 (4.4.1, 4.4.2).
"""

import base64
import binascii
import contextlib
import re
from collections.abc import Iterator

from edge.camera.parameter_sets import coded_size
from edge.camera.picture_headers import require_size

_CODEC = re.compile(rb"(?i)a=rtpmap:(\d{1,3}) (H264|H265)/")
_STATED = re.compile(rb"(?i)sprop-(?:parameter-sets|sps)=([A-Za-z0-9+/=,]+)")
_LEARNT = 3
"""How many sets are taken as those of the stream: a camera may use more than one."""


class RtpWatch:
    """Follows the parameter sets of a stream.

    Args:
        max_pixels: of the largest picture that may be decoded.
    """

    def __init__(self, max_pixels: int) -> None:
        self._max_pixels = max_pixels
        self._codecs: dict[int, bytes] = {}
        self._known: set[bytes] = set()
        self._seen = 0

    def describe(self, description: bytes) -> None:
        """Take in a session description: which payload types are video, and the sets that it states.

        Raises:
            DamagedPictureError: pictures would be too large.
        """
        self._codecs |= {int(number): codec.upper() for number, codec in _CODEC.findall(description)}
        for codec in set(self._codecs.values()):
            for text in b",".join(_STATED.findall(description)).split(b","):
                with contextlib.suppress(binascii.Error):
                    unit = base64.b64decode(text, validate=True)
                    if unit and _kind(unit, codec) == (7 if codec == b"H264" else 33):
                        self._require_size(unit, codec)

    def changed(self, packet: bytes) -> bool:
        """Whether this RTP packet states a form that the stream did not start with.

        Raises:
            DamagedPictureError: pictures would be too large.
        """
        if len(packet) < 13:
            return False
        codec = self._codecs.get(packet[1] & 0x7F)
        if codec is None:
            return False
        at = 12 + 4 * (packet[0] & 0x0F)
        if packet[0] & 0x10:
            at += 4 + 4 * int.from_bytes(packet[at + 2 : at + 4], "big")
        units = list(_parameter_sets(packet[at:], codec))
        for unit in units:
            self._require_size(unit, codec)
        new = [self._is_new(unit) for unit in units]
        return any(new)

    def _require_size(self, unit: bytes, codec: bytes) -> None:
        size = coded_size(unit, codec)
        if size is not None:
            require_size(*size, self._max_pixels)

    def _is_new(self, unit: bytes) -> bool:
        self._seen += 1
        if self._seen <= _LEARNT:
            self._known.add(unit)
        return unit not in self._known


def _parameter_sets(payload: bytes, codec: bytes) -> Iterator[bytes]:
    """The sequence parameter sets in a packet: alone, or together with others."""
    if not payload:
        return
    wanted, together, head = (7, 24, 1) if codec == b"H264" else (33, 48, 2)
    kind = _kind(payload, codec)
    if kind == wanted:
        yield payload
    elif kind == together:
        at = head
        while at + 2 < len(payload):
            length = int.from_bytes(payload[at : at + 2], "big")
            unit = payload[at + 2 : at + 2 + length]
            if unit and _kind(unit, codec) == wanted:
                yield unit
            at += 2 + length


def _kind(unit: bytes, codec: bytes) -> int:
    return unit[0] & 0x1F if codec == b"H264" else unit[0] >> 1 & 0x3F
