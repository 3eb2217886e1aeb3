"""Image files named on a command line, as samples."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from framl_keras.data.sources.image_folder import IMAGE_SUFFIXES
from framl_keras.data.sources.natural_order import natural_key
from framl_keras.data.sources.source import Sample
from framl_keras.errors import UserError


class ImageFiles(Sequence[Sample]):
    """Reads image files when asked for them; the label is -1.

    Args:
        paths: the files.
    """

    def __init__(self, paths: Iterable[Path]):
        self.paths = list(paths)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        if isinstance(index, slice):
            return ImageFiles(self.paths[index])
        path = self.paths[index]
        return Sample(path.read_bytes(), -1, str(path))


def find_images(locations: Iterable[str]) -> list[Path]:
    """The files named, and all images below the folders named, in natural order.

    Raises:
        UserError: if a location does not exist, or a folder holds no image.
    """
    return [path for location in locations for path in _images_at(Path(location))]


def _images_at(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UserError(f"No such image or folder: {path}.")
    below = (file for file in path.rglob("*") if file.suffix.lower() in IMAGE_SUFFIXES)
    found = sorted((file for file in below if file.is_file()), key=_natural_path)
    if not found:
        raise UserError(f"No image in the folder {path}. Expected {', '.join(IMAGE_SUFFIXES)}.")
    return found


def _natural_path(path: Path) -> list[tuple]:
    return [natural_key(part) for part in path.parts]
