"""Runs Debian's tools that read a card's image."""

import shutil
import subprocess
from pathlib import Path

from edge.errors import MaskgateError

PACKAGES = {
    "sfdisk": "fdisk", "fsck.vfat": "dosfstools", "mcopy": "mtools", "e2fsck": "e2fsprogs",
    "debugfs": "e2fsprogs", "dumpe2fs": "e2fsprogs", "xz": "xz-utils", "zstd": "zstd",
}  # fmt: skip
"""Program -> the Debian package that contains it."""
_TIMEOUT_S = 600


def run_tool(*command: str | Path, stdin: str = "") -> subprocess.CompletedProcess[bytes]:
    """Run one of the tools, whatever exit code it gives.

    Args:
        command: its name, one of ``PACKAGES``, and its arguments.
        stdin: its standard input.

    Returns:
        Exit code, standard output and standard error.

    Raises:
        MaskgateError: it is missing, can't be run, or does not end in time.
    """
    name = str(command[0])
    program = find_tool(name)
    try:
        return subprocess.run(  # noqa: S603  a name from the table above, no shell
            [program, *map(str, command[1:])],
            input=stdin.encode(), capture_output=True, check=False, timeout=_TIMEOUT_S,
            env={"LC_ALL": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "MTOOLS_SKIP_CHECK": "1"},
        )  # fmt: skip
    except subprocess.TimeoutExpired as e:
        raise MaskgateError(f"{name}: did not end within {_TIMEOUT_S} s. Is the disk in order?") from e
    except OSError as e:
        raise MaskgateError(f"{program}: can't be run: {e.strerror}") from e


def find_tool(name: str) -> str:
    """Find a tool; returns its path.

    Raises:
        MaskgateError: it is missing; the message says how to install it.
    """
    program = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if program is None:
        raise MaskgateError(
            f"{name} is missing, which is needed to read images: sudo apt install {PACKAGES[name]}"
        )
    return program
