"""A picture of training images as the trainer sees them, each with its label."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from framl_keras.data.atomic import write_beside

_LABEL, _GAP, _DPI = 16, 4, 100  # pixels, pixels, dots per inch
_POINTS = 7.5


def save_contact_sheet(
    images: np.ndarray, labels: Sequence[str], path: Path, columns: int = 12
) -> None:
    """Writes a PNG of images in rows, each above its label.

    Args:
        images: RGB uint8, `(n, size, size, 3)`.
        labels: what stands below each.
        path: the PNG.
        columns: images in a row.
    """
    sheet, corners = arrange(images, columns)
    height, width = sheet.shape[:2]
    figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI)
    FigureCanvasAgg(figure)
    figure.figimage(sheet, origin="upper")
    size = images.shape[1]
    for (top, left), label in zip(corners, labels, strict=True):
        figure.text(
            (left + size / 2) / width,
            1 - (top + size + _LABEL / 2) / height,
            _shortened(label, size),
            fontsize=_POINTS,
            ha="center",
            va="center",
            parse_math=False,
        )
    with write_beside(path) as file:
        figure.savefig(file, dpi=_DPI)


def arrange(images: np.ndarray, columns: int) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """One white picture that holds all images, and each one's top left corner."""
    count, size = images.shape[:2]
    columns = min(columns, count)
    rows = -(-count // columns)
    shape = (rows * (size + _LABEL + _GAP) + _GAP, columns * (size + _GAP) + _GAP, 3)
    sheet = np.full(shape, 255, dtype=np.uint8)
    corners = []
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        top, left = _GAP + row * (size + _LABEL + _GAP), _GAP + column * (size + _GAP)
        sheet[top : top + size, left : left + size] = image
        corners.append((top, left))
    return sheet, corners


def _shortened(label: str, size: int) -> str:
    """As much of a label as fits below an image."""
    most = max(4, size // 7)
    text = "".join(char if char.isprintable() else "?" for char in label)
    return text if len(text) <= most else text[: most - 1] + "…"
