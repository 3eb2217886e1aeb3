"""The cumulative match characteristic of an identification."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from framl_keras.evaluation.identification import Identification
from framl_keras.evaluation.report.style import COLOURS, plot_style, save_both


def cmc_figure(identification: Identification, similarity: str) -> Figure:
    """A figure of the rank-k identification rate over k."""
    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    axes = figure.add_subplot()
    ranks = np.arange(1, len(identification.cmc) + 1)
    axes.plot(
        ranks, identification.cmc, color=COLOURS[0], marker="o", markersize=4, label=similarity
    )
    axes.set_title(f"CMC: rank-1 {identification.rank(1):.2%}", loc="left")
    axes.set_xlabel(f"Rank k (of {identification.num_gallery:,} in the gallery)")
    axes.set_ylabel(f"Found among the best k (of {identification.num_mated:,} probes)")
    axes.set_xlim(0.5, len(identification.cmc) + 0.5)
    axes.set_ylim(min(0.9, float(identification.cmc[0]) - 0.05), 1.005)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.legend(loc="lower right")
    return figure


def write_cmc(identification: Identification, similarity: str, folder: Path) -> None:
    """Writes `cmc.png` and `cmc.svg` into a folder, making it."""
    folder.mkdir(parents=True, exist_ok=True)
    with plot_style():
        save_both(cmc_figure(identification, similarity), folder, "cmc")
