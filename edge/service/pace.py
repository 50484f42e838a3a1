"""How fast frames are judged: frame rate and latency over the last frames. Pure."""

from collections import deque
from statistics import median

WINDOW_S = 10.0
"""The frame rate is that of the last seconds, as many as this."""


class Pace:
    """Counts judged frames; each method takes or returns monotonic seconds.

    Args:
        frames: how many of the last ones are kept.
    """

    def __init__(self, frames: int = 1000) -> None:
        self._done: deque[float] = deque(maxlen=frames)
        self._took: deque[float] = deque(maxlen=frames)
        self.frames = 0
        self._first: float | None = None

    def add(self, done: float, took_s: float) -> None:
        """Count a frame that was judged at ``done`` and took ``took_s``."""
        self._done.append(done)
        self._took.append(took_s)
        self._first = done if self._first is None else self._first
        self.frames += 1

    @property
    def seconds(self) -> float:
        """Seconds from the first judged frame to the last."""
        return self._done[-1] - self._first if self._first is not None else 0.0

    def fps(self, now: float) -> float:
        """Judged frames per second in the last ``WINDOW_S``; 0 when there were none."""
        recent = [done for done in self._done if now - done <= WINDOW_S]
        return (len(recent) - 1) / (now - recent[0]) if len(recent) > 1 and now > recent[0] else 0.0

    @property
    def latency_ms(self) -> float:
        """Median time to judge a frame, in milliseconds."""
        return 1000 * median(self._took) if self._took else 0.0
