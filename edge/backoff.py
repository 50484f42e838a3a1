"""How long to wait before the next attempt: twice as long after each failure, up to a limit. Pure.

The jitter is the "equal" kind of AWS' "Exponential Backoff And Jitter" (2015): a thousand devices that lost
the same broker must not come back in the same second, and none may come back at once.
"""

import random
from dataclasses import dataclass

_DOUBLINGS_MAX = 64
"""More would only overflow: the limit is reached long before."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """The pauses of one kind of attempt.

    Example::

        retry = Backoff(first_s=0.5, longest_s=30)
        failures = 0
        while not connect():
            failures += 1
            if stop.wait(retry.pause_s(failures, rng)):
                break
    """

    first_s: float
    """The limit of the first pause; above 0."""
    longest_s: float
    """The limit of every pause."""

    def limit_s(self, failures: int) -> float:
        """The longest pause after some failures.

        Args:
            failures: in a row, the last one included. After none there is no pause.
        """
        if failures < 1:
            return 0.0
        return min(self.longest_s, self.first_s * 2.0 ** min(failures - 1, _DOUBLINGS_MAX))

    def pause_s(self, failures: int, rng: random.Random) -> float:
        """A pause between half of that and all of it, drawn at random."""
        return self.limit_s(failures) * rng.uniform(0.5, 1.0)
