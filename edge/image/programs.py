"""Debian's tools that read a card's image."""

import shutil
import subprocess
from pathlib import Path

from edge.errors import MaskgateError

PACKAGES = {
    "sfdisk": "fdisk", "fsck.vfat": "dosfstools", "mcopy": "mtools", "e2fsck": "e2fsprogs",
    "debugfs": "e2fsprogs", "dumpe2fs": "e2fsprogs", "xz": "xz-utils", "zstd": "zstd",
}  # fmt: skip
"""Program and the Debian package that has it."""
_TIMEOUT_S = 600


def run(*command: str | Path, stdin: str = "") -> subprocess.CompletedProcess[bytes]:
    """Run one of the tools, whatever it thinks of what it finds.

    Args:
        command: its name, as in ``PACKAGES``, and arguments.
        stdin: what it reads.

    Raises:
        MaskgateError: it is not there, or takes for ever.
    """
    name = str(command[0])
    program = find(name)
    try:
        return subprocess.run(  # noqa: S603  names of ours, no shell
            [program, *map(str, command[1:])],
            input=stdin.encode(), capture_output=True, check=False, timeout=_TIMEOUT_S,
            env={"LC_ALL": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "MTOOLS_SKIP_CHECK": "1"},
        )  # fmt: skip
    except subprocess.TimeoutExpired as e:
        raise MaskgateError(f"{name}: did not end within {_TIMEOUT_S} s: is the disk in order?") from e
    except OSError as e:
        raise MaskgateError(f"{program}: can't be run: {e.strerror}") from e


def find(name: str) -> str:
    """Where a tool is.

    Raises:
        MaskgateError: nowhere; says how to get it.
    """
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if found is None:
        raise MaskgateError(f"{name} is missing, which reads images: sudo apt install {PACKAGES[name]}")
    return found
