"""What systemd is told about this service (sd_notify): ready, alive, how it goes, stopping."""

import logging
import os
import socket

_log = logging.getLogger(__name__)


class SystemdNotifier:
    """Speaks to the socket named by ``NOTIFY_SOCKET``; says nothing where there is none.

    A message that can't be delivered is logged and forgotten: systemd, which waits for it, is the one to act.

    Args:
        address: a path, or ``@`` and an abstract name; taken from the environment by default.
    """

    def __init__(self, address: str | None = None) -> None:
        name = os.environ.get("NOTIFY_SOCKET", "") if address is None else address
        # The @ stands for the NUL byte of Linux' abstract socket names.
        self._address = "\0" + name[1:] if name.startswith("@") else name

    def ready(self) -> None:
        """The start is over: units that are ordered after this one may start."""
        self._send("READY=1")

    def alive(self) -> None:
        """Put off systemd's watchdog (``WatchdogSec=``) once more. Call it only when work was really done."""
        self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """One line for ``systemctl status``."""
        self._send("STATUS=" + " ".join(text.split()))

    def stopping(self) -> None:
        """The end has begun."""
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
