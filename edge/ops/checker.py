"""Messages against the contract, one after the other: each by itself, and with those before it. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from edge.ops.history import SourceHistory
from edge.ops.message_form import Flaw, look_at
from edge.ops.subscription import ReceivedMessage
from edge.ops.text import plain

_LISTED = 20
"""Open violations and unknown keys that are listed."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and where."""

    message: int
    """Its number, from 1; the last one's for what shows only at the end."""
    topic: str
    key: str
    found: str
    expected: str

    def __str__(self) -> str:
        return plain(
            f"{self.message}  {self.topic}  {self.key}: found {self.found}; expected {self.expected}"
        )


@dataclass(frozen=True, slots=True)
class Report:
    """What was checked."""

    messages: int
    sources: int
    """Devices and speakers that sent events."""
    kinds: dict[str, int]
    """Messages of each kind."""
    problems: int
    repeated: int
    """Events that came again with the same id, as they may."""
    restarts: int
    """Devices that came back with a new outbox."""
    missing: int
    """Numbers that never came."""
    dropped: int
    """Events that devices say they have lost."""
    open: int
    """Violations that are not closed at the end."""
    open_violations: list[str]
    """Their ids; 20 at most."""
    unknown: dict[str, int]
    """Keys and types that this version does not know; 20 at most."""

    def __str__(self) -> str:
        said = [
            f"{self.messages} messages: " + ", ".join(f"{n} {kind}" for kind, n in self.kinds.items()),
            f"{self.sources} sources of events: {self.repeated} repeats, {self.missing} missing",
            f"told by the devices: {self.dropped} dropped, {self.restarts} new outboxes",
        ]
        if self.open_violations:
            more = ["..."] if self.open > len(self.open_violations) else []
            said.append(plain(f"{self.open} violations open: " + ", ".join(self.open_violations + more)))
        if self.unknown:
            said.append(plain("unknown here: " + ", ".join(f"{k} ({n})" for k, n in self.unknown.items())))
        said.append(f"{self.problems} problems" if self.problems else "no problems")
        return "\n".join(said)


class Checker:
    """Takes messages in the order of their arrival.

    Args:
        live: they come right now, so that no time in them may lie ahead.
        strict: what this version does not know is a problem too.
    """

    def __init__(self, *, live: bool, strict: bool = False) -> None:
        self._live, self._strict = live, strict
        self._sources: dict[str, tuple[SourceHistory, str]] = {}
        self._kinds: Counter[str] = Counter()
        self._unknown: Counter[str] = Counter()
        self._problems = 0
        self.messages = 0

    def check(self, message: ReceivedMessage) -> list[Problem]:
        """What is wrong with the next message."""
        self.messages += 1
        form = look_at(message, live=self._live)
        self._kinds[form.kind or "unknown"] += 1
        self._unknown.update(form.unknown)
        flaws = list(form.flaws)
        if self._strict:
            flaws += [Flaw(key, "something unknown", "what the contract has") for key in form.unknown]
        if form.event is not None:
            source, _ = self._sources.setdefault(form.event["source"], (SourceHistory(), message.topic))
            flaws += source.take(form.event, self.messages, message.connection)
        return self._count(Problem(self.messages, message.topic, *flaw) for flaw in flaws)

    def finish(self) -> list[Problem]:
        """What shows only at the end: missing numbers of which no ``events.dropped`` tells."""
        return self._count(
            Problem(gap.noticed, topic, "sequence", f"none of {gap.first} to {gap.last}", "no gap")
            for source, topic in self._sources.values()
            if _missing(source) > source.dropped
            for gap in source.gaps
            if gap.missing
        )

    def report(self) -> Report:
        """So far."""
        sources = [source for source, _ in self._sources.values()]
        still_open = [violation for source in sources for violation in source.open]
        return Report(
            messages=self.messages,
            sources=len(sources),
            kinds=dict(self._kinds.most_common()),
            problems=self._problems,
            repeated=sum(s.repeated for s in sources),
            restarts=sum(s.restarts for s in sources),
            missing=sum(_missing(s) for s in sources),
            dropped=sum(s.dropped for s in sources),
            open=len(still_open),
            open_violations=still_open[:_LISTED],
            unknown=dict(self._unknown.most_common(_LISTED)),
        )

    def _count(self, problems: Iterable[Problem]) -> list[Problem]:
        found = list(problems)
        self._problems += len(found)
        return found


def _missing(source: SourceHistory) -> int:
    return sum(gap.missing for gap in source.gaps)
