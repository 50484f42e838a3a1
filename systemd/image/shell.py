"""Programs that the build runs, and where they come from."""

import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

PACKAGES = {
    "mmdebstrap": "mmdebstrap", "depmod": "kmod", "cpio": "cpio", "xz": "xz-utils", "sfdisk": "fdisk",
    "mkfs.vfat": "dosfstools", "mcopy": "mtools", "readelf": "binutils",
}  # fmt: skip
"""What the build runs, and the Debian package that has it."""
EMULATOR = Path("/proc/sys/fs/binfmt_misc/qemu-aarch64")
SBIN = "/usr/sbin:/sbin"


def need_programs() -> None:
    """End with all that is missing, and the one command that mends it."""
    missing = [package for name, package in PACKAGES.items() if not found(name)]
    if missing:
        sys.exit(f"build.py: programs are missing; install them: sudo apt install {' '.join(missing)}")

    if platform.machine() != "aarch64" and not EMULATOR.exists():
        sys.exit(
            f"build.py: programs for arm64 can't be run here, for {EMULATOR} is not there: "
            "sudo apt install qemu-user-static binfmt-support"
        )


def found(name: str) -> str | None:
    """Where a program is."""
    return shutil.which(name) or shutil.which(name, path=SBIN)


def run(
    *command: str | Path,
    text: str | None = None,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    log: bool = False,
) -> str:
    """Run a program; ends this one where it fails.

    Args:
        command: the program's name, and its arguments.
        text: its standard input.
        environment: all of it; ours, if None.
        cwd: the folder to run it in.
        log: what it says meanwhile is only shown if it fails.

    Returns:
        What it printed.
    """
    program = found(str(command[0])) or str(command[0])
    try:
        return subprocess.run(  # noqa: S603  all ours
            [program, *map(str, command[1:])],
            check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT if log else None, text=True,
            input=text, env=environment, cwd=cwd,
        ).stdout  # fmt: skip
    except subprocess.CalledProcessError as e:
        sys.stderr.write("".join(e.stdout.splitlines(keepends=True)[-60:]))
        sys.exit(
            f"build.py: {' '.join(map(str, command[:3]))} ... failed with exit code {e.returncode}; see above"
        )
