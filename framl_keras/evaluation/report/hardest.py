"""The pairs that a model gets most wrong, as images."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from framl_keras.data.pairs import PairSet
from framl_keras.data.sources import Sample
from framl_keras.data.transforms import decode, resize
from framl_keras.evaluation.evaluate import Result
from framl_keras.similarities import get

COUNT = 6
SIDE = 112


def hardest_pairs(distance: np.ndarray, is_same: np.ndarray, count: int = COUNT) -> np.ndarray:
    """Positions of the farthest same-pairs, then of the nearest different-pairs."""
    same, different = np.flatnonzero(is_same), np.flatnonzero(~is_same)
    farthest = same[np.argsort(-distance[same], kind="stable")[:count]]
    nearest = different[np.argsort(distance[different], kind="stable")[:count]]
    return np.concatenate([farthest, nearest])


def hardest_figure(result: Result, pairs: PairSet) -> Figure:
    """The hardest pairs of a result, each as two images with their score and keys."""
    verification = result.verification
    chosen = hardest_pairs(verification.distance, verification.is_same)
    columns = 3
    kinds = (
        ("Same identity, judged least alike", [i for i in chosen if verification.is_same[i]]),
        (
            "Different identities, judged most alike",
            [i for i in chosen if not verification.is_same[i]],
        ),
    )
    rows = [-(-len(kind) // columns) for _, kind in kinds]
    size = (3.4 * columns, 2.1 * sum(rows) + 0.9)
    figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(wspace=0.06))
    parts: Any = figure.subfigures(2, 1, height_ratios=rows)
    for part, count, (title, positions) in zip(parts, rows, kinds, strict=True):
        part.suptitle(f"{result.set_name}, {verification.similarity}: {title}", fontsize=11)
        panels = np.atleast_1d(part.subplots(count, columns)).ravel()
        for axes in panels:
            axes.set_axis_off()
        for axes, position in zip(panels, positions, strict=False):
            _show_pair(axes, pairs, int(position), result)
    return figure


def _show_pair(axes: Axes, pairs: PairSet, position: int, result: Result) -> None:
    left, right = (pairs.images[int(i)] for i in pairs.pairs[position])
    gap = np.full((SIDE, 2, 3), 255, dtype=np.uint8)
    axes.imshow(np.hstack([_pixels(left), gap, _pixels(right)]))
    verification = result.verification
    value = get(verification.similarity).value_of(verification.distance[position])
    is_wrong = not verification.is_right[position]
    verdict = "wrong" if is_wrong else "right"
    names = f"{_short(left.key)}  |  {_short(right.key)}"
    axes.set_title(f"{value:.3f} ({verdict})\n{names}", fontsize=8)


def _pixels(sample: Sample) -> np.ndarray:
    return resize(decode(sample), SIDE)


def _short(key: str) -> str:
    """The end of a key, without dollar signs that would be taken for formulas."""
    name = "/".join(key.replace("\\", "/").split("/")[-2:])
    return name[-24:].replace("$", r"\$")
