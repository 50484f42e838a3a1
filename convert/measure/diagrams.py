"""ROC and reliability as PNG. matplotlib's Figure alone: no pyplot, no window, no global state."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.measure.calibrate import logits_of
from convert.measure.intervals import MAX_FPR
from convert.measure.scoring import Scored

Floats = NDArray[np.float64]

COLOURS = {"masked": "#2a9d8f", "not_masked": "#d1495b", "incorrect": "#c98a1b"}
_INK, _PALE = "#22313f", "#9aa7b1"
_DPI = 130


def draw_roc(faces: Sequence[Scored], report: dict[str, Any], path: Path) -> None:
    """The whole ROC curve, and its low false positive rates on a log axis.

    Args:
        faces: masked and not_masked ones; wrongly worn masks get a curve of their own where there are any.
        report: of ``evaluate``.
        path: the PNG.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415  `evaluate` without pictures does not need it

    figure = Figure(figsize=(11.5, 5.4), layout="constrained")
    whole, low = figure.subplots(1, 2)
    figure.suptitle(_title(report), color=_INK, fontsize=10, parse_math=False)
    logits, label = logits_of(list(faces)), np.array([f.record.label for f in faces])
    auc = _with_interval(report, "roc_auc")
    curves = [("not_masked", f"masked against not masked, AUC {auc}")]
    if (label == "incorrect").any():
        curves.append(("incorrect", "masked against worn wrongly"))
    for axes, what in ((whole, "all of it"), (low, "low false positive rates")):
        axes.set_title(what, fontsize=9, color=_INK)
        for name, text in curves:
            fpr, tpr = roc_curve(logits[label == "masked"], logits[label == name])
            axes.step(fpr, tpr, where="post", color=COLOURS[name], label=text, lw=1.8, zorder=3)
        _operating_points(axes, report, [name for name, _ in curves])
        axes.set_ylabel("true positive rate: masked faces accepted")
        _tidy(axes)
    whole.plot([0, 1], [0, 1], ls=":", color=_PALE, lw=1)
    whole.set(xlim=(-0.01, 1), ylim=(0, 1.01), xlabel="false positive rate: other faces called masked")
    whole.legend(loc="lower right", frameon=False, fontsize=9)
    _low_rates(low, logits[label == "masked"], logits[label == "not_masked"], report)
    figure.savefig(path, dpi=_DPI)


def roc_curve(positive: Floats, negative: Floats) -> tuple[Floats, Floats]:
    """(K,) false and true positive rates, from (0, 0) to (1, 1), one point a distinct score.

    Args:
        positive: (P,) scores, higher means more positive.
        negative: (N,) the same.
    """
    scores = np.unique(np.concatenate([positive, negative]))[::-1]
    below = [np.searchsorted(np.sort(x), scores) / len(x) for x in (negative, positive)]
    fpr, tpr = (np.concatenate([[0.0], 1 - share]) for share in below)
    return fpr, tpr


def _operating_points(axes: Any, report: dict[str, Any], names: Sequence[str]) -> None:  # noqa: ANN401
    for i, name in enumerate(names):
        counts = report["confusion"][name]
        fpr = counts["masked"] / (counts["masked"] + counts["not_masked"])
        axes.plot(
            [fpr],
            [report["masked_accepted"]],
            "o",
            color=COLOURS[name],
            markeredgecolor="white",
            ms=9,
            zorder=5,
            label=None if i else f"at the device's threshold, {report['threshold']:.2f}",
        )


def _low_rates(axes: Any, masked: Floats, plain: Floats, report: dict[str, Any]) -> None:  # noqa: ANN401
    fpr, tpr = roc_curve(masked, plain)
    first = min(1e-3, 1 / len(plain))
    floor = min(0.95, float(tpr[fpr <= max(1e-3, first)].max()), report["masked_accepted"])
    floor = np.floor((floor - 0.01) * 20) / 20
    axes.set_xscale("log")
    axes.set(xlim=(first * 0.8, 1), ylim=(max(0.0, floor), 1 + (1 - floor) * 0.02))
    axes.set_xlabel("false positive rate, log scale")
    axes.axvline(MAX_FPR, color=_PALE, ls="--", lw=1, zorder=1)
    value, bounds = report["tpr_at_fpr_0.01"], report["intervals"]["tpr_at_fpr_0.01"]
    reach = [[max(0.0, value - bounds[0])], [max(0.0, bounds[1] - value)]]
    axes.errorbar([MAX_FPR], [value], yerr=reach, fmt="D", color=_INK, ms=5, capsize=4, lw=1.2, zorder=6)
    axes.annotate(
        f"at 1 % false positives:\n{_with_interval(report, 'tpr_at_fpr_0.01')}",
        (MAX_FPR, 0.04),
        xycoords=("data", "axes fraction"),
        xytext=(6, 0),
        textcoords="offset points",
        fontsize=9,
        color=_INK,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5},
        zorder=7,
    )


