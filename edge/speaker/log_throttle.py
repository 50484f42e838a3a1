"""Lines for the log that strangers cause: whoever may publish could otherwise fill the disk with them."""

import threading


class LogThrottle:
    """The first line at once, then one a minute at most, which counts those that were left out.

    Any thread may use it; what time it is, it is told.

    Args:
        every_s: from one line to the next.
    """

    def __init__(self, every_s: float = 60.0) -> None:
        self._every_s, self._lock = every_s, threading.Lock()
        self._due_s = float("-inf")
        self._left_out = 0

    def line(self, text: str, now_s: float) -> str | None:
        """What to log now (monotonic seconds), if anything."""
        with self._lock:
            if now_s < self._due_s:
                self._left_out += 1
                return None
            left_out, self._left_out = self._left_out, 0
            self._due_s = now_s + self._every_s
        return f"{text}; {left_out} more like it since the last such line" if left_out else text
