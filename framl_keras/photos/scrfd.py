"""SCRFD, insightface's detector, from an ONNX file that the user has."""

import hashlib
import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from framl_keras.errors import UserError
from framl_keras.optional import require
from framl_keras.photos.face import Face

STRIDES = (8, 16, 32)
ANCHORS = 2  # at each position


class Scrfd:
    """Finds faces with an SCRFD that gives landmarks (`det_10g.onnx`, `scrfd_*_kps.onnx`).

    Args:
        path: the ONNX file.
        score: how sure a face must be, from 0 to 1.
        overlap: of two faces whose boxes overlap by more (intersection over union), the surer
            one stays.
        side: photos are fitted into a square of so many pixels; a multiple of 32.

    Raises:
        UserError: if onnxruntime is not installed, or the file is no such detector.

    Reference:
    - Guo et al., "Sample and Computation Redistribution for Efficient Face Detection", ICLR 2022

    Example:
    >>> align_folder("photos", "faces", Scrfd("det_10g.onnx"))  # doctest: +SKIP
    """

    name = "scrfd"

    def __init__(self, path: str | Path, score: float = 0.5, overlap: float = 0.4, side: int = 640):
        if side % STRIDES[-1] or side <= 0:
            raise ValueError(f"`side` must be a multiple of 32. Received: side={side}")
        self.path, self.score, self.overlap, self.side = Path(path), score, overlap, side
        runtime = require("onnxruntime", "photos-scrfd", "The face detector SCRFD")
        try:
            content = self.path.read_bytes()
        except OSError as error:
            raise UserError(
                f"{path}: cannot read the face detector: {error.strerror}. Expected an SCRFD's "
                "ONNX."
            ) from None
        self.sha256 = hashlib.sha256(content).hexdigest()
        try:
            self._session = runtime.InferenceSession(content, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has a class for each state of its own
            raise UserError(self._unusable(error)) from None
        self._one_at_a_time = threading.Lock()
        if len(self._session.get_outputs()) != 3 * len(STRIDES):
            raise UserError(
                self._unusable(f"{len(self._session.get_outputs())} outputs instead of nine")
            )

    def detect(self, image: np.ndarray, key: str = "") -> list[Face]:
        """The faces in a photo."""
        scale = self.side / max(image.shape[:2])
        size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
        canvas = np.zeros((self.side, self.side, 3), np.uint8)
        canvas[: size[1], : size[0]] = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        pixels = ((canvas.astype(np.float32) - 127.5) / 128).transpose(2, 0, 1)[None]
        name = self._session.get_inputs()[0].name
        with self._one_at_a_time:
            try:
                outputs = self._session.run(None, {name: pixels})
            except Exception as error:  # as above
                raise UserError(self._unusable(error)) from None
        faces = decode_scrfd(outputs, self.side, self.score)
        back = np.array([[image.shape[1] / size[0], 0, 0], [0, image.shape[0] / size[1], 0]])
        return [face.moved(back) for face in without_overlaps(faces, self.overlap)]

    def _unusable(self, reason: Any) -> str:
        return (
            f"{self.path}: not an SCRFD with landmarks ({' '.join(str(reason).split())[:120]}). "
            "Expected insightface's det_10g.onnx or another with nine outputs."
        )


def decode_scrfd(outputs: list[np.ndarray], side: int, score: float) -> list[Face]:
    """Faces from the network's nine outputs: scores, boxes and landmarks at three strides.

    At each position of a stride's grid stand two anchors; boxes are distances from it to the
    left, top, right and bottom edge and landmarks offsets, all in strides.

    Args:
        outputs: `(positions * 2, 1)` three times, `(…, 4)` three times, `(…, 10)` three times.
        side: of the network's square input.
        score: the least that counts.
    """
    faces = []
    for level, stride in enumerate(STRIDES):
        scores, boxes, points = (outputs[kind * len(STRIDES) + level] for kind in range(3))
        scores = np.asarray(scores).reshape(-1)
        cells = side // stride
        rows, columns = np.divmod(np.arange(cells * cells), cells)
        anchors = np.repeat(np.stack([columns, rows], axis=1) * stride, ANCHORS, axis=0)
        boxes, points = np.reshape(boxes, (-1, 4)) * stride, np.reshape(points, (-1, 5, 2)) * stride
        for index in np.flatnonzero(scores >= score):
            x, y = map(float, anchors[index])
            left, top, right, bottom = map(float, boxes[index])
            faces.append(
                Face(
                    (x - left, y - top, left + right, top + bottom),
                    float(scores[index]),
                    points[index].astype(np.float64) + anchors[index],
                )
            )
    return faces


def without_overlaps(faces: list[Face], overlap: float) -> list[Face]:
    """The surest of each group of faces whose boxes overlap."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if all(_overlap(face.box, other.box) <= overlap for other in kept):
            kept.append(face)
    return kept


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Intersection over union of two boxes."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(0.0, width) * max(0.0, height)
    return shared / max(a[2] * a[3] + b[2] * b[3] - shared, 1e-9)
