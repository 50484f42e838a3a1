"""The report of ``mask-convert evaluate`` as text."""

from collections.abc import Iterable, Mapping
from typing import Any

from convert.data.records import LABELS
from convert.measure.intervals import FIGURES

_RATES = {"masked_accepted": "masked", "false_masked": "not_masked", "incorrect_refused": "incorrect"}
"""Shares, and the class that each is of."""


def as_text(report: Mapping[str, Any]) -> str:
    """Aligned tables; ``-`` for what the dataset can't tell."""
    split = f", split {report['split']}" if report["split"] else ""
    about = (
        f"{report['model']} on {report['data']}{split}; "
        f"threshold {report['threshold']:.2f}; {report['runtime']}\n"
        f"{report['faces']} faces of {report['groups']} photos or persons; 95 % intervals by photo"
    )
    parts = [
        about,
        _headline(report),
        _confusion(report["confusion"]),
        _rates("by source", report["by_source"]),
        *(_rates(f"by {name}", rows) for name, rows in report["by_slice"].items()),
    ]
    if "float_int8" in report:
        rows = [(name, _figure(value)) for name, value in report["float_int8"].items()]
        parts.append(_table(("float against int8", ""), rows))
    if report["unreadable"]:
        parts.append(f"left out, could not be read: {len(report['unreadable'])}")
    return "\n\n".join(parts)


def _headline(report: Mapping[str, Any]) -> str:
    rows = [(name, _figure(report[name]), _interval(name, report["intervals"][name])) for name in FIGURES]
    rows.append(("calibration_error", _figure(report["calibration_error"]), ""))
    rows += [(f"latency_ms {q}", _figure(v, 2), "") for q, v in report["latency_ms"].items()]
    return "\n".join(f"{name:18}  {value:>6} {bounds}".rstrip() for name, value, bounds in rows)


def _confusion(confusion: Mapping[str, Mapping[str, int]]) -> str:
    rows = [
        (name, *(str(confusion[name][verdict]) for verdict in ("masked", "not_masked"))) for name in LABELS
    ]
    return _table(("label", "called masked", "called not masked"), rows)


def _rates(title: str, parts: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        (name, *(_rate(row[rate], row["counts"][label]) for rate, label in _RATES.items()), str(row["faces"]))
        for name, row in parts.items()
    ]
    return _table((title, *_RATES, "faces"), rows)


def _rate(share: float | None, of: int) -> str:
    return "-" if share is None else f"{share:.4f} {f'{round(share * of)}/{of}':>11}"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """The first column to the left, the others to the right."""
    table = [head, *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(head))]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))]
        ).rstrip()
        for row in table
    )


def _figure(value: float | None, digits: int = 4) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _interval(name: str, bounds: tuple[float, float] | None) -> str:
    if bounds is None:
        return ""
    digits = 4 if name == "roc_auc" else 3  # its differences that matter are smaller
    return f"[{bounds[0]:.{digits}f}, {bounds[1]:.{digits}f}]"
