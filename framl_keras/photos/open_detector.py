"""Which detector a command line or a recipe means."""

from pathlib import Path

from framl_keras.errors import UserError
from framl_keras.photos.face import Detector
from framl_keras.photos.landmarks_table import LandmarksTable
from framl_keras.photos.scrfd import Scrfd
from framl_keras.photos.yunet import YuNet, default_detector


def open_detector(text: str = "yunet", root: str | Path | None = None) -> Detector:
    """The detector that a text names.

    Args:
        text: `yunet`; `yunet:FILE` or `scrfd:FILE` with an ONNX file; a CSV of landmarks.
        root: the folder that the photos' names in a CSV start from.

    Raises:
        UserError: if it is none of these, or its file cannot be used.

    Example:
    >>> from framl_keras.photos import open_detector
    >>> open_detector("yunet").name
    'yunet'
    """
    if text == "yunet":
        return default_detector()
    kind, _, path = text.partition(":")
    if kind in ("yunet", "scrfd") and path:
        return YuNet(path) if kind == "yunet" else Scrfd(path)
    if text.lower().endswith(".csv"):
        return LandmarksTable(text, root)
    raise UserError(
        f"Unknown detector {text!r}. Expected yunet, yunet:FILE.onnx, scrfd:FILE.onnx, or a CSV "
        "of landmarks."
    )
