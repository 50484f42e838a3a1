"""Splits an MJPEG stream (``multipart/x-mixed-replace``) into its pictures, in bounded memory.

The form is that of RFC 2046 (5.1), read leniently: cameras write boundaries with two dashes too many or too
few, end lines with LF, and give lengths that are wrong.
"""

from collections.abc import Callable, Iterator

_HEAD_BYTES = 16_384
"""The longest header of a part, and the most that may stand before the first one."""


class BrokenStreamError(ValueError):
    """The stream can't be followed any more; says why, in words that follow the camera's name."""


class _Buffer:
    """What has come and was not used yet.

    Args:
        read: gives the bytes that come next; nothing at the end.
    """

    def __init__(self, read: Callable[[], bytes]) -> None:
        self._read = read
        self.data = bytearray()

    def more(self) -> bool:
        """Wait for more; False at the end of the stream."""
        new = self._read()
        self.data += new
        return bool(new)

    def take(self, count: int) -> bytes:
        """Take bytes from the front."""
        taken = bytes(self.data[:count])
        del self.data[:count]
        return taken

    def through(self, mark: bytes, most: int) -> bytes | None:
        """Take everything up to ``mark`` and the mark itself; None at the end of the stream.

        Raises:
            BrokenStreamError: it does not come within ``most`` bytes.
        """
        searched = 0
        while (at := self.data.find(mark, searched)) < 0:
            if len(self.data) > most:
                raise BrokenStreamError(f"sends more than {most} bytes where one picture should end")
            searched = max(0, len(self.data) - len(mark))
            if not self.more():
                return None
        return self.take(at + len(mark))


def pictures_of(read: Callable[[], bytes], boundary: str, most: int) -> Iterator[bytes]:
    """The pictures of a stream. Empty ones are left out.

    Args:
        read: gives the bytes that come next; nothing at the end.
        boundary: from the stream's content type; where it is empty, the stream's first line shows it.
        most: bytes of the largest picture.

    Raises:
        BrokenStreamError: a part is longer, or it is not such a stream.
    """
    buffer = _Buffer(read)
    mark = b"--" + boundary.strip('"').lstrip("-").encode("latin-1", "replace") if boundary else _mark(buffer)
    while buffer.through(mark, most + _HEAD_BYTES) is not None:
        head = _head(buffer)
        if head is None:
            return
        length = _length(head)
        if length is None:
            picture = buffer.through(b"\n" + mark, most + len(mark))
            if picture is None:
                return
            picture = picture[: -len(mark) - 1].removesuffix(b"\r")
            buffer.data[:0] = mark
        else:
            if length > most:
                raise BrokenStreamError(f"sends a picture of {length} bytes; {most} are allowed")
            while len(buffer.data) < length:
                if not buffer.more():
                    return
            picture = buffer.take(length)
        if picture:
            yield picture


def _mark(buffer: _Buffer) -> bytes:
    """The boundary, as the stream's first line shows it."""
    while True:
        line = buffer.through(b"\n", _HEAD_BYTES)
        if line is None:
            raise BrokenStreamError("ends before its first picture")
        if line.startswith(b"--") and line.strip() != b"--":
            buffer.data[:0] = line
            return line.strip()


def _head(buffer: _Buffer) -> list[bytes] | None:
    """The header lines of a part; None after the last part."""
    lines: list[bytes] = []
    size = 0
    first = True
    while True:
        line = buffer.through(b"\n", _HEAD_BYTES)
        if line is None:
            return None
        if first and line.startswith(b"--"):
            return None
        size += len(line)
        if size > _HEAD_BYTES:
            raise BrokenStreamError(f"sends a header of more than {_HEAD_BYTES} bytes")
        if not line.strip() and not first:
            return lines
        first = False
        lines.append(line)


def _length(head: list[bytes]) -> int | None:
    """The stated length of a part; None if none is stated, or nonsense."""
    for line in head:
        key, _, value = line.partition(b":")
        if key.strip().lower() == b"content-length" and value.strip().isdigit():
            return int(value)
    return None
