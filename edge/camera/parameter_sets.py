"""The picture size in an H.264 or H.265 sequence parameter set. Pure.

The syntax is that of ITU-T H.264 (7.3.2.1.1) and H.265 (7.3.2.2.1, 7.3.3): only what stands before the size.
"""

_HIGH = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
"""Profiles of H.264 that state their chroma format."""
_LONGEST = 32


class _Bits:
    """Reads bits from the front; raises ValueError behind the end."""

    def __init__(self, data: bytes) -> None:
        data = data.replace(b"\0\0\3", b"\0\0")  # the byte that keeps start codes out of the data
        self._value, self._left = int.from_bytes(data, "big"), 8 * len(data)

    def take(self, count: int) -> int:
        """An unsigned number of this many bits."""
        self._left -= count
        if self._left < 0:
            raise ValueError("the set is cut off")
        return self._value >> self._left & ((1 << count) - 1)

    def golomb(self) -> int:
        """An unsigned Exp-Golomb number (H.264, 9.1)."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > _LONGEST:
                raise ValueError("no number")
        return (1 << zeros) - 1 + self.take(zeros)


def coded_size(unit: bytes, codec: bytes) -> tuple[int, int] | None:
    """Width and height in px of the pictures that a set describes, before they are cropped.

    Args:
        unit: the NAL unit, with its header.
        codec: ``H264`` or ``H265``.

    Returns:
        The size; None if it can't be read.
    """
    try:
        return _h264(_Bits(unit[1:])) if codec == b"H264" else _h265(_Bits(unit[2:]))
    except ValueError:
        return None


def _h264(bits: _Bits) -> tuple[int, int]:
    profile = bits.take(8)
    bits.take(16)  # constraints, level
    bits.golomb()  # id
    if profile in _HIGH:
        chroma = bits.golomb()
        bits.take(1 if chroma == 3 else 0)
        bits.golomb(), bits.golomb()  # bit depths
        bits.take(1)
        if bits.take(1):
            _skip_scaling(bits, 12 if chroma == 3 else 8)
    bits.golomb()
    order = bits.golomb()
    if order == 0:
        bits.golomb()
    elif order == 1:
        bits.take(1)
        bits.golomb(), bits.golomb()
        for _ in range(min(bits.golomb(), 255)):
            bits.golomb()
    bits.golomb()  # reference frames
    bits.take(1)
    width, units = bits.golomb() + 1, bits.golomb() + 1
    return 16 * width, 16 * units * (2 - bits.take(1))


def _skip_scaling(bits: _Bits, lists: int) -> None:
    for number in range(lists):
        if not bits.take(1):
            continue
        last = following = 8
        for _ in range(16 if number < 6 else 64):
            if following:
                code = bits.golomb()
                delta = (code + 1) // 2 if code % 2 else -(code // 2)
                following = (last + delta) % 256
            last = following or last


def _h265(bits: _Bits) -> tuple[int, int]:
    bits.take(4)
    layers = bits.take(3)
    bits.take(1 + 88 + 8)  # nesting, profile and its constraints, level
    present = [(bits.take(1), bits.take(1)) for _ in range(layers)]
    if layers:
        bits.take(2 * (8 - layers))
    for profile, level in present:
        bits.take(88 * profile + 8 * level)
    bits.golomb()  # id
    if bits.golomb() == 3:
        bits.take(1)
    return bits.golomb(), bits.golomb()
