"""Landmarks that were found elsewhere, from a CSV."""

import csv
import hashlib
import io
from pathlib import Path

import numpy as np

from framl_keras.errors import UserError
from framl_keras.photos.face import Face

POINTS = tuple(f"{axis}{n}" for n in range(1, 6) for axis in "xy")
BOX = ("left", "top", "width", "height")
LARGEST_TABLE = 1 << 31


class LandmarksTable:
    """A detector that looks faces up in a CSV.

    The first line names the columns: `photo` and `x1,y1 … x5,y5`, in pixels, in the order of
    `face.LANDMARKS`; `score` and `left,top,width,height` may be there. A photo with several faces
    has several lines. `framl-keras align` writes such a table, which may be corrected by hand.

    Args:
        path: the CSV; its photos are named as they are given to `align`, or relative to `root`.
        root: the folder that the photos' names start from.

    Raises:
        UserError: if the file is missing or no such table; a line is named.

    Example:
    >>> align_folder("photos", "faces", LandmarksTable("landmarks.csv"))  # doctest: +SKIP
    """

    name = "table"

    def __init__(self, path: str | Path, root: str | Path | None = None):
        self.path, self.root = Path(path), Path(root) if root is not None else None
        content = _read(self.path)
        self.sha256 = hashlib.sha256(content).hexdigest()
        self._faces: dict[str, list[Face]] = {}
        for number, row in _rows(self.path, content):
            face = _face(row, f"{self.path}:{number}")
            if face is not None:
                self._faces.setdefault(row["photo"], []).append(face)

    def detect(self, image: np.ndarray, key: str = "") -> list[Face]:
        """The faces that the table has for the photo `key`.

        Raises:
            UserError: if a landmark lies far outside the photo.
        """
        faces = self._faces.get(self._name(key), self._faces.get(key, []))
        height, width = image.shape[:2]
        for face in faces:
            margin = 0.5 * np.array([width, height])
            inside = (face.landmarks >= -margin) & (
                face.landmarks <= np.array([width, height]) + margin
            )
            if not inside.all():
                raise UserError(
                    f"{self.path}: landmarks of {key} lie outside the photo of {width} x {height} "
                    "pixels. Expected pixels of the photo as it is stored, x before y."
                )
        return faces

    def _name(self, key: str) -> str:
        path = Path(key)
        if self.root is not None and path.is_relative_to(self.root):
            return path.relative_to(self.root).as_posix()
        return path.as_posix()


def photos_of(path: str | Path) -> list[str]:
    """The photos of a table that have a face, each once, in its order."""
    rows = _rows(Path(path), _read(Path(path)))
    return list(dict.fromkeys(row["photo"] for _, row in rows if row[POINTS[0]]))


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_TABLE:
            raise UserError(f"{path}: too large for a table of landmarks.")
        return path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path}: cannot read the landmarks: {error.strerror}. Expected a CSV with the "
            f"columns photo, {', '.join(POINTS)}."
        ) from None


def _rows(path: Path, content: bytes) -> list[tuple[int, dict[str, str]]]:
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
        columns = reader.fieldnames or []
        lacking = [name for name in ("photo", *POINTS) if name not in columns]
        if lacking:
            raise UserError(
                f"{path}: no column {', '.join(lacking)}. Found: {', '.join(columns) or 'none'}. "
                f"Expected photo, {', '.join(POINTS)}."
            )
        for name in ("photo", *POINTS, *BOX, "score"):
            if columns.count(name) > 1:
                raise UserError(f"{path}: {columns.count(name)} columns are called {name!r}.")
        return [(reader.line_num, row) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: not a CSV in UTF-8: {error}.") from None


def _face(row: dict[str, str], where: str) -> Face | None:
    """The face of a line; None where the line says that none was found."""
    if not any(row.get(name) for name in POINTS):
        return None
    try:
        landmarks = np.array([float(row[name]) for name in POINTS]).reshape(5, 2)
        score = float(row.get("score") or 1.0)
        box = tuple(float(row[name]) for name in BOX) if row.get("left") else _around(landmarks)
    except (TypeError, ValueError, KeyError):
        raise UserError(
            f"{where}: landmarks that are no numbers. Expected {', '.join(POINTS)} in pixels."
        ) from None
    if not np.isfinite([*landmarks.ravel(), score, *box]).all():
        raise UserError(f"{where}: landmarks that are not finite. Expected pixels.")
    return Face(box, score, landmarks)


def _around(landmarks: np.ndarray) -> tuple[float, ...]:
    """A box about the landmarks, half as large again to each side."""
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    size = high - low
    return (*map(float, low - size / 2), *map(float, 2 * size))
