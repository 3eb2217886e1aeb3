"""A picture of training images as the trainer sees them, each with its label."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from framl_keras.data.atomic import write_beside
from framl_keras.data.checking.legible import legible

_LABEL, _GAP, _DPI = 16, 4, 100  # pixels, pixels, dots per inch
_POINTS = 7.5


def save_contact_sheet(
    images: np.ndarray, labels: Sequence[str], path: Path, columns: int = 12
) -> None:
    """Writes a PNG of images in rows, each above its label.

    Labels that cannot be drawn are numbers, which `<path>.legend.txt` explains.

    Args:
        images: RGB uint8, `(n, height, width, 3)`.
        labels: what stands below each.
        path: the PNG.
        columns: images in a row.
    """
    drawn, fonts, legend = legible(labels)
    sheet, corners = arrange(images, columns)
    height, width = sheet.shape[:2]
    figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI)
    FigureCanvasAgg(figure)
    figure.figimage(sheet, origin="upper")
    tall, wide = images.shape[1:3]
    for (top, left), label in zip(corners, drawn, strict=True):
        figure.text(
            (left + wide / 2) / width,
            1 - (top + tall + _LABEL / 2) / height,
            _shortened(label, wide),
            fontsize=_POINTS,
            family=fonts,
            ha="center",
            va="center",
            parse_math=False,
        )
    with write_beside(path) as file:
        figure.savefig(file, dpi=_DPI)
    if legend:
        lines = "".join(f"{number}\t{_one_line(label)}\n" for number, label in legend.items())
        with write_beside(legend_path(path)) as file:
            file.write_text(lines, encoding="utf-8", errors="backslashreplace")


def legend_path(path: Path) -> Path:
    """Where the legend of a contact sheet goes."""
    return path.with_name(f"{path.name}.legend.txt")


def arrange(images: np.ndarray, columns: int) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """One white picture that holds all images, and each one's top left corner."""
    count, height, width = images.shape[:3]
    columns = min(columns, count)
    rows = -(-count // columns)
    shape = (rows * (height + _LABEL + _GAP) + _GAP, columns * (width + _GAP) + _GAP, 3)
    sheet = np.full(shape, 255, dtype=np.uint8)
    corners = []
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        top, left = _GAP + row * (height + _LABEL + _GAP), _GAP + column * (width + _GAP)
        sheet[top : top + height, left : left + width] = image
        corners.append((top, left))
    return sheet, corners


def _shortened(label: str, width: int) -> str:
    """As much of a label as fits below an image."""
    most = max(4, width // 7)
    return label if len(label) <= most else label[: most - 1] + "…"


def _one_line(label: str) -> str:
    return label.encode("unicode_escape").decode() if len(label.splitlines()) > 1 else label
