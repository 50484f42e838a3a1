"""The result of applying the card at this boot: for the report, and for the service's ``health``."""

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
    """How it ended; the values are words for the report."""

    APPLIED = "was applied at this start"
    UNCHANGED = "has not changed, and is in force"
    INCOMPLETE = "was applied as far as it goes"
    REFUSED = "was NOT applied"
    NONE = "is not on the card"
    UNKNOWN = "has not been read since the start; for the reason: journalctl -u maskgate-machine"


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """The result of one ``maskgate machine apply``."""

    verdict: ApplyVerdict
    mistakes: tuple[str, ...] = ()
    """What must be corrected, each as a sentence that starts with its key or file."""
    remarks: tuple[str, ...] = ()
    """What the installer should know, as sentences."""
    in_force: bool = False
    """Whether an earlier card was applied in full."""

    @property
    def problems(self) -> list[str]:
        """Sentences for ``health``, which make sense far away from the card."""
        if self.verdict is ApplyVerdict.REFUSED:
            stays = "what was applied before stays in force" if self.in_force else "nothing is in force yet"
            return [f"maskgate.toml on the card was not applied ({stays}): {m}" for m in self.mistakes]
        return [f"maskgate.toml on the card: {m}" for m in self.mistakes]


def keep_outcome(outcome: ApplyResult, folder: Path = MACHINE_PROBLEMS.parent) -> None:
    """Keep the result until the next boot.

    Raises:
        StoreError: it can't be written.
    """
    atomic_write(folder / _OUTCOME, json.dumps(asdict(outcome)).encode(), mode=0o600)


def kept_outcome(folder: Path = MACHINE_PROBLEMS.parent) -> ApplyResult | None:
    """The result that ``keep_outcome`` kept; None if nothing was applied since the start."""
    try:
        raw = json.loads((folder / _OUTCOME).read_bytes())
        mistakes, remarks = (tuple(map(str, raw[key])) for key in ("mistakes", "remarks"))
        return ApplyResult(ApplyVerdict(raw["verdict"]), mistakes, remarks, bool(raw["in_force"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def tell_service(problems: Sequence[str], folder: Path = MACHINE_PROBLEMS.parent) -> None:
    """Write the problems for the service's ``health``, one sentence a line; each health message reads them.

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
