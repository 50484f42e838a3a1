"""Checks messages against the contract: each by itself, and together with those before it. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from edge.ops.history import SourceHistory
from edge.ops.message_form import Flaw, look_at
from edge.ops.subscription import ReceivedMessage
from edge.ops.text import plain
from edge.values import counted

_LISTED = 20
"""How many open violations, unknown keys and sources a report lists."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a message, and where."""

    message: int
    """The message's number, from 1. For a gap: the number of the message that came after it."""
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
    """The result of a check."""

    messages: int
    sources: int
    """Devices and speakers that sent events."""
    kinds: dict[str, int]
    """Kind of message -> how many came."""
    problems: int
    repeated: int
    """Events that came again with the same id, as the contract allows."""
    restarts: int
    """How often a device came back with a new outbox."""
    missing: int
    """Numbers of events that never came."""
    dropped: int
    """Events that devices report as dropped."""
    open: int
    """Violations that are still open at the end."""
    open_violations: list[str]
    """Ids of open violations; 20 at most."""
    unknown: dict[str, int]
    """Keys and types that this version does not know, with their number; 20 at most."""
    last: dict[str, int]
    """Source -> number of its last event. The messages can't show whether later ones are missing."""

    def __str__(self) -> str:
        kinds = ", ".join(f"{n} {kind}" for kind, n in self.kinds.items())
        repeats = counted(self.repeated, "repeat")
        restarts = counted(self.restarts, "new outbox", "new outboxes")
        lines = [
            f"{counted(self.messages, 'message')}: {kinds}",
            f"{counted(self.sources, 'source')} of events: {repeats}, {self.missing} missing",
            f"reported by the devices: {self.dropped} dropped, {restarts}",
        ]
        if self.open_violations:
            more = ["..."] if self.open > len(self.open_violations) else []
            ids = ", ".join(self.open_violations + more)
            lines.append(plain(f"{counted(self.open, 'violation')} open: {ids}"))
        if self.unknown:
            lines.append(plain("unknown here: " + ", ".join(f"{k} ({n})" for k, n in self.unknown.items())))
        if self.last:
            pairs = [f"{source} {number}" for source, number in list(self.last.items())[:_LISTED]]
            more = ["..."] if len(self.last) > _LISTED else []
            ends = ", ".join(pairs + more)
            lines.append(plain(f"not known: events after the last one of each source: {ends}"))
        fine = "no problems up to these" if self.last else "no problems"
        lines.append(counted(self.problems, "problem") if self.problems else fine)
        return "\n".join(lines)


class Checker:
    """Checks messages in the order of their arrival.

    Args:
        live: the messages come right now, so a time in them must not lie ahead.
        strict: keys and types that this version does not know are problems, too.
    """

    def __init__(self, *, live: bool, strict: bool = False) -> None:
        self._live, self._strict = live, strict
        self._sources: dict[str, tuple[SourceHistory, str]] = {}
        self._kinds: Counter[str] = Counter()
        self._unknown: Counter[str] = Counter()
        self._problems = 0
        self.messages = 0

    def check(self, message: ReceivedMessage) -> list[Problem]:
        """Check the next message; returns what is wrong with it."""
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
        """Problems that show only at the end: missing numbers that no ``events.dropped`` reports."""
        return self._count(
            Problem(gap.noticed, topic, "sequence", f"none of {gap.first} to {gap.last}", "no gap")
            for source, topic in self._sources.values()
            if _missing(source) > source.dropped
            for gap in source.gaps
            if gap.missing
        )

    def report(self) -> Report:
        """The result so far."""
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
            last={source: history.last for source, (history, _) in self._sources.items()},
        )

    def _count(self, problems: Iterable[Problem]) -> list[Problem]:
        counted_problems = list(problems)
        self._problems += len(counted_problems)
        return counted_problems


def _missing(source: SourceHistory) -> int:
    return sum(gap.missing for gap in source.gaps)
