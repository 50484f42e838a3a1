"""The gates that a release must pass: data in ``gates.toml``, checked here."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomllib

from edge.errors import ConfigError, MaskgateError

DEFAULT_GATES = Path(__file__).with_name("gates.toml")


class GateError(MaskgateError):
    """A model is not good enough to be released."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One bound on one figure of the report."""

    figure: str
    min: float | None = None
    max: float | None = None
    why: str = ""

    def verdict(self, report: dict[str, Any]) -> str | None:
        """What is wrong, or None."""
        value: Any = report
        for key in self.figure.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if not isinstance(value, int | float):
            return f"{self.figure} was not measured ({self.why})"
        if self.min is not None and value < self.min:
            return f"{self.figure} is {value:.4f}, at least {self.min} wanted ({self.why})"
        if self.max is not None and value > self.max:
            return f"{self.figure} is {value:.4f}, at most {self.max} wanted ({self.why})"
        return None


def read_gates(path: Path) -> list[Gate]:
    """Read the gates.

    Raises:
        ConfigError: the file is missing, not TOML, or a gate has an unknown key or no bound.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))["gate"]
        gates = [Gate(**table) for table in tables]
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as e:
        raise ConfigError(f"{path}: not a file of [[gate]] tables with figure, min or max, why: {e}") from e
    for gate in gates:
        if gate.min is None and gate.max is None:
            raise ConfigError(f"{path}: the gate on {gate.figure} has neither min nor max")
    return gates


def require(gates: list[Gate], report: dict[str, Any]) -> None:
    """Let a report pass or not.

    Raises:
        GateError: naming every gate that is shut.
    """
    shut = [text for text in (g.verdict(report) for g in gates) if text]
    if shut:
        raise GateError(f"not released, {len(shut)} of {len(gates)} gates are shut:\n  " + "\n  ".join(shut))
