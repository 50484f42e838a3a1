"""Unpacks the image of a card and cuts it into three files, one for each partition."""

import errno
import json
import lzma
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from edge.errors import MaskgateError, UsageError
from edge.image.programs import run_tool

_CHUNK = 1 << 20
_SECTOR = 512
KINDS = {1: ("boot", {"c", "b", "e"}), 2: ("root", {"83"}), 3: ("data", {"83"})}
"""Partition number -> its name, and the types that it may have in the partition table."""


class DamagedImage(MaskgateError):  # noqa: N818  it names the thing, not the error
    """The image can't be taken apart; the message says why."""


@dataclass(frozen=True)
class ImagePartitions:
    """The partitions of an image as files.

    Attributes:
        boot: FAT; the board reads it first, and the installer puts maskgate.toml on it.
        root: ext4; the system, which is never written.
        data: ext4; everything that the device writes.
    """

    boot: Path
    root: Path
    data: Path


def split_image(image: Path, scratch: Path) -> ImagePartitions:
    """Unpack an image and split it into its partitions.

    Args:
        image: ``.img``, ``.img.xz`` or ``.img.zst``.
        scratch: a folder for the parts, with room for the whole image.

    Raises:
        UsageError: there is no such file.
        DamagedImage: it is cut short, or its partition table is not that of maskgate's images.
        MaskgateError: there is no room, or a tool is missing.
    """
    if not image.is_file():
        raise UsageError(f"{image}: is not a file; give a card's image: .img, .img.xz or .img.zst")
    try:
        image.open("rb").close()
    except OSError as e:
        raise UsageError(f"{image}: can't be read: {e.strerror}") from e
    try:
        raw = _unpacked(image, scratch)
        parts = _partition_table(raw, image)
        for number, (name, _) in KINDS.items():
            _cut(raw, scratch / name, *parts[number])
    except OSError as e:
        raise MaskgateError(f"{image}: can't be unpacked into {scratch}: {e.strerror}") from e
    return ImagePartitions(*(scratch / name for name, _ in KINDS.values()))


def _unpacked(image: Path, scratch: Path) -> Path:
    raw = scratch / "card.img"
    if image.suffix == ".xz":
        try:
            with lzma.open(image) as packed, raw.open("wb") as out:
                _copy(packed, out)
        except (lzma.LZMAError, EOFError) as e:
            raise DamagedImage(f"{image}: is damaged or cut short ({e}): download or build it again") from e
        return raw
    if image.suffix == ".zst":
        done = run_tool("zstd", "--decompress", "--quiet", "-o", raw, "--", image)
        if "No space left" in done.stderr:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if done.code != 0:
            raise DamagedImage(
                f"{image}: is damaged or cut short ({done.last_lines}): download or build it again"
            )
        return raw
    return image


def _partition_table(raw: Path, image: Path) -> dict[int, tuple[int, int]]:
    """Read the partition table: partition number -> start and length in bytes. Errors name ``image``."""
    done = run_tool("sfdisk", "--json", raw)
    if done.code != 0:
        error = done.stderr.strip().replace(str(raw), image.name)
        raise DamagedImage(f"{image}: has no partition table ({error}): is it a card's image?")
    table = json.loads(done.stdout)["partitiontable"]
    parts, size = table.get("partitions", []), raw.stat().st_size
    types = [str(part["type"]) for part in parts]
    if table["label"] != "dos" or len(parts) != len(KINDS):
        raise DamagedImage(
            f"{image}: has a {table['label']} table of {len(parts)} partitions, not a dos table of three: "
            "is it an image of maskgate?"
        )
    places = {}
    for number, ((name, allowed), kind, part) in enumerate(zip(KINDS.values(), types, parts, strict=True), 1):
        if kind not in allowed:
            raise DamagedImage(f"{image}: partition {number} ({name}) is of type {kind}, not {min(allowed)}")
        start, length = part["start"] * _SECTOR, part["size"] * _SECTOR
        if start + length > size:
            raise DamagedImage(
                f"{image}: is cut short: partition {number} ({name}) ends at byte {start + length}, the file "
                f"at {size}: download or build it again"
            )
        places[number] = (start, length)
    return places


def _cut(raw: Path, part: Path, start: int, length: int) -> None:
    with raw.open("rb") as whole, part.open("wb") as out:
        whole.seek(start)
        _copy(whole, out, length)


def _copy(source: BinaryIO | lzma.LZMAFile, out: BinaryIO, length: int | None = None) -> None:
    """Copy ``length`` bytes, or all. Blocks of zeros become holes in the file."""
    left = length
    while chunk := source.read(_CHUNK if left is None else min(_CHUNK, left)):
        if left is not None:
            left -= len(chunk)
        if chunk.count(0) == len(chunk):
            out.seek(len(chunk), 1)
        else:
            out.write(chunk)
    out.truncate()
