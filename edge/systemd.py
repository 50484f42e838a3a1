"""systemd: whether it is running, what this service tells it (sd_notify), and what it is asked to do."""

import logging
import os
import socket
from pathlib import Path

from edge.errors import ProgramError
from edge.programs import run

_log = logging.getLogger(__name__)
_RUNNING = Path("/run/systemd/system")
"""Exists where systemd started the machine: sd_booted(3)."""
_TIMEOUT_S = 90.0
"""The longest that a call of systemctl may take: a small board reads all its unit files in seconds."""


def systemd_is_running() -> bool:
    """Whether systemd started this machine; in most containers it did not."""
    return _RUNNING.is_dir()


def systemctl(*arguments: str) -> None:
    """Ask systemd for something; without systemd nothing happens, and a refusal is logged.

    Args:
        arguments: of systemctl; with ``--no-block`` where the answer is not waited for.
    """
    if not systemd_is_running():
        return
    try:
        run("systemctl", *arguments, timeout_s=_TIMEOUT_S)
    except ProgramError as e:
        _log.error("systemctl %s: %s", " ".join(arguments), e.last_lines or e)


class SystemdNotifier:
    """Sends messages to the socket that ``NOTIFY_SOCKET`` names; without that it sends nothing.

    A message that can't be delivered is logged and not sent again: systemd waits for it, and acts.

    Args:
        address: a path, or ``@`` and an abstract name; default: from the environment.
    """

    def __init__(self, address: str | None = None) -> None:
        name = os.environ.get("NOTIFY_SOCKET", "") if address is None else address
        # An abstract socket's name starts with a NUL byte, which is written as @.
        self._address = "\0" + name[1:] if name.startswith("@") else name

    def ready(self) -> None:
        """Report that the start is done: units that are ordered after this one may start."""
        self._send("READY=1")

    def alive(self) -> None:
        """Feed systemd's watchdog (``WatchdogSec=``). Call it only after real work."""
        self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """Set the line that ``systemctl status`` shows."""
        self._send("STATUS=" + " ".join(text.split()))

    def stopping(self) -> None:
        """Report that the service is stopping."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
                out.setblocking(False)
                out.sendto(message.encode(), self._address)
        except OSError as e:
            _log.warning("NOTIFY_SOCKET %r: %s was not delivered: %s", self._address, message, e)
