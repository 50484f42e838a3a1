"""Finds out whether another board uses our name; most often it is that of a copied card.

The client id ends in the board's id (``edge.hardware``). So two boards with one name are both on line, and
neither throws the other out: nothing is lost until somebody gives one of them a name of its own. Each gets
the other's ``health``, which carries the board's id, on the topic that both take for their own.
"""

import json
import re
import threading

from edge.clock import Clock
from edge.events import IdentityDuplicated, Place

_FORGOTTEN_S = 600.0
"""Without news of the other board for this time, it is taken to be gone."""
_BOARD = re.compile(r"[0-9a-f]{12}")
_KNOWN_MAX = 10
"""Boards that are reported; anybody could make up more."""


class DuplicateDetector:
    """Knows whether another board uses our name. The link's thread writes to it, any thread may ask it.

    Args:
        place: our name.
        client_id: our client id.
        hardware: our board's id.
        clock: tells how old the last news is.
    """

    def __init__(self, place: Place, client_id: str, hardware: str, clock: Clock) -> None:
        self._place, self._client_id, self._hardware, self._clock = place, client_id, hardware, clock
        self._lock = threading.Lock()
        self._known: set[str] = set()
        self._last: tuple[str, float] | None = None

    def compare(self, payload: bytes) -> IdentityDuplicated | None:
        """Take in a message on our own ``health`` topic; returns what to report, once for each board."""
        try:
            health = json.loads(payload)
        except (ValueError, RecursionError):  # not JSON, or brackets without end
            return None
        other = health.get("hardware") if isinstance(health, dict) else None
        if not isinstance(other, str) or not _BOARD.fullmatch(other) or other == self._hardware:
            return None
        name = f"{self._place.site}/{self._place.device}"
        return self._note(
            other,
            f"another board ({other}; this one is {self._hardware}) calls itself {name} too: most likely a "
            "copied card; give one of them another [site] id or device",
        )

    def replaced(self, message: str) -> IdentityDuplicated | None:
        """Another client took the link's place, as ``message`` says; returns what to report, once."""
        return self._note("", message)

    @property
    def problem(self) -> str | None:
        """What is wrong right now, as a full sentence."""
        with self._lock:
            if self._last is None or self._clock.monotonic() - self._last[1] > _FORGOTTEN_S:
                return None
            return self._last[0]

    def _note(self, other: str, message: str) -> IdentityDuplicated | None:
        with self._lock:
            self._last = message, self._clock.monotonic()
            if other in self._known or len(self._known) >= _KNOWN_MAX:
                return None
            self._known.add(other)
        return IdentityDuplicated(client_id=self._client_id, message=message)
