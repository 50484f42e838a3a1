"""How maskgate runs other programs: no shell, bounded time, bounded output, and one kind of error.

Nothing is tried twice here: whoever runs a program knows whether that helps.
"""

import os
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from edge.errors import ProgramError, ProgramMissingError, ProgramTimeoutError

PACKAGES: Mapping[str, str] = {
    "aplay": "alsa-utils", "arecord": "alsa-utils", "debugfs": "e2fsprogs", "dpkg-deb": "dpkg",
    "dumpe2fs": "e2fsprogs", "e2fsck": "e2fsprogs", "espeak-ng": "espeak-ng", "ffmpeg": "ffmpeg",
    "fsck.vfat": "dosfstools", "hostname": "hostname", "ip": "iproute2", "iw": "iw", "journalctl": "systemd",
    "mcopy": "mtools", "minisign": "minisign", "mosquitto": "mosquitto", "mount": "mount",
    "openssl": "openssl", "rfkill": "rfkill", "sfdisk": "fdisk", "ssh-keygen": "openssh-client",
    "systemctl": "systemd", "systemd-sysusers": "systemd", "systemd-tmpfiles": "systemd", "udevadm": "udev",
    "xz": "xz-utils", "zstd": "zstd",
}  # fmt: skip
"""Program and the package of Debian that brings it."""
_FOR_ROOT = "/usr/sbin:/sbin"
"""Not in everybody's PATH; sfdisk and others lie there, and any user may run them."""
_BLOCK = 1 << 16
_STDERR_MAX = 1 << 16
"""Bytes of the end of stderr that are kept."""
_SHOWN = 3
"""Lines of the end of stderr that an error shows."""
_LINE_MAX = 300
"""Characters of such a line."""
_KILLED_S = 5.0
"""How long a killed program may take to be gone."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A program that has ended."""

    program: str
    """Its name, as it was asked for."""
    code: int
    """Its exit code; minus the signal's number if a signal ended it."""
    stdout: bytes
    stderr: str
    """The last 64 KiB."""

    @property
    def text(self) -> str:
        """What it printed, as text."""
        return self.stdout.decode("utf-8", errors="replace")

    @property
    def last_lines(self) -> str:
        """The end of what it complained of, in one line; the exit code where it said nothing."""
        lines = [line.strip()[:_LINE_MAX] for line in self.stderr.splitlines() if line.strip()]
        return " / ".join(lines[-_SHOWN:]) or _how(self.code)


def find(name: str) -> str:
    """Where a program is.

    Args:
        name: its name, or its path.

    Raises:
        ProgramMissingError: it is not installed; says how to install it.
    """
    found = shutil.which(name) or shutil.which(name, path=_FOR_ROOT)
    if found is None:
        package = PACKAGES.get(name)
        how = f", install it: apt install {package}" if package else " on this machine"
        raise ProgramMissingError(f"{name} is missing{how}", program=name)
    return found


def run(
    *command: str | Path,
    timeout_s: float,
    check: bool = True,
    stdin: bytes = b"",
    output_max: int = 1 << 20,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    user: tuple[int, int] | None = None,
) -> Finished:
    """Run a program to its end, and capture what it prints.

    It gets a session of its own, so it can't ask for a password at the terminal, and all that it started is
    killed with it.

    Args:
        command: the program's name or path, and its arguments.
        timeout_s: after this it is killed.
        check: whether an exit code other than 0 is an error.
        stdin: what it reads.
        output_max: bytes on stdout; at more it is killed.
        environment: all of it; default: that of this process, with messages in English.
        folder: where it runs; default: where this process does.
        user: user and group number to become, with no further groups; only root can.

    Raises:
        ProgramMissingError: it is not installed.
        ProgramTimeoutError: it took too long.
        ProgramError: it can't be started, printed too much, or (with ``check``) failed.
    """
    name = Path(command[0]).name
    words = [find(str(command[0])), *map(str, command[1:])]
    variables = {**os.environ, "LC_ALL": "C.UTF-8"} if environment is None else dict(environment)
    uid, gid = (None, None) if user is None else user
    with _as_input(stdin) as given:
        try:
            process = subprocess.Popen(  # noqa: S603  a list, no shell; the callers' arguments are checked ones
                words, stdin=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=variables, cwd=folder,
                start_new_session=True, user=uid, group=gid, extra_groups=None if user is None else [],
            )  # fmt: skip
        except OSError as e:
            raise ProgramError(f"{words[0]}: can't be started: {e.strerror}", program=name) from e
        try:
            out, err = _collected(process, name, time.monotonic() + timeout_s, timeout_s, output_max)
        except BaseException:  # a timeout, too much output, Ctrl-C: it must not go on without us
            _kill(process)
            raise
        finally:
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()
    done = Finished(name, process.returncode, out, err.decode("utf-8", errors="replace"))
    if check and done.code != 0:
        why = f"{_how(done.code)}: {done.last_lines}" if done.stderr.strip() else _how(done.code)
        raise ProgramError(f"{name}: {why}", program=name, code=done.code, last_lines=done.last_lines)
    return done


def run_in_terminal(*command: str | Path) -> int:
    """Run a program that asks the user something: it has the terminal, and as much time as the user takes.

    Returns:
        Its exit code.

    Raises:
        ProgramMissingError: it is not installed.
    """
    return subprocess.run([find(str(command[0])), *command[1:]], check=False).returncode  # noqa: S603  as above


@contextmanager
def _as_input(data: bytes) -> Iterator[int | IO[bytes]]:
    """A file, not a pipe: a program that does not read it blocks nobody."""
    if not data:
        yield subprocess.DEVNULL
        return
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        yield file


def _collected(
    process: subprocess.Popen[bytes], name: str, deadline_s: float, timeout_s: float, output_max: int
) -> tuple[bytes, bytes]:
    """What it prints on stdout, and the end of what it prints on stderr, until it has ended."""
    out, err = bytearray(), bytearray()
    with selectors.DefaultSelector() as pipes:
        for pipe, block in ((process.stdout, out), (process.stderr, err)):
            if pipe is not None:
                pipes.register(pipe, selectors.EVENT_READ, block)
        while pipes.get_map():
            left_s = deadline_s - time.monotonic()
            ready = pipes.select(left_s) if left_s > 0 else []
            if not ready:
                raise _too_slow(name, timeout_s)
            for key, _ in ready:
                read = os.read(key.fd, _BLOCK)
                key.data.extend(read)
                if not read:
                    pipes.unregister(key.fileobj)
            if len(out) > output_max:
                raise ProgramError(f"{name}: printed more than {output_max} bytes; ended it", program=name)
            del err[:-_STDERR_MAX]
    try:
        process.wait(max(0.0, deadline_s - time.monotonic()))
    except subprocess.TimeoutExpired as e:
        raise _too_slow(name, timeout_s) from e
    return bytes(out), bytes(err)


def _too_slow(name: str, timeout_s: float) -> ProgramTimeoutError:
    return ProgramTimeoutError(f"{name}: did not end within {timeout_s:g} s; ended it", program=name)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):  # it hangs in the kernel: init will take it
        process.wait(_KILLED_S)


def _how(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"ended by signal {-code}"
