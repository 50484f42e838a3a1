"""What FFmpeg asks an RTSP camera for, looked at on its way. Pure.

FFmpeg asks for pictures by UDP first. They would pass by the relay, can't be encrypted, and may get lost.
After the answer 461 (RFC 2326, 11.3.14) it asks for the same by TCP, so that is what the relay answers.
"""

import re

_TRANSPORT = re.compile(rb"(?im)^transport\s*:\s*([^\r\n]*)")
_SEQUENCE = re.compile(rb"(?im)^cseq\s*:\s*(\d{1,9})")
_MOST = 65_536


class RtspRequests:
    """Lets requests through, except those for pictures that would not come over the same connection."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def take(self, data: bytes) -> tuple[bytes, bytes]:
        """What goes on to the camera after these bytes have come, and what is answered at once."""
        self._waiting += data
        if self._waiting.startswith(b"SETUP "):
            if b"\r\n\r\n" not in self._waiting and len(self._waiting) < _MOST:
                return b"", b""
            transport, sequence = _TRANSPORT.search(self._waiting), _SEQUENCE.search(self._waiting)
            if transport and sequence and b"/TCP" not in transport[1].upper():
                answer = b"RTSP/1.0 461 Unsupported transport\r\nCSeq: " + sequence[1] + b"\r\n\r\n"
                self._waiting.clear()
                return b"", answer
        passed = bytes(self._waiting)
        self._waiting.clear()
        return passed, b""
