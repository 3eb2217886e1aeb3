"""Finds out which format a training source has, from what is there."""

from pathlib import Path

from framl_keras.data.sources.image_folder import ImageFolder
from framl_keras.data.sources.orl import OrlFaces
from framl_keras.data.sources.source import Source
from framl_keras.errors import UserError


def open_source(location: str) -> Source:
    """Opens training data: `orl`, or a path whose format is detected.

    Raises:
        UserError: if nothing is there, or the format cannot be told.
    """
    if location == "orl":
        return OrlFaces()
    path = Path(location)
    if not path.exists():
        raise UserError(
            f"No training data at {location}. Expected `orl` or the path of a data set; set it "
            "with --set data.train=PATH, or try: framl-keras train recipes/quickstart.yaml"
        )
    if path.is_dir():
        return ImageFolder(path)
    raise UserError(f"Cannot tell the format of {location}. Expected a folder of images.")
