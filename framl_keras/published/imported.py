"""The result of importing weights."""

from typing import NamedTuple

import keras


class Imported(NamedTuple):
    """An embedder, and how close it is to the original.

    Attributes:
        embedder: the model from RGB pixels 0…255 to embeddings.
        difference: the largest difference between its embeddings and the original's,
            both of length 1, or `None` where the original's framework is not installed.
        framework: the framework of the original.
        assumptions: what no file of weights can prove, and the comparison shares.
        left_out: names of tensors in the file that are not the network's.
    """

    embedder: keras.Model
    difference: float | None
    framework: str
    assumptions: str = ""
    left_out: tuple[str, ...] = ()
