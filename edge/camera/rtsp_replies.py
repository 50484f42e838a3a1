"""What an RTSP camera answers, looked at on its way to FFmpeg. Pure.

FFmpeg follows redirects to any address, any number of times, and does not say why a camera refuses. The form
of a reply is that of RFC 2326 (7 and 10.12).
"""

import re

from edge.camera.picture_headers import DamagedPictureError
from edge.camera.rtp_watch import RtpWatch

_HEAD_BYTES = 16_384
_BODY_BYTES = 65_536
"""Session descriptions have some thousand bytes."""
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_START = re.compile(rb"RTSP/|[A-Z_]{3,} ")
_START_BYTES = 20
_FIRST_LINE = re.compile(rb"RTSP/\d\.\d (\d{3})(?: [^\r\n]*)?\r?\n")
_LENGTH = re.compile(rb"(?im)^content-length\s*:\s*(\d{1,9})\s*$")


class RefusedReplyError(ValueError):
    """A reply that must not reach FFmpeg; says why, in words that follow the camera's name."""


class RtspReplies:
    """Lets the replies and the packets of a camera through, one whole message after the other.

    Args:
        max_pixels: of the largest picture that may be decoded.

    Attributes:
        status: the last reply's code; None before the first one.
    """

    def __init__(self, max_pixels: int) -> None:
        self.status: int | None = None
        self._waiting = bytearray()
        self._watch = RtpWatch(max_pixels)
        self._playing = self._unknown = False

    def take(self, data: bytes) -> bytes:
        """What may go on to FFmpeg after these bytes have come.

        Raises:
            RefusedReplyError: a redirect, a reply that is too long, something that is not RTSP, or pictures
                in another form.
        """
        if self._unknown:
            return data
        self._waiting += data
        passed = 0
        try:
            while not self._unknown and (length := self._message(passed)):
                passed += length
        except DamagedPictureError as e:
            raise RefusedReplyError(f"announces a picture that {e}") from e
        out = bytes(self._waiting if self._unknown else self._waiting[:passed])
        del self._waiting[: len(out)]
        return out

    def _message(self, at: int) -> int:
        """The length of the message that starts here; 0 if it is not here as a whole."""
        if self._waiting[at : at + 1] == b"$":
            self._playing = True
            length = 4 + int.from_bytes(self._waiting[at + 2 : at + 4], "big")
            if len(self._waiting) < at + max(length, 4):
                return 0
            if self._watch.changed(bytes(self._waiting[at + 4 : at + length])):
                raise RefusedReplyError("goes on in another size or form")
            return length
        if self._playing and not _START.match(self._waiting, at) and len(self._waiting) - at >= _START_BYTES:
            self._unknown = True  # FFmpeg finds its way through what stands between packets
            return 0
        return self._reply(at) or 0

    def _reply(self, at: int) -> int | None:
        """The length of the reply that starts here; None if it is not here as a whole."""
        end = _HEAD_END.search(self._waiting, at)
        if end is None:
            if len(self._waiting) - at > _HEAD_BYTES:
                raise RefusedReplyError("sends a reply that does not end")
            return None
        head = bytes(self._waiting[at : end.end()])
        first = _FIRST_LINE.match(head)
        if first is None:
            if re.match(rb"[A-Z_]+ \S+ RTSP/", head):  # a request of the camera's own
                return len(head)
            raise RefusedReplyError("does not speak RTSP")
        self.status = int(first[1])
        if 300 <= self.status < 400:
            raise RefusedReplyError(f"redirects ({self.status}) to another address, which is not followed")
        stated = _LENGTH.search(head)
        body = int(stated[1]) if stated else 0
        if body > _BODY_BYTES:
            raise RefusedReplyError(f"describes its stream in {body} bytes; {_BODY_BYTES} are allowed")
        if len(self._waiting) < end.end() + body:
            return None
        self._watch.describe(bytes(self._waiting[end.end() : end.end() + body]))
        return len(head) + body
