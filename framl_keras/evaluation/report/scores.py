"""How same-pairs and different-pairs score, and what the threshold makes of them."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from framl_keras.evaluation.evaluate import Result
from framl_keras.evaluation.report.style import DIFFERENT, SAME
from framl_keras.similarities import get

BINS = 50
MEASURES = {
    "diff": "Squared L2 distance (lower is more alike)",
    "cos": "Cosine (higher is more alike)",
    "corr": "Peak of the cross-correlation (higher is more alike)",
    "fft_corr": "Peak of the cross-correlation, Fourier (higher is more alike)",
    "direct_corr": "Peak of the cross-correlation, direct (higher is more alike)",
    "ssim": "Structural similarity (higher is more alike)",
}


def histogram_figure(results: Sequence[Result]) -> Figure:
    """Scores of the two kinds of pairs, one panel for each result of a set."""
    figure = Figure(figsize=(6.4, 0.6 + 2.6 * len(results)), layout="constrained")
    figure.suptitle(f"{results[0].set_name}: scores of same-pairs and different-pairs")
    for axes, result in zip(np.atleast_1d(figure.subplots(len(results))), results, strict=True):
        verification = result.verification
        value = get(verification.similarity).value_of(verification.distance)
        edges = np.linspace(value.min(), max(value.max(), value.min() + 1e-9), BINS + 1)
        kinds = (
            ("same", verification.is_same, SAME),
            ("different", ~verification.is_same, DIFFERENT),
        )
        for name, kind, color in kinds:
            weights = np.full(kind.sum(), 100 / kind.sum())
            label = f"{name} ({kind.sum():,} pairs)"
            axes.hist(value[kind], edges, weights=weights, color=color, alpha=0.35)
            axes.hist(
                value[kind], edges, weights=weights, histtype="step", color=color, label=label
            )
        threshold = float(get(verification.similarity).value_of(np.asarray(verification.threshold)))
        axes.axvline(
            threshold, color="black", linestyle="--", label=f"mean threshold {threshold:.3f}"
        )
        axes.set_xlabel(MEASURES[verification.similarity])
        axes.set_ylabel("Pairs of a kind (%)")
        axes.set_title(_name(result), loc="left")
        axes.legend(loc="best", fontsize=8)
    return figure


def confusion_figure(results: Sequence[Result]) -> Figure:
    """Right and wrong decisions over all folds, one panel for each result of a set."""
    columns = min(3, len(results))
    rows = -(-len(results) // columns)
    figure = Figure(figsize=(3.3 * columns, 0.6 + 3.2 * rows), layout="constrained")
    figure.suptitle(f"{results[0].set_name}: decisions at each fold's threshold")
    panels = np.atleast_1d(figure.subplots(rows, columns)).ravel()
    for axes in panels[len(results) :]:
        axes.set_axis_off()
    for axes, result in zip(panels, results, strict=False):
        total = result.verification.confusion
        counts = np.array([[total.tp, total.fn], [total.fp, total.tn]])
        shares = counts / counts.sum(axis=1, keepdims=True)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for (row, column), share in np.ndenumerate(shares):
            text = f"{counts[row, column]:,}\n{share:.1%}"
            color = "white" if share > 0.5 else "black"
            axes.text(column, row, text, ha="center", va="center", color=color)
        axes.set_xticks([0, 1], ["same", "different"])
        axes.set_yticks([0, 1], ["same", "different"], rotation=90, va="center")
        axes.set_xlabel("Judged to be")
        axes.set_ylabel("Is")
        axes.grid(False)
        axes.set_title(f"{_name(result)}: {result.accuracy:.2%}")
    return figure


def _name(result: Result) -> str:
    return result.similarity if result.source == "model" else result.source
