"""Log lines that strangers cause: whoever may publish could otherwise fill the disk with them."""

import threading


class LogThrottle:
    """Lets a few lines through at once, and then one every while, which counts those that were left out.

    Any thread may use it.

    Args:
        every_s: from one line to the next, once ``burst`` lines have been let through.
        burst: lines at once; after a quiet time as many are allowed again.
    """

    def __init__(self, every_s: float = 60.0, burst: int = 1) -> None:
        self._every_s, self._ahead_s, self._lock = every_s, (burst - 1) * every_s, threading.Lock()
        self._due_s = float("-inf")
        self._left_out = 0

    def line(self, text: str, now_s: float) -> str | None:
        """What to log now, if anything; ``now_s`` in monotonic seconds."""
        with self._lock:
            if now_s < self._due_s - self._ahead_s:
                self._left_out += 1
                return None
            self._due_s = max(self._due_s, now_s) + self._every_s
            left_out, self._left_out = self._left_out, 0
        return f"{text}; {left_out} more like it since the last such line" if left_out else text
