"""Pixels as people hold them: arrays and tensors of several kinds, and PIL images."""

import sys
from typing import Any

import numpy as np

from framl_keras.errors import UserError

_COLOR_CHANNELS = (1, 3)


def is_array(value: Any) -> bool:
    """Whether it is an array or a tensor of any backend; an array of paths is none."""
    if not (hasattr(value, "__array__") and hasattr(value, "shape") and hasattr(value, "dtype")):
        return False
    return getattr(value.dtype, "kind", "f") not in "OUS"


def is_pil(value: Any) -> bool:
    """Whether it is an image of PIL's."""
    module = sys.modules.get("PIL.Image")  # who has such an image has imported it
    return module is not None and isinstance(value, module.Image)


def pil_pixels(image: Any, name: str) -> np.ndarray:
    """The RGB pixels of a PIL image, turned as its EXIF says, as files are decoded too."""
    from PIL import ImageOps  # noqa: PLC0415 - it is loaded already, or there is no such image

    upright = ImageOps.exif_transpose(image)
    if upright.mode in ("I;16", "I;16L", "I;16B"):
        return rgb((np.asarray(upright) >> 8).astype(np.uint8), name)
    if upright.mode in ("I", "F"):
        return rgb(np.asarray(upright), name)
    return np.array(upright.convert("RGB"))


def as_numpy(array: Any) -> np.ndarray:
    """A NumPy array of an array or a tensor, wherever it lies."""
    if hasattr(array, "detach"):  # of Torch, which refuses otherwise
        array = array.detach().cpu()
        if "bfloat16" in str(array.dtype):
            array = array.float()
    return np.asarray(array)


def rgb(pixels: np.ndarray, name: str) -> np.ndarray:
    """Pixels of any accepted kind as RGB uint8 `(height, width, 3)`."""
    image = pixels[:, :, None] if pixels.ndim == 2 else pixels
    if image.ndim != 3 or image.shape[-1] not in _COLOR_CHANNELS or not image.size:
        raise UserError(
            f"{name}: expected pixels (height, width, 3), or 1 channel, or none. Received: shape "
            f"{pixels.shape}. {_shape_remedy(pixels.shape)}"
        )
    image = image if image.dtype == np.uint8 else _as_uint8(image, name)
    return np.ascontiguousarray(np.broadcast_to(image, (*image.shape[:2], 3)))


def _shape_remedy(shape: tuple[int, ...]) -> str:
    if len(shape) == 3 and shape[0] in _COLOR_CHANNELS:
        return "Put the channels last: np.moveaxis(image, 0, -1)."
    if len(shape) == 3 and shape[-1] == 4:
        return "Drop the alpha channel: image[..., :3]."
    return "Several images of one size are (n, height, width, 3)."


def _as_uint8(image: np.ndarray, name: str) -> np.ndarray:
    if image.dtype.kind not in "iuf" and image.dtype.name != "bfloat16":
        raise UserError(f"{name}: expected numbers 0…255. Received: dtype {image.dtype}")
    values = image.astype(np.float64)
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(values).all() and low >= 0 and high <= 255):
        raise UserError(f"{name}: expected pixels 0…255. Received: values {low:g} to {high:g}")
    if image.dtype.kind not in "iu" and 0 < high <= 1:
        raise UserError(
            f"{name}: expected pixels 0…255. Received: values {low:g} to {high:g}, which look "
            "like [0, 1]. Multiply by 255."
        )
    return np.rint(values).astype(np.uint8)
