"""Whether another board goes by our name: most often that of a copied card.

The client id ends in the board's id (``edge.hardware``), so that two boards with one name are both on line,
and neither throws the other out: nothing is lost until somebody gives one of them a name of its own. Each
hears the other's ``health``, which carries the board's id, on the topic that both take to be theirs.
"""

import json
import re
import threading

from edge.clock import Clock
from edge.events import IdentityDuplicated, Place

_SAID_FOR_S = 600.0
"""Without news of the other one it is taken to be gone."""
_BOARD = re.compile(r"[0-9a-f]{12}")
_KNOWN_MAX = 10


class DuplicateDetector:
    """Another one under our name. Told by the link's thread, asked by any.

    Args:
        place: our name.
        client_id: ours.
        hardware: our board.
        clock: for how long something is still news.
    """

    def __init__(self, place: Place, client_id: str, hardware: str, clock: Clock) -> None:
        self._place, self._client_id, self._hardware, self._clock = place, client_id, hardware, clock
        self._lock = threading.Lock()
        self._known: set[str] = set()
        self._last: tuple[str, float] | None = None

    def heard(self, payload: bytes) -> IdentityDuplicated | None:
        """A message on our own ``health`` topic; returns what there is to report, once for each board."""
        try:
            said = json.loads(payload)
        except (ValueError, RecursionError):  # no JSON, or brackets without end
            return None
        other = said.get("hardware") if isinstance(said, dict) else None
        if not isinstance(other, str) or not _BOARD.fullmatch(other) or other == self._hardware:
            return None
        name = f"{self._place.site}/{self._place.device}"
        return self._note(
            other,
            f"another board ({other}; this one is {self._hardware}) calls itself {name} too: most likely a "
            "copied card; give one of them another [site] id or device",
        )

    def replaced(self, message: str) -> IdentityDuplicated | None:
        """The link has lost its place to another client; returns what there is to report, once."""
        return self._note("", message)

    @property
    def problem(self) -> str | None:
        """What is wrong right now, as a full sentence."""
        with self._lock:
            if self._last is None or self._clock.monotonic() - self._last[1] > _SAID_FOR_S:
                return None
            return self._last[0]

    def _note(self, other: str, message: str) -> IdentityDuplicated | None:
        with self._lock:
            self._last = message, self._clock.monotonic()
            if other in self._known or len(self._known) >= _KNOWN_MAX:
                return None
            self._known.add(other)
        return IdentityDuplicated(client_id=self._client_id, message=message)
