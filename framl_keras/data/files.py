"""Image files named on a command line, as samples."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import overload

from framl_keras.data.image_formats import READABLE
from framl_keras.data.sources.image_file import read_image_file
from framl_keras.data.sources.left_out import report_left_out, summary
from framl_keras.data.sources.source import Sample
from framl_keras.data.sources.walk import images_below
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

    @overload
    def __getitem__(self, index: int) -> Sample: ...

    @overload
    def __getitem__(self, index: slice) -> "ImageFiles": ...

    def __getitem__(self, index: int | slice) -> "Sample | ImageFiles":
        if isinstance(index, slice):
            return ImageFiles(self.paths[index])
        path = self.paths[index]
        return Sample(read_image_file(path), -1, str(path))


def find_images(locations: Iterable[str]) -> list[Path]:
    """The files named, and all images below the folders named, in natural order.

    What else lies in the folders is counted and named in a warning.

    Raises:
        UserError: if a location does not exist, or a folder holds no image.
    """
    return [path for location in locations for path in _images_at(Path(location))]


def _images_at(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UserError(f"No such image or folder: {path}.")
    names, left_out = images_below(path)
    if not names:
        rest = f" {summary(left_out)}." if left_out else ""
        raise UserError(f"No image in the folder {path}. Expected {READABLE}.{rest}")
    report_left_out(str(path), left_out)
    return [path / name for name in names]
