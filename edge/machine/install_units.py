"""``maskgate install-units``: let systemd run a maskgate that was installed by pipx, uv or pip.

The package for Debian puts the same files below ``/usr/lib``; an administrator's files belong below ``/etc``.
"""

import sys
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path

from edge.errors import MaskgateError, ProgramMissingError, StoreError, UsageError
from edge.files import atomic_write
from edge.programs import run
from edge.systemd import systemd_is_running

_HERE = Path(__file__).resolve().parents[1]
_IN_WHEEL = _HERE / "shipped" / "systemd"
SHIPPED = _IN_WHEEL if _IN_WHEEL.is_dir() else _HERE.parent / "systemd" / "units"
"""The folder in an installed wheel, or the repository's own."""
PLACES: Mapping[str, str] = {
    "maskgate.service": "systemd/system/maskgate.service",
    "maskgate-speaker.service": "systemd/system/maskgate-speaker.service",
    "maskgate-machine.service": "systemd/system/maskgate-machine.service",
    "maskgate-machine-report.service": "systemd/system/maskgate-machine-report.service",
    "maskgate-machine-report.timer": "systemd/system/maskgate-machine-report.timer",
    "maskgate.sysusers": "sysusers.d/maskgate.conf",
    "maskgate.tmpfiles": "tmpfiles.d/maskgate.conf",
    "61-maskgate.rules": "udev/rules.d/61-maskgate.rules",
    "journald.conf": "systemd/journald.conf.d/50-maskgate.conf",
    "watchdog.conf": "systemd/system.conf.d/50-maskgate.conf",
}
"""Each file's place below ``/usr/lib`` or ``/etc``."""
_PROGRAM = "/usr/bin/maskgate"
"""The program's path in the units."""
_HIDDEN = ("/root", "/home", "/run/user", "/tmp", "/var/tmp")  # noqa: S108 - none is written to
"""Folders that the services can't see: ProtectHome=, PrivateTmp=."""
_WAY_OUT = (
    "Install it for all users instead, with the system's own Python: PIPX_HOME=/opt/pipx "
    "PIPX_BIN_DIR=/usr/local/bin pipx install --python /usr/bin/python3 WHEEL, or: UV_TOOL_DIR=/opt/uv "
    "UV_TOOL_BIN_DIR=/usr/local/bin uv tool install --python /usr/bin/python3 WHEEL"
)
_TIMEOUT_S = 120.0
_COMMANDS = (
    ("systemd-sysusers",),
    ("systemd-tmpfiles", "--create", "/etc/tmpfiles.d/maskgate.conf"),
    ("systemctl", "daemon-reload"),
    ("udevadm", "control", "--reload"),
    ("udevadm", "trigger", "--subsystem-match=gpio", "--subsystem-match=video4linux"),
)


def own_program() -> Path:
    """The ``maskgate`` of the environment that this code runs in.

    Raises:
        UsageError: it does not exist, or the services could not start it.
    """
    program = Path(sysconfig.get_path("scripts")) / "maskgate"
    if not program.exists():
        raise UsageError(f"{program}: no such program, so the units would have nothing to start. {_WAY_OUT}")
    require_visible(program, Path(sys.executable).resolve(), _HERE)
    return program


def require_visible(*paths: Path) -> None:
    """Check that the services can see these paths; raises UsageError if not."""
    for path in paths:
        for folder in _HIDDEN:
            if path.is_relative_to(folder):
                raise UsageError(f"{path}: services can't see what lies in {folder}. {_WAY_OUT}")


def texts(program: str) -> dict[str, str]:
    """Each file's place below ``/usr/lib`` or ``/etc``, and its text.

    Args:
        program: what the units start, as an absolute path.
    """
    return {
        place: (SHIPPED / name).read_text(encoding="utf-8").replace(_PROGRAM, program)
        for name, place in PLACES.items()
    }


def install(root: Path, program: Path, *, dry: bool) -> Iterator[str]:
    """Write the files, and let systemd read them; yields a sentence for each step, before it is done.

    Args:
        root: of the file system; programs are run only for this machine's own.
        program: what the units start.
        dry: do nothing.

    Raises:
        UsageError: the package for Debian is installed there.
        MaskgateError: a file can't be written, or a program fails.
    """
    packaged = root / "usr/lib/systemd/system/maskgate.service"
    if packaged.exists():
        raise UsageError(f"{packaged}: the maskgate package is installed, and it has its own units")
    for place, text in texts(str(program)).items():
        path = root / "etc" / place
        yield f"write {path}"
        if not dry:
            _write(path, text)
    config = root / "etc/maskgate/config.toml"
    if config.exists():
        yield f"leave {config} as it is"
    else:
        yield f"write {config}"
        if not dry:
            _write(config, (SHIPPED / "config.toml").read_text(encoding="utf-8"), mode=0o640)
    if root == Path("/") and systemd_is_running():
        for command in _COMMANDS:
            yield f"run {' '.join(command)}"
            if not dry:
                _run(*command)


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    try:
        atomic_write(path, text.encode(), mode=mode)
    except StoreError as e:
        if isinstance(e.__cause__, PermissionError):
            raise MaskgateError(f"{path}: this user may not write it: run it as root (sudo)") from e
        raise


def _run(name: str, *arguments: str) -> None:
    try:
        run(name, *arguments, timeout_s=_TIMEOUT_S)
    except ProgramMissingError as e:
        raise MaskgateError(f"{name} is missing: this needs a system with systemd and udev") from e
