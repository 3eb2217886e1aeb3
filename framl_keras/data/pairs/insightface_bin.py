"""insightface's `.bin` verification sets: a pickle of encoded images and answers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from framl_keras.data.pairs.pair_set import PairSet, pairs_in_order
from framl_keras.data.sources.source import Sample
from framl_keras.errors import UserError
from framl_keras.untrusted.plain_pickle import DamagedPickleError, RefusedPickleError, load_plain


class EncodedImages(Sequence[Sample]):
    """Images held in memory as encoded bytes.

    Args:
        images: JPEG or PNG bytes.
        name: the file that they come from.
    """

    def __init__(self, images: list[bytes], name: str):
        self.images, self.name = images, name

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Sample:  # type: ignore[override]
        return Sample(self.images[index], -1, f"{self.name}#{index}")


def insightface_pairs(path: Path, name: str) -> PairSet:
    """Opens a `.bin` file; its pickle is read as data, and nothing in it runs.

    Raises:
        UserError: if it holds anything else than 2N images and N answers.
    """
    expected = "Expected insightface's (images, answers)"
    try:
        content = load_plain(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}.") from None
    except DamagedPickleError as error:
        raise UserError(f"{path}: damaged: {error}. {expected}; restore the file.") from None
    except RefusedPickleError as error:
        raise UserError(f"{path}: refused, nothing was run: {error}. {expected}.") from None
    if not isinstance(content, list) or len(content) != 2:
        raise UserError(f"{path}: not a pair of lists. {expected}.")
    images = _images(_items(content[0], path), path)
    answers = [_answer(value, path) for value in _items(content[1], path)]
    return pairs_in_order(
        name, EncodedImages(images, str(path)), np.array(answers, bool), str(path)
    )


def _items(value: Any, path: Path) -> list[Any]:
    if isinstance(value, np.ndarray) and value.ndim == 1:
        return value.tolist()
    if not isinstance(value, list):
        raise UserError(f"{path}: expected lists of images and answers.")
    return value


def _images(items: list[Any], path: Path) -> list[bytes]:
    """The images' bytes; an array that stands in many places is copied once."""
    known: dict[int, bytes] = {}
    for at, item in enumerate(items):
        if id(item) not in known:
            known[id(item)] = _encoded(item, f"{path}#{at}")
    return [known[id(item)] for item in items]


def _encoded(image: Any, key: str) -> bytes:
    """An image's bytes, which insightface keeps as such or as an array of uint8."""
    if isinstance(image, np.ndarray) and image.dtype == np.uint8:
        return image.tobytes()
    if isinstance(image, bytes | bytearray):
        return bytes(image)
    raise UserError(f"{key}: expected an encoded image, not {type(image).__name__}.")


def _answer(value: Any, path: Path) -> bool:
    value = value.item() if isinstance(value, np.ndarray) and value.size == 1 else value
    if value not in (0, 1):
        raise UserError(f"{path}: expected answers true or false, not {str(value)[:40]}.")
    return bool(value)
