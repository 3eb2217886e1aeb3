"""How all plots look: colors that the color-blind tell apart, one file as PNG and SVG."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from framl_keras.data.atomic import write_beside

# Okabe and Ito's colors, without the yellow that is lost on white
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES: tuple[tuple[int, tuple[float, ...] | None], ...] = (
    (0, None),
    (0, (5, 2)),
    (0, (1, 1.5)),
    (0, (6, 2, 1, 2)),
    (0, (3, 1)),
    (0, (8, 3)),
    (0, (2, 3)),
)
SAME, DIFFERENT = COLOURS[0], COLOURS[1]

_SETTINGS: Any = {
    "font.size": 10,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "framl-keras",
}


@contextmanager
def plot_style() -> Iterator[None]:
    """A context in which figures have the project's style."""
    with matplotlib.rc_context(_SETTINGS):
        yield


def save_both(figure: Figure, folder: Path, name: str) -> None:
    """Writes `name.png` and `name.svg`; no window opens."""
    with write_beside(folder / f"{name}.png") as file:
        figure.savefig(file, dpi=150)
    with write_beside(folder / f"{name}.svg") as file:
        figure.savefig(file, metadata={"Date": None})
