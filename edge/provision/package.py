"""Reads a package's name and outer format without Debian's tools, which not every computer has."""

import re
from dataclasses import dataclass
from pathlib import Path

from edge.errors import UsageError

_NAME = re.compile(r"maskgate_(?P<version>[^_]+\+deb(?P<debian>\d+)[^_]*)_(?P<arch>[a-z0-9]+)\.deb")
_MAGIC, _HEADER_BYTES = b"!<arch>\n", 60


@dataclass(frozen=True, slots=True)
class DebianPackage:
    """``maskgate_<version>+deb<n>_<arch>.deb``."""

    path: Path
    debian: int
    """The number of the release of Debian, and of Raspberry Pi OS, that it is for."""
    arch: str
    size_bytes: int


def read_package(path: Path) -> DebianPackage:
    """Read what a package is for from its name, and check that the file is complete.

    Raises:
        UsageError: it is missing, not a package of maskgate, or not complete.
    """
    name = _NAME.fullmatch(path.name)
    if name is None:
        raise UsageError(
            f"{path}: its name does not say what it is for: rename it to the name that it was built with, "
            "maskgate_VERSION+debN_ARCHITECTURE.deb (make deb ARCH=arm64 RELEASE=trixie)"
        )
    try:
        size = path.stat().st_size
        complete = _is_complete(path, size)
    except OSError as e:
        raise UsageError(f"{path}: can't be read: {e.strerror}") from e
    if not complete:
        raise UsageError(f"{path}: is damaged or not a complete Debian package: build or copy it again")
    return DebianPackage(path, int(name["debian"]), name["arch"], size)


def _is_complete(path: Path, size: int) -> bool:
    """Whether the members of the archive fill the file to its end."""
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            return False
        at = len(_MAGIC)
        while at < size:
            file.seek(at)
            length = file.read(_HEADER_BYTES)[48:58].strip()
            if not length.isdigit():
                return False
            at += _HEADER_BYTES + int(length)
            at += at % 2
    return at == size
