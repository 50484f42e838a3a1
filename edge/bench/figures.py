"""From visits to figures. Pure."""

import math
from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import Any

from edge.bench.motion import Wear
from edge.bench.visits import JudgedVisit

EXPECTED = {
    "doubled at 10 fps": 0.05,
    "missed": 0.03,
    "missed, no mask": 0.03,
    "false": 0.01,
    "median s to decide": 0.7,
}
"""The most that each figure may be."""


def figures(visits: Sequence[JudgedVisit]) -> dict[str, Any]:
    """The figures of some visits.

    ``missed`` and ``doubled`` are shares of the visits in which a violation must be opened, ``false`` of the
    visits with a properly worn mask throughout, ``complied`` of those that must be seen to comply.
    """
    violating, proper = [v for v in visits if v.violating], [v for v in visits if v.proper]
    comply = [v for v in visits if v.must_comply]
    never = [v for v in violating if Wear.MASKED not in v.wears]
    delays = sorted(d for v in violating if (d := v.delay_s) is not None)
    return {
        "visits": len(visits),
        "found": rate(v.found for v in violating),
        "missed": rate(not v.found for v in violating),
        "missed_by_wear": {
            w.value: rate(not v.found for v in violating if w in v.wears) for w in (Wear.BARE, Wear.WRONG)
        },
        "false": rate(v.false > 0 for v in proper),
        "doubled": rate(v.doubled for v in violating),
        "complied": rate(bool(v.complied) for v in comply),
        "complied_wrongly": rate(bool(v.complied) for v in never),
        "decided_after_s": {
            "median": round(median(delays), 3) if delays else None,
            "p95": round(delays[math.ceil(0.95 * len(delays)) - 1], 3) if delays else None,
        },
        "tracks_per_visit": round(sum(len(v.tracks) for v in visits) / len(visits), 3) if visits else None,
        "identity_switches": sum(v.switched for v in visits),
    }


def grouped(visits: Iterable[JudgedVisit], key: Callable[[JudgedVisit], Any]) -> dict[str, Any]:
    """The figures of each group of visits, by what ``key`` says of them."""
    groups: dict[Any, list[JudgedVisit]] = {}
    for v in visits:
        groups.setdefault(key(v), []).append(v)
    return {f"{k:g}" if isinstance(k, float) else str(k): figures(groups[k]) for k in sorted(groups)}


def rate(hits: Iterable[bool]) -> dict[str, Any]:
    """A share with its 95 % Wilson interval; None where there is nothing to share."""
    each = list(hits)
    n, count = len(each), sum(each)
    if n == 0:
        return {"count": 0, "of": 0, "share": None, "low": None, "high": None}
    z, p = 1.959964, count / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return {"count": count, "of": n, "share": round(p, 4), "low": round(low, 4), "high": round(high, 4)}


def expectations(visits: Sequence[JudgedVisit]) -> dict[str, Any]:
    """Each expectation, what was measured, and whether it is met."""
    every, at_10 = figures(visits), figures([v for v in visits if v.fps == 10])
    measured = {
        "doubled at 10 fps": at_10["doubled"]["share"],
        "missed": every["missed"]["share"],
        "missed, no mask": every["missed_by_wear"][Wear.BARE.value]["share"],
        "false": every["false"]["share"],
        "median s to decide": every["decided_after_s"]["median"],
    }
    return {
        name: {"at_most": most, "measured": found, "met": found is not None and found <= most}
        for name, most in EXPECTED.items()
        for found in [measured[name]]
    }


def table(report: dict[str, Any]) -> str:
    """A report of ``edge.bench.decisions`` for people."""
    head = (
        f"{'':22}{'visits':>7}"
        + "".join(f"{c:>17}" for c in ("missed", "false", "doubled"))
        + f"{'decided after':>16}"
    )
    lines = [f"faces: {report['faces']['kind']}, {report['faces']['used']}", "", head]
    lines.append(_line("all", report["all"]))
    for name, key in (("fps", "by_fps"), ("together", "by_group"), ("", "by_kind")):
        lines += [_line(f"{k} {name}", f) for k, f in report[key].items()]
    lines.append("")
    for name, e in report["expected"].items():
        lines.append(
            f"{name:22}{e['measured']!s:>8}  at most {e['at_most']:<6} {'met' if e['met'] else 'NOT MET'}"
        )
    lines.append(f"violations of nobody: {report['violations_of_nobody']} in {report['scene_minutes']} min")
    return "\n".join(lines)


def _line(name: str, f: dict[str, Any]) -> str:
    after = f["decided_after_s"]
    took = "-" if after["median"] is None else f"{after['median']:.2f} / {after['p95']:.2f} s"
    shares = "".join(f"{_share(f[key]):>17}" for key in ("missed", "false", "doubled"))
    return f"{name:22}{f['visits']:>7}{shares}{took:>16}"


def _share(r: dict[str, Any]) -> str:
    return "-" if r["of"] == 0 else f"{r['share']:.1%} of {r['of']}"
