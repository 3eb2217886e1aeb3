"""Writes a report's files into a folder."""

import json
import platform
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from framl_keras.data.atomic import write_beside
from framl_keras.data.pairs import PairSet
from framl_keras.evaluation.evaluate import Result
from framl_keras.evaluation.report.curves import det_figure, roc_figure
from framl_keras.evaluation.report.hardest import hardest_figure
from framl_keras.evaluation.report.numbers import numbers_of, plain, test_numbers
from framl_keras.evaluation.report.page import page_of
from framl_keras.evaluation.report.scores import confusion_figure, histogram_figure
from framl_keras.evaluation.report.style import plot_style, save_both
from framl_keras.evaluation.significance import paired_test
from framl_keras.evaluation.table import HEADER, notes_of, shared_rows
from framl_keras.version import __version__

MODULES = ("keras", "numpy", "cv2", "matplotlib", "tensorflow", "jax", "torch")

FIGURES = {
    "roc.svg": roc_figure,
    "det.svg": det_figure,
    "scores.svg": histogram_figure,
    "confusion.svg": confusion_figure,
}


def write_report(
    folder: Path,
    results: Sequence[Result],
    pair_sets: Sequence[PairSet],
    facts: dict[str, Any],
    plots: bool = True,
    images: bool = True,
) -> Path:
    """Writes `results.json`, `scores.npz`, plots as PNG and SVG, and `report.html`.

    Args:
        folder: where to; it is made if it does not exist.
        results: see `evaluate`.
        pair_sets: the sets that they are about.
        facts: see `facts_of`.
        plots: whether to draw.
        images: whether the sets have images, to show the hardest pairs.

    Returns:
        The page.

    Example:
    >>> write_report(results, pair_sets, Path("report"))  # doctest: +SKIP
    """
    folder.mkdir(parents=True, exist_ok=True)
    numbers = [numbers_of(result) for result in results]
    tests = _tests(results, pair_sets)
    content = {"facts": plain(facts), "results": numbers, "tests": tests}
    with write_beside(folder / "results.json") as file:
        file.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
    _write_scores(folder / "scores.npz", results, pair_sets)
    drawn = _draw(folder, results, pair_sets, images) if plots else {}
    table = (HEADER, shared_rows(results))
    page = page_of(_title(pair_sets), table, notes_of(results), numbers, tests, drawn, facts)
    with write_beside(folder / "report.html") as file:
        file.write_text(page, encoding="utf-8")
    return folder / "report.html"


def _title(pair_sets: Sequence[PairSet]) -> str:
    return "Verification: " + ", ".join(pairs.name for pairs in pair_sets)


def _tests(results: Sequence[Result], pair_sets: Sequence[PairSet]) -> list[dict[str, Any]]:
    """Each set's first result against its others under the same protocol."""
    tests = []
    for pairs in pair_sets:
        first, *others = _shown(results, pairs.name)
        for other in others:
            test = paired_test(first.verification, other.verification)
            tests.append(test_numbers(first, other, test))
    return tests


def _shown(results: Sequence[Result], name: str) -> list[Result]:
    """A set's results under its first protocol: the curves do not depend on it."""
    of_set = [result for result in results if result.set_name == name]
    return [r for r in of_set if r.verification.protocol == of_set[0].verification.protocol]


def _write_scores(path: Path, results: Sequence[Result], pair_sets: Sequence[PairSet]) -> None:
    """Writes the distance of every pair, for plots and tests of your own."""
    arrays: dict[str, np.ndarray] = {}
    for pairs in pair_sets:
        arrays[f"{pairs.name}/pairs"], arrays[f"{pairs.name}/is_same"] = pairs.pairs, pairs.is_same
    for result in results:
        name = f"{result.set_name}/{result.source}/{result.similarity}"
        arrays[f"{name}/{result.verification.protocol}"] = result.verification.distance
    with write_beside(path) as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def _draw(
    folder: Path, results: Sequence[Result], pair_sets: Sequence[PairSet], images: bool
) -> dict[str, list[Path]]:
    """Draws all plots; returns, for each set, the files that the page shows."""
    drawn = {}
    for pairs in pair_sets:
        shown = _shown(results, pairs.name)
        with plot_style():
            figures = {file: figure_of(shown) for file, figure_of in FIGURES.items()}
            if images:
                figures["hardest.png"] = hardest_figure(shown[0], pairs)
            drawn[pairs.name] = [
                _save(folder, pairs.name, file, figure) for file, figure in figures.items()
            ]
    return drawn


def _save(folder: Path, set_name: str, file: str, figure: Figure) -> Path:
    """Writes a figure as PNG and SVG; returns the one that the page shows."""
    path = folder / f"{re.sub(r'[^A-Za-z0-9._-]+', '_', set_name)}-{file}"
    save_both(figure, folder, path.stem)
    return path


def facts_of(backend: str | None = None, **more: Any) -> dict[str, Any]:
    """Versions of the loaded packages, platform, time, and further facts.

    Args:
        backend: name of the Keras backend; None without Keras.
        **more: further facts, such as `run` or `weights`.

    Example:
    >>> facts_of("torch", run="runs/mine")["run"]
    'runs/mine'
    """
    loaded = [name for name in MODULES if name in sys.modules]
    return {
        "framl_keras": __version__,
        "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "backend": backend,
        "versions": {name: sys.modules[name].__version__ for name in loaded},
        **more,
    }
