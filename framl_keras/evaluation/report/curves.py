"""ROC and DET curves over a logarithmic false accept rate."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, PercentFormatter

from framl_keras.evaluation.evaluate import Result
from framl_keras.evaluation.report.style import COLOURS, DASHES
from framl_keras.evaluation.roc import Roc

LEAST_IN_PERCENT = 5e-5  # 0.01 % is still read at a glance
MAX_POINTS = 2000  # on paper; all points of a million pairs make a file of 100 MB


def roc_figure(results: Sequence[Result]) -> Figure:
    """True accept rate over false accept rate, one line for each result of a set."""
    figure, axes = _axes(results, f"{results[0].set_name}: ROC")
    for number, (name, result) in enumerate(_distinct(results)):
        fpr, tpr = thinned(result.verification.roc)
        label = f"{name} (AUC {result.verification.auc:.4f})"
        axes.plot(fpr, tpr, label=label, **_line(number))
    axes.set_ylabel("True accept rate (same-pairs accepted)")
    axes.set_ylim(0, 1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.legend(loc="lower right")
    return figure


def det_figure(results: Sequence[Result]) -> Figure:
    """False reject rate over false accept rate, both logarithmic."""
    figure, axes = _axes(results, f"{results[0].set_name}: DET (lower is better)")
    least = 1 / results[0].verification.num_same
    ends = np.geomspace(min(least, 0.1), 1, 20)
    axes.plot(ends, ends, color="#999999", linewidth=0.8, label="equal error rates")
    for number, (name, result) in enumerate(_distinct(results)):
        fpr, tpr = thinned(result.verification.roc)
        shown = tpr < 1
        label = f"{name} (EER {result.verification.eer:.2%})"
        axes.plot(fpr[shown], 1 - tpr[shown], label=label, **_line(number))
    axes.set_ylabel("False reject rate (same-pairs rejected; log scale)")
    axes.set_yscale("log")
    axes.set_ylim(least / 1.5, 1.1)
    label_decades(axes.yaxis)
    axes.legend(loc="lower left", frameon=True, framealpha=0.9, edgecolor="none")
    return figure


def _distinct(results: Sequence[Result]) -> list[tuple[str, Result]]:
    """Names and results; those with the same curve share a line: `diff` and `cos` always do."""
    groups: dict[bytes, list[Result]] = {}
    for result in results:
        curve = np.concatenate(thinned(result.verification.roc))
        groups.setdefault(curve.tobytes(), []).append(result)
    return [(" = ".join(map(_name, group)), group[0]) for group in groups.values()]


def _axes(results: Sequence[Result], title: str) -> tuple[Figure, Axes]:
    """Axes over the false accept rates that the number of different-pairs supports."""
    count = results[0].verification.num_different
    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xscale("log")
    axes.set_xlim(0.8 / count, 1.05)
    label_decades(axes.xaxis)
    axes.set_xlabel(f"False accept rate (of {count:,} different-pairs; log scale)")
    axes.set_title(title, loc="left")
    return figure, axes


def label_decades(axis: Axis) -> None:
    """Labels each decade of an axis of rates: in percent, or in powers where it goes below 1e-4.

    Over less than two and a half decades, 2 and 5 times each are labeled too.
    """
    low, high = axis.get_view_interval()
    label = percent_label if low >= LEAST_IN_PERCENT else power_label
    is_short = high < 300 * low
    axis.set_major_locator(LogLocator(numticks=20))
    axis.set_major_formatter(FuncFormatter(lambda rate, _: label(rate)))
    axis.set_minor_locator(LogLocator(subs=(2, 5) if is_short else range(2, 10), numticks=200))
    minor = FuncFormatter(lambda rate, _: label(rate)) if is_short else NullFormatter()
    axis.set_minor_formatter(minor)


def percent_label(rate: float) -> str:
    """A rate as text.

    Example:
    >>> [percent_label(rate) for rate in (1.0, 0.1, 0.005, 1e-4)]
    ['100 %', '10 %', '0.5 %', '0.01 %']
    """
    return f"{100 * rate:.3g} %"


def power_label(rate: float) -> str:
    """A rate as a power of ten, in TeX.

    Example:
    >>> [power_label(rate) for rate in (1.0, 1e-5)]
    ['$10^{0}$', '$10^{-5}$']
    """
    return f"$10^{{{round(float(np.log10(rate)))}}}$"


def thinned(roc: Roc) -> tuple[np.ndarray, np.ndarray]:
    """The curve as steps from the first false accept on, `(points,), (points,)`.

    Between two false accept rates, the true accept rate of the lower one is reached.
    """
    last = np.flatnonzero(np.append(np.diff(roc.fpr) > 0, True))  # the best of each rate
    fpr, tpr = roc.fpr[last], roc.tpr[last]
    if fpr[0] == 0 and len(fpr) > 1:
        fpr[0] = fpr[1] / 2  # no false accept has no place on a logarithmic axis
    if len(fpr) > MAX_POINTS:
        wanted = np.geomspace(fpr[0], 1, MAX_POINTS)
        kept = np.unique(np.minimum(np.searchsorted(fpr, wanted), len(fpr) - 1))
        fpr, tpr = fpr[kept], tpr[kept]
    return fpr, tpr


def _name(result: Result) -> str:
    return result.similarity if result.source == "model" else result.source


def _line(number: int) -> dict[str, Any]:
    """Color and dashes, so that lines on top of each other stay visible."""
    return {
        "color": COLOURS[number % len(COLOURS)],
        "linestyle": DASHES[number % len(DASHES)],
        "linewidth": 2.4 - 0.2 * min(number, 5),
        "drawstyle": "steps-post",
    }
