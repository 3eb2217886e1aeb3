"""What TensorFlow may change in the graphs that it compiles."""

import contextlib
from collections.abc import Iterator

import tensorflow as tf

# They reorder sums and products, which then round otherwise than single operations do.
_REORDERING = ("arithmetic_optimization", "constant_folding")


@contextlib.contextmanager
def exact_arithmetic() -> Iterator[None]:
    """Keeps graphs that are compiled within to the order of their arithmetic.

    A compiled step then gives the bits that its operations give one by one, unless oneDNN
    splits a sum over its threads in another way.
    """
    before = tf.config.optimizer.get_experimental_options()
    tf.config.optimizer.set_experimental_options(dict.fromkeys(_REORDERING, False))
    try:
        yield
    finally:
        restored = {name: before.get(name, True) for name in _REORDERING}
        tf.config.optimizer.set_experimental_options(restored)
