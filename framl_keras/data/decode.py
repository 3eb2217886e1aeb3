"""From encoded bytes to RGB pixels."""

import cv2
import numpy as np
import simplejpeg

from framl_keras.data.image_formats import HEAD, READABLE, image_format, other_image_format
from framl_keras.data.image_size import MOST_SCANS, fits, most_pixels
from framl_keras.data.sources.source import Sample
from framl_keras.errors import UserError

_JPEG, _SCAN = b"\xff\xd8\xff", b"\xff\xda"
_EXIF_WITHIN = 1024  # it comes first, or after a short segment; a search of all costs too much
_AVIF_HEAD = 4096  # bytes in which its properties stand
_EXIF = b"Exif\0\0"  # may say that the image must be turned, which OpenCV does


def decode(sample: Sample, buffer: np.ndarray | None = None) -> np.ndarray:
    """The RGB pixels of a sample, uint8 `(height, width, 3)`; gray gets three equal channels.

    Args:
        sample: what to decode.
        buffer: see `decode_bytes`.

    Raises:
        UserError: if the bytes are not an image that can be read in full.
    """
    if isinstance(sample.image, np.ndarray):
        return _checked(sample.image, sample.key)
    image = decode_bytes(sample.image, buffer)
    if image is None:
        raise UserError(
            f"{sample.key}: not a readable image ({_described(sample.image)}). "
            f"Expected {READABLE}; remove or replace it."
        )
    return image


def decode_bytes(data: bytes, buffer: np.ndarray | None = None) -> np.ndarray | None:
    """The RGB pixels, or None if the bytes are no image, cut short, or absurdly large.

    Args:
        data: an encoded image.
        buffer: memory for the pixels, uint8 `(n,)`, used if it is large enough. Since it
            bounds what is unpacked, the header need not be read for that first.
    """
    if not data.startswith(_JPEG):
        kind = image_format(data[:HEAD])
        image = _decode_any(data) if kind is not None and fits(data, kind) else None
        return image if image is None or kind != "AVIF" else _turned(image, data)
    upright = data.find(_EXIF, 0, _EXIF_WITHIN) < 0
    if buffer is not None and upright:
        try:
            return simplejpeg.decode_jpeg(data, buffer=buffer)
        except ValueError:  # too large for the buffer, or one of the errors below
            pass
    try:
        height, width, *_ = simplejpeg.decode_jpeg_header(data)
        if height * width > most_pixels(len(data)):
            return None
        if upright and data.count(_SCAN) <= MOST_SCANS:
            return simplejpeg.decode_jpeg(data)
    except ValueError:  # damaged, or of a kind that libjpeg-turbo's own interface refuses
        pass
    return _decode_any(data) if fits(data, "JPEG") else None


def _decode_any(data: bytes) -> np.ndarray | None:
    """What OpenCV makes of the bytes."""
    try:
        return cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error:  # raised beyond OpenCV's own limits; for all else it gives None
        return None


def _turned(image: np.ndarray, data: bytes) -> np.ndarray:
    """An AVIF's pixels as its boxes say, which OpenCV passes over."""
    end = min(len(data) - 1, _AVIF_HEAD)
    turns, mirror = (data.find(b"\0\0\0\x09" + name, 0, end) for name in (b"irot", b"imir"))
    if turns >= 0:
        image = np.rot90(image, int(data[turns + 8]) & 3)
    if mirror >= 0:
        image = image[:, ::-1] if data[mirror + 8] & 1 else image[::-1]
    return np.ascontiguousarray(image)


def _described(data: bytes) -> str:
    """What is known of bytes that are no image: their number, and a format that is not read."""
    kind = other_image_format(data[:HEAD])
    return f"{len(data)} bytes of {kind}" if kind else f"{len(data)} bytes"


def _checked(image: np.ndarray, key: str) -> np.ndarray:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise UserError(
            f"{key}: expected RGB pixels, uint8 (height, width, 3), not {image.dtype} "
            f"{image.shape}."
        )
    return image
