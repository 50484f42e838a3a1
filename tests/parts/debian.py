"""A Debian in a folder, all of it real: programs run in it without a network, or it boots.

Both need root; the second, systemd-nspawn, a kernel and a sandbox that let it work.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

APART = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child=KILL")
"""Without a network, and so that mounts and processes end with the program."""
INSIDE = 'mount --rbind /sys "$0/sys" && exec chroot "$0" "$@"'
"""Without /sys, XNNPACK does not know the processor and leaves all to slower kernels that round otherwise."""
ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8",
}  # fmt: skip
WAIT_S = 60.0
"""The longest wait of a test, in seconds; none takes nearly as long when the product works."""


def program(name: str, package: str) -> str:
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if found is None:
        pytest.fail(f"{name} is missing: sudo apt install {package}")
    return found


def done(*command: str | Path, **options: Any) -> str:
    """Run a program that must succeed; returns what it printed."""
    result = subprocess.run(command, check=False, capture_output=True, text=True, **options)
    assert result.returncode == 0, f"{command}: {result.returncode}\n{result.stdout}\n{result.stderr}"
    return result.stdout


def eventually(condition: Callable[[], object], within_s: float = WAIT_S) -> float:
    """Return as soon as it holds: the seconds that it took."""
    never, began = threading.Event(), time.monotonic()
    while not condition():
        if time.monotonic() - began > within_s:
            pytest.fail(f"did not happen within {within_s} s")
        never.wait(0.1)
    return time.monotonic() - began


class Root:
    """A Debian that is not running."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __truediv__(self, path: str) -> Path:
        return self.folder / path

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a program in it, without any network."""
        proc = f"--mount-proc={self.folder / 'proc'}"
        result = subprocess.run(
            [*APART, proc, "sh", "-c", INSIDE, str(self.folder), *command],
            env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert result.returncode == 0 or not check, f"{command}: {result.stdout}\n{result.stderr}"
        return result

    def apt(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run("apt-get", "-y", "-o", "APT::Sandbox::User=root", *arguments, check=check)

    def give(self, deb: Path) -> str:
        """Put a package into it; returns its name there."""
        shutil.copy(deb, self / "root")
        return f"/root/{deb.name}"


@contextlib.contextmanager
def unpacked(tar: Path, folder: Path) -> Iterator[Root]:
    """That Debian in a folder, while it is used."""
    folder.mkdir(parents=True)
    try:
        done("tar", "--extract", "--file", tar, "--directory", folder, "--numeric-owner", "--xattrs")
        yield Root(folder)
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def layered(base: Root, folder: Path) -> Iterator[Root]:
    """The same file system, to be written to: all of that lies in memory, and is forgotten."""
    root, layers = folder / "root", [folder / "upper", folder / "work"]
    folder.mkdir()
    done("mount", "-t", "tmpfs", "tmpfs", folder)
    try:
        for place in (root, *layers):
            place.mkdir()
        parts = f"lowerdir={base.folder},upperdir={layers[0]},workdir={layers[1]}"
        done("mount", "-t", "overlay", "overlay", "-o", parts, root)
        yield Root(root)
    finally:
        done("umount", "--recursive", folder)


class Machine:
    """A Debian that boots."""

    def __init__(self, root: Root) -> None:
        self.root = root
        self._log = root.folder.with_name("console.log")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *kernel: str, alone: bool = False) -> None:
        """Switch it on, with these words for its kernel; its network is ours or, ``alone``, none."""
        nspawn = program("systemd-nspawn", "systemd-container")
        command = [nspawn, "--quiet", "--boot", "--register=no", "--keep-unit", "--link-journal=no"]
        command += ["--private-network"] if alone else []
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, "--console=pipe", f"--directory={self.root.folder}", *kernel],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def run(self, *command: str, check: bool = True) -> str:
        """Run a program in it, as root."""
        pid = self._leader()
        if pid is None:
            return ""
        entered = ["nsenter", "--target", str(pid), "--all", "--root", "--wd"]
        result = subprocess.run(
            [*entered, *command], env=ENVIRONMENT, check=False, capture_output=True, text=True
        )
        assert result.returncode == 0 or not check, (
            f"{command}: {result.stdout}\n{result.stderr}\n{self.console}"
        )
        return result.stdout.strip()

    def state(self, unit: str = "maskgate") -> str:
        return self.run("systemctl", "is-active", unit, check=False)

    def shown(self, what: str, unit: str = "maskgate") -> str:
        return self.run("systemctl", "show", "--value", f"--property={what}", unit)

    @property
    def console(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def up(self) -> bool:
        """Booted; what waits for the services under test is not waited for."""
        return self.run("systemctl", "is-system-running", check=False) in {"running", "degraded", "starting"}

    def ended(self) -> int:
        """Wait for its end; 133 means that it wants to boot again."""
        assert self._process is not None
        return self._process.wait(WAIT_S)

    def cut_power(self) -> None:
        if self._process is not None:
            pid = self._leader()
            if pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(10)
            self._process.kill()
            self._process.wait()

    def _leader(self) -> int | None:
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        with contextlib.suppress(OSError):
            if pids := children.read_text().split():
                return int(pids[0])
        return None
