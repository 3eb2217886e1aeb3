"""A picture of photos with the landmarks that were found."""

from pathlib import Path

import cv2
import numpy as np

from framl_keras.data.checking.contact_sheet import save_contact_sheet
from framl_keras.data.decode import decode
from framl_keras.data.files import ImageFiles
from framl_keras.photos.align import draw_landmarks
from framl_keras.photos.landmarks_table import LandmarksTable, photos_of

SIDE, MOST = 160, 60  # pixels of a photo in the sheet, and photos


def save_landmark_sheet(source: str | Path, table: str | Path, path: str | Path) -> int:
    """Writes a PNG of photos, evenly chosen from a table, with boxes and landmarks drawn.

    Args:
        source: the folder of the photos.
        table: what `align_folder` wrote.
        path: the PNG.

    Returns:
        The number of photos shown.
    """
    root, landmarks = Path(source), LandmarksTable(table, source)
    names = photos_of(table)
    chosen = [names[i] for i in np.unique(np.linspace(0, len(names) - 1, MOST).astype(int))]
    drawn = []
    for name in chosen:
        photo = decode(ImageFiles([root / name])[0])
        drawn.append(_fitted(draw_landmarks(photo, landmarks.detect(photo, name))))
    save_contact_sheet(
        np.stack(drawn), [Path(name).name for name in chosen], Path(path), columns=10
    )
    return len(chosen)


def _fitted(image: np.ndarray) -> np.ndarray:
    """An image scaled into a white square."""
    scale = SIDE / max(image.shape[:2])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    canvas = np.full((SIDE, SIDE, 3), 255, np.uint8)
    top, left = (SIDE - size[1]) // 2, (SIDE - size[0]) // 2
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas[top : top + size[1], left : left + size[0]] = cv2.resize(image, size, interpolation=kind)
    return canvas
