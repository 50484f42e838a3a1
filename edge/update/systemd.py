"""What the updater tells systemd."""

import logging
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

_log = logging.getLogger(__name__)

Systemctl = Callable[..., None]


def systemctl(*arguments: str) -> None:
    """Tell systemd, where it runs; what it refuses is logged."""
    program = shutil.which("systemctl")
    if program is None or not Path("/run/systemd/system").is_dir():
        return
    done = subprocess.run([program, *arguments], check=False, capture_output=True, text=True)  # noqa: S603
    if done.returncode != 0:
        _log.error("systemctl %s: %s", " ".join(arguments), done.stderr.strip())
