"""What became of the card at this boot: for the report, and for the service's ``health``."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path

from edge.errors import StoreError
from edge.files import atomic_write
from edge.hardware import MACHINE_PROBLEMS

_OUTCOME = "outcome.json"


class ApplyVerdict(str, Enum):
    """How it ended, in words for the report."""

    APPLIED = "was applied at this start"
    UNCHANGED = "has not changed, and is in force"
    INCOMPLETE = "was applied as far as it goes"
    REFUSED = "was NOT applied"
    NONE = "is not on the card"
    UNKNOWN = "was not looked at since the start; journalctl -u maskgate-machine may say why"


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """Of one ``maskgate machine apply``."""

    verdict: ApplyVerdict
    mistakes: tuple[str, ...] = ()
    """What must be mended, each as a sentence that begins with its key or file."""
    remarks: tuple[str, ...] = ()
    """What should be known."""
    in_force: bool = False
    """Whether an earlier card was applied in full."""

    @property
    def problems(self) -> list[str]:
        """For ``health``: sentences that make sense far away from the card."""
        if self.verdict is ApplyVerdict.REFUSED:
            stays = "what was applied before stays in force" if self.in_force else "nothing is in force yet"
            return [f"maskgate.toml on the card was not applied ({stays}): {m}" for m in self.mistakes]
        return [f"maskgate.toml on the card: {m}" for m in self.mistakes]


def keep_outcome(outcome: ApplyResult, folder: Path = MACHINE_PROBLEMS.parent) -> None:
    """Keep it until the next boot.

    Raises:
        StoreError: it can't be written.
    """
    atomic_write(folder / _OUTCOME, json.dumps(asdict(outcome)).encode(), mode=0o600)


def kept_outcome(folder: Path = MACHINE_PROBLEMS.parent) -> ApplyResult | None:
    """What ``keep_outcome`` kept; None where nothing was applied since the start."""
    try:
        raw = json.loads((folder / _OUTCOME).read_bytes())
        mistakes, remarks = (tuple(map(str, raw[key])) for key in ("mistakes", "remarks"))
        return ApplyResult(ApplyVerdict(raw["verdict"]), mistakes, remarks, bool(raw["in_force"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def tell_service(problems: Sequence[str], folder: Path = MACHINE_PROBLEMS.parent) -> None:
    """What the service's ``health`` is to say, one sentence a line; it is read anew for each.

    Raises:
        StoreError: it can't be written.
    """
    text = "".join(" ".join(problem.split()) + "\n" for problem in problems)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
    except OSError as e:
        raise StoreError(f"{folder}: can't be made: {e.strerror}") from e
    atomic_write(folder / MACHINE_PROBLEMS.name, text.encode())