def draw_reliability(faces: Sequence[Scored], report: dict[str, Any], path: Path, bins: int = 10) -> None:
    """Stated probability against the observed share, by bins, over a histogram of what was stated.

    Args:
        faces: of both sides: masked, and any other.
        report: of ``evaluate``.
        path: the PNG.
        bins: equal ones from 0 to 1.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(6.6, 7.4), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(2.4, 1))
    figure.suptitle(_title(report), color=_INK, fontsize=10, parse_math=False)
    stated = np.array([f.score.probability for f in faces])
    label = np.array([f.record.label for f in faces])
    place = np.minimum((stated * bins).astype(int), bins - 1)
    used = np.unique(place)
    mean = np.array([stated[place == b].mean() for b in used])
    so = np.array([(label[place == b] == "masked").mean() for b in used])
    count = np.array([(place == b).sum() for b in used])
    low, high = _wilson(so, count)
    top.plot([0, 1], [0, 1], ls=":", color=_PALE, label="perfect")
    top.plot(mean, so, color=COLOURS["masked"], lw=1, alpha=0.5)
    top.errorbar(
        mean, so, yerr=[so - low, high - so], fmt="o", color=COLOURS["masked"], capsize=3, ms=6, lw=1.2
    )
    for x, y, n in zip(mean, so, count, strict=True):
        left = x > 0.9  # inside the axes
        top.annotate(
            f"{n}",
            (x, y),
            xytext=(-7 if left else 7, 4),
            textcoords="offset points",
            ha="right" if left else "left",
            fontsize=8,
            color=_INK,
        )
    top.set(xlim=(0, 1), ylim=(-0.04, 1.05), ylabel="share of the bin's faces that wear a mask properly")
    top.set_title(
        f"expected calibration error {report['calibration_error']:.4f}; "
        "numbers: faces in the bin; bars: 95 % of that many",
        fontsize=9,
        color=_INK,
    )
    names = [name for name in COLOURS if (label == name).any()]
    bottom.hist(
        [stated[label == name] for name in names],
        bins=np.linspace(0, 1, bins + 1),
        label=[name.replace("_", " ") for name in names],
        color=[COLOURS[name] for name in names],
    )
    bottom.set_yscale("log")
    bottom.set(xlabel="mask_probability stated by the device", ylabel="faces, log scale")
    bottom.set_ylim(0.7, 8 * count.max())
    bottom.legend(frameon=False, fontsize=8, loc="upper center", ncols=len(names))
    for axes in (top, bottom):
        axes.axvline(report["threshold"], color=_INK, ls="--", lw=1, label="the device's threshold", zorder=1)
        _tidy(axes)
    top.legend(frameon=False, fontsize=8, loc="upper left")
    figure.savefig(path, dpi=_DPI)


def _wilson(share: Floats, count: NDArray[np.int_]) -> tuple[Floats, Floats]:
    """(K,) bounds of shares, at 95 %."""
    z = 1.96
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    reach = z / (1 + z * z / count) * np.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    # Rounding may put a bound of 0 or 1 on the wrong side of the share
    return np.minimum(middle - reach, share), np.maximum(middle + reach, share)


def _title(report: dict[str, Any]) -> str:
    split = f", split {report['split']}" if report["split"] else ""
    return f"{report['model']} on {report['data']}{split}: {report['faces']} faces"


def _with_interval(report: dict[str, Any], figure: str) -> str:
    low, high = report["intervals"][figure]
    return f"{report[figure]:.4f} [{low:.4f}, {high:.4f}]"


def _tidy(axes: Any) -> None:  # noqa: ANN401
    axes.grid(visible=True, color="#e6eaed", lw=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
