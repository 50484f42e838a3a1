"""Counts over a window of time, from which a ``summary`` is made. Pure."""

from collections import Counter
from dataclasses import dataclass, field

from edge.events import Summary
from edge.people.outcomes import Closed, Crossed, Departed, Opened, Outcome
from edge.values import Verdict


@dataclass(slots=True)
class Tally:
    """Running counts; people are counted when they leave."""

    verdicts: Counter[Verdict] = field(default_factory=Counter)
    violations: int = 0
    complied: int = 0
    announced: int = 0
    """Closed violations whose announcement was played."""
    complied_after_announcement: int = 0
    entered: int = 0
    left: int = 0

    def add(self, outcome: Outcome) -> None:
        """Count one outcome."""
        if isinstance(outcome, Departed):
            self.verdicts[outcome.verdict] += 1
        elif isinstance(outcome, Opened):
            self.violations += 1
        elif isinstance(outcome, Closed):
            self.complied += outcome.complied
            self.announced += outcome.announced
            self.complied_after_announcement += outcome.complied and outcome.announced
        elif isinstance(outcome, Crossed):
            self.entered += outcome.inward
            self.left += not outcome.inward

    def __str__(self) -> str:
        return (
            f"{self.verdicts.total()} people: {self.verdicts[Verdict.MASKED]} masked, "
            f"{self.verdicts[Verdict.NOT_MASKED]} not masked, "
            f"{self.verdicts[Verdict.CANNOT_JUDGE]} could not be judged; "
            f"{self.violations} violations, {self.complied} complied"
        )

    def summary(self, window_s: float) -> Summary:
        """The counts as an event's payload."""
        return Summary(
            window_s=window_s,
            people=self.verdicts.total(),
            masked=self.verdicts[Verdict.MASKED],
            not_masked=self.verdicts[Verdict.NOT_MASKED],
            cannot_judge=self.verdicts[Verdict.CANNOT_JUDGE],
            violations=self.violations,
            complied=self.complied,
            announced=self.announced,
            complied_after_announcement=self.complied_after_announcement,
            compliance_rate=self.complied_after_announcement / self.announced if self.announced else None,
            entered=self.entered,
            left=self.left,
        )
