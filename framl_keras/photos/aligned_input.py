"""Photos that are aligned as an embedder's training images were, when they are read."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from framl_keras.data.alignment import KEYS, alignment_above
from framl_keras.data.decode import decode
from framl_keras.data.inputs import InputImages
from framl_keras.data.sources.source import Sample
from framl_keras.errors import UserError
from framl_keras.photos.align import align
from framl_keras.photos.align_folder import settings_of
from framl_keras.photos.face import Detector
from framl_keras.photos.template import BORDERS, SIDE
from framl_keras.photos.yunet import default_detector

MODES = ("auto", "never", "always")

log = logging.getLogger(__name__)


class PhotoAligner:
    """Aligns images as they are read.

    Args:
        mode: `auto` aligns where `settings` are known, and takes an image as it is where no
            face is found; `always` refuses such an image; `never` changes nothing.
        settings: how the training images were aligned, see `data.alignment`; None if that is
            not known.
        detector: what finds faces; YuNet where none is given.

    Raises:
        ValueError: if the mode is unknown.
        UserError: if the training images were aligned by another detector or template.

    Example:
    >>> aligned = PhotoAligner("always")(images)  # doctest: +SKIP
    """

    def __init__(
        self,
        mode: str,
        settings: Mapping[str, Any] | None = None,
        detector: Detector | None = None,
    ):
        if mode not in MODES:
            raise ValueError(f"`align` must be one of {', '.join(MODES)}. Received: {mode!r}")
        self.mode, self.is_active = mode, mode == "always" or (mode == "auto" and bool(settings))
        if not self.is_active:
            return
        self.detector = detector or default_detector()
        known = _checked(settings or settings_of(self.detector, SIDE, "constant"))
        ours = settings_of(self.detector, known["size"], known["border"])
        if other := [key for key in ours if ours[key] != known[key]]:
            raise UserError(
                f"The training images were aligned otherwise ({', '.join(other)}: "
                f"{', '.join(str(known[key])[:20] for key in other)}). Align the photos likewise "
                "with framl-keras align, and embed those with align='never'."
            )
        self.settings = known

    def __call__(self, images: InputImages) -> InputImages:
        """The images, each aligned when it is read."""
        if not self.is_active:
            return images
        readers = [self._reader(name, read) for name, read in images.each()]
        return InputImages(images.names, readers)

    def _reader(self, name: str, read: Callable[[], Any]) -> Callable[[], Any]:
        return lambda: self._aligned(name, read())

    def _aligned(self, name: str, content: Any) -> Any:
        """The face's pixels, or the image as it is."""
        if self.mode == "auto" and self._is_aligned_already(name):
            return content
        pixels: np.ndarray = decode(Sample(content, -1, name))
        aligned = align(pixels, self.detector, size=self.settings["size"],
                      border=self.settings["border"], key=name)  # fmt: skip
        if aligned:
            return aligned[0].image
        if self.mode == "always":
            raise UserError(f"{name}: no face found. Leave it out, or embed it as it is: auto.")
        log.warning("%s: no face found; it is taken as it is.", name)
        return content

    def _is_aligned_already(self, name: str) -> bool:
        """Whether an image lies in a folder that was aligned alike; another way is told."""
        if not Path(name).is_file():
            return False
        there = alignment_above(name)
        if there is not None and there != self.settings:
            log.warning("%s: aligned otherwise than the training images; aligned anew.", name)
        return there == self.settings


def _checked(settings: Any) -> dict[str, Any]:
    """The settings, which come out of a file.

    Raises:
        UserError: if they are damaged.
    """
    is_whole = isinstance(settings, Mapping) and set(KEYS) <= set(settings)
    size = settings["size"] if is_whole else None
    if type(size) is not int or not 16 <= size <= 1024 or settings["border"] not in list(BORDERS):
        raise UserError(
            f"Damaged facts on how the training images were aligned: {settings!r:.100}. Embed "
            "images that are aligned with align='never'."
        )
    return dict(settings)
