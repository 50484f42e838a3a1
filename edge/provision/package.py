"""Our Debian package, as far as its name and its frame tell: Debian's tools are not on every computer."""

import re
from dataclasses import dataclass
from pathlib import Path

from edge.errors import UsageError

_NAME = re.compile(r"maskgate_(?P<version>[^_]+\+deb(?P<debian>\d+)[^_]*)_(?P<arch>[a-z0-9]+)\.deb")
_MAGIC, _HEADER_BYTES = b"!<arch>\n", 60


@dataclass(frozen=True, slots=True)
class Package:
    """``maskgate_<version>+deb<n>_<arch>.deb``."""

    path: Path
    debian: int
    """The release of Debian, and of Raspberry Pi OS, that it is for."""
    arch: str
    size_bytes: int


def read_package(path: Path) -> Package:
    """What a file says of itself.

    Raises:
        UsageError: it is not there, is not our package, or is not whole.
    """
    name = _NAME.fullmatch(path.name)
    if name is None:
        raise UsageError(
            f"{path}: its name does not say what it is for: give the package the name that it was built "
            "with, maskgate_VERSION+debN_ARCHITECTURE.deb (make deb ARCH=arm64 RELEASE=trixie)"
        )
    try:
        size = path.stat().st_size
        whole = _is_whole(path, size)
    except OSError as e:
        raise UsageError(f"{path}: can't be read: {e.strerror}") from e
    if not whole:
        raise UsageError(f"{path}: is damaged or not a whole Debian package: build or copy it again")
    return Package(path, int(name["debian"]), name["arch"], size)


def _is_whole(path: Path, size: int) -> bool:
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
