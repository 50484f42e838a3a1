"""How a command is told to stop."""

import signal
import threading


def stop_on_signals() -> threading.Event:
    """Set by SIGTERM, and by SIGINT, which is Ctrl-C."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
