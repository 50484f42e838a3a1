"""Turns outcomes into the payloads of violations; a violation keeps one id from opening to closing. Pure."""

import uuid
from collections.abc import Iterable

from edge.events import Data, ViolationClosed, ViolationOpened
from edge.people.outcomes import Closed, Opened, Outcome
from edge.values import Track


class Violations:
    """Remembers, for each person in view, the zone and the violation.

    Args:
        model_id: which mask model judged; every violation carries it.
    """

    def __init__(self, model_id: str) -> None:
        self._model_id = model_id
        self._zones: dict[int, str] = {}
        self._ids: dict[int, str] = {}

    def place(self, track: Track, zone: str) -> None:
        """Where a person stands now."""
        self._zones[track.id] = zone

    def zone_of(self, track_id: int) -> str:
        """Where a person stood last."""
        return self._zones[track_id]

    def payload(self, outcome: Outcome) -> Data | None:
        """The payload that an outcome is published as; None for outcomes that are only counted."""
        track = outcome.track
        if isinstance(outcome, Opened):
            self._ids[track.id] = str(uuid.uuid4())
            return ViolationOpened(
                violation=self._ids[track.id],
                zone=self._zones[track.id],
                track=track.id,
                score=round(outcome.score, 4),
                face_width_px=round(track.face.box.width, 1),
                seen_for_s=round(track.last_seen - track.first_seen, 3),
                model=self._model_id,
            )
        if isinstance(outcome, Closed):
            return ViolationClosed(
                violation=self._ids.pop(track.id),
                zone=self._zones[track.id],
                track=track.id,
                reason="complied" if outcome.complied else "left",
                duration_s=round(outcome.duration_s, 3),
                announced=outcome.announced,
            )
        return None

    def track_of(self, violation: str) -> int | None:
        """Whose violation it is, while it is open."""
        return next((track_id for track_id, known in self._ids.items() if known == violation), None)

    def forget(self, gone: Iterable[Track]) -> None:
        """These people have left, and their violations are closed."""
        for track in gone:
            self._zones.pop(track.id, None)
            self._ids.pop(track.id, None)
