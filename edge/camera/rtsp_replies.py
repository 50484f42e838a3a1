"""What an RTSP camera answers, looked at on its way to FFmpeg. Pure.

FFmpeg follows redirects to any address, any number of times, and does not say why a camera refuses. The form
of a reply is that of RFC 2326 (7 and 10.12).
"""

import re

_HEAD_BYTES = 16_384
_BODY_BYTES = 65_536
"""Session descriptions have some thousand bytes."""
_FIRST_LINE = re.compile(rb"RTSP/\d\.\d (\d{3})(?: [^\r\n]*)?\r?\n")
_LENGTH = re.compile(rb"(?im)^content-length\s*:\s*(\d{1,9})\s*$")


class RefusedReplyError(ValueError):
    """A reply that must not reach FFmpeg; says why, in words that follow the camera's name."""


class RtspReplies:
    """Lets the replies of a camera through, one whole reply after the other, until pictures come.

    Attributes:
        status: the last reply's code; None before the first one.
    """

    def __init__(self) -> None:
        self.status: int | None = None
        self._waiting = bytearray()
        self._playing = False

    def take(self, data: bytes) -> bytes:
        """What may go on to FFmpeg after these bytes have come.

        Raises:
            RefusedReplyError: a redirect, a reply that is too long, or something that is not RTSP.
        """
        if self._playing:
            return data
        self._waiting += data
        passed = bytearray()
        while self._waiting:
            if self._waiting.startswith(b"$"):  # a packet of the stream: from here on there are no redirects
                self._playing = True
                passed += self._waiting
                self._waiting.clear()
                break
            length = self._reply()
            if length is None:
                break
            passed += self._waiting[:length]
            del self._waiting[:length]
        return bytes(passed)

    def _reply(self) -> int | None:
        """The length of the reply in front; None if it is not here as a whole."""
        end = re.search(rb"\r?\n\r?\n", self._waiting)
        if end is None:
            if len(self._waiting) > _HEAD_BYTES:
                raise RefusedReplyError("sends a reply that does not end")
            return None
        head = bytes(self._waiting[: end.end()])
        first = _FIRST_LINE.match(head)
        if first is None:
            if re.match(rb"[A-Z_]+ \S+ RTSP/", head):  # a request of the camera's own
                return end.end()
            raise RefusedReplyError("does not speak RTSP")
        self.status = int(first[1])
        if 300 <= self.status < 400:
            raise RefusedReplyError(f"redirects ({self.status}) to another address, which is not followed")
        stated = _LENGTH.search(head)
        body = int(stated[1]) if stated else 0
        if body > _BODY_BYTES:
            raise RefusedReplyError(f"describes its stream in {body} bytes; {_BODY_BYTES} are allowed")
        whole = end.end() + body
        return whole if len(self._waiting) >= whole else None
