"""The events of one source in order: checks their numbers, and how their violations open and close. Pure."""

import hashlib
import json
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from edge.ops.message_form import Flaw
from edge.ops.messages import moment

_KEPT = 200
"""The number of events of a source whose ids are remembered, and of violations."""
_SLACK = timedelta(seconds=1)


@dataclass(slots=True)
class Gap:
    """Numbers of events that have not come."""

    first: int
    last: int
    noticed: int
    """The number of the message that came after the gap."""
    late: int = 0
    """How many of the events came later, out of order."""

    @property
    def missing(self) -> int:
        """How many events are still missing."""
        return self.last - self.first + 1 - self.late


class SourceHistory:
    """What has come from one device, and what was wrong with its order."""

    def __init__(self) -> None:
        self.repeated = 0
        """Events that came again with the same id, as the contract allows."""
        self.restarts = 0
        """How often a new outbox started: a ``device.started`` with number 1."""
        self.gaps: list[Gap] = []
        self.dropped = 0
        """Events that the device reports as dropped."""
        self._ids: OrderedDict[int, tuple[str, bytes]] = OrderedDict()
        self._last = self._connection = self._started_at = self._first = 0
        self._violations: OrderedDict[str, bool] = OrderedDict()  # id -> still open
        self._complete_since: datetime | None = None

    @property
    def last(self) -> int:
        """The highest number that has come. Whether there are later ones can't be known."""
        return self._last

    @property
    def open(self) -> list[str]:
        """Violations that were opened and not closed."""
        return [violation for violation, still_open in self._violations.items() if still_open]

    def take(self, event: dict[str, Any], number: int, connection: int) -> list[Flaw]:
        """Check one event against those before it.

        Args:
            event: the CloudEvent, without flaws in itself.
            number: the number of the message.
            connection: see ``ReceivedMessage``. Events between two connections do not count as missing.
        """
        sequence, fingerprint = int(event["sequence"]), _fingerprint(event)
        before = self._ids.get(sequence)
        if before is not None and before[0] == event["id"]:
            self.repeated += 1
            same = before[1] == fingerprint
            return [] if same else [Flaw("data", "other content than before", "the same, as id is")]
        flaws = self._follow(event, sequence, number, connection)
        self._ids[sequence] = (event["id"], fingerprint)
        if len(self._ids) > _KEPT:
            self._ids.popitem(last=False)
        self._last, self._connection = max(self._last, sequence), connection
        return [*flaws, *self._apply(event)]

    def _follow(self, event: dict[str, Any], sequence: int, number: int, connection: int) -> list[Flaw]:
        """Check that a number follows those before it."""
        following = self._last + 1
        if not self._ids:
            self._start(event, number)
            return []
        if sequence >= following:
            if sequence > following:
                self._complete_since = moment(event["time"])
                if connection == self._connection:
                    self.gaps.append(Gap(following, sequence - 1, number))
            return []
        for gap in self.gaps:
            inside = gap.first <= sequence <= gap.last and gap.noticed > self._started_at
            if inside and sequence not in self._ids:
                gap.late += 1
                return [Flaw("sequence", f"{sequence} after {self._last}", "events in order")]
        if event["data"].get("replayed") and sequence < self._first:
            return []  # sent again, and first sent before we listened
        again = " again, under another id" if sequence in self._ids else f" after {self._last}"
        self._start(event, number)
        if sequence == 1 and event["type"] == "device.started":
            self.restarts += 1
            return []
        return [Flaw("sequence", f"{sequence}{again}", f"{following}, or 1 with device.started")]

    def _start(self, event: dict[str, Any], number: int) -> None:
        self._ids.clear()
        self._last, self._started_at, self._first = 0, number, int(event["sequence"])
        self._complete_since = moment(event["time"])

    def _apply(self, event: dict[str, Any]) -> list[Flaw]:
        """Let an event open, close or end violations."""
        data = event["data"]
        if event["type"] == "device.started":
            self._violations = OrderedDict.fromkeys(self._violations, False)
        elif event["type"] == "events.dropped":
            self.dropped += data["count"]
        elif event["type"] in {"violation.opened", "violation.closed"}:
            return self._violation(event, data["violation"])
        return []

    def _violation(self, event: dict[str, Any], violation: str) -> list[Flaw]:
        before = self._violations.get(violation)
        opens = event["type"] == "violation.opened"
        self._violations[violation] = opens
        if len(self._violations) > _KEPT:
            self._violations.popitem(last=False)
        if opens:
            return [] if before is None else [Flaw("data.violation", f"{violation} again", "a new id")]
        if before:
            return []
        if before is not None:
            return [Flaw("data.violation", f"{violation}, which is closed already", "an open violation")]
        duration_s = event["data"]["duration_s"]
        try:
            opened = moment(event["time"]) - timedelta(seconds=duration_s)
        except OverflowError:
            return [Flaw("data.duration_s", f"{duration_s:g}", "less than all of time")]
        if self._complete_since is None or opened <= self._complete_since + _SLACK:
            return []  # opened before we listened
        return [Flaw("data.violation", f"{violation}, which was never opened", "an open violation")]


def _fingerprint(event: dict[str, Any]) -> bytes:
    """A hash of everything that must not change when an event is sent again."""
    data = {key: value for key, value in event["data"].items() if key != "replayed"}
    text = json.dumps({**event, "data": data}, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).digest()
