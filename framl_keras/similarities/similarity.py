"""What a similarity is: one formula, and all that follows from it."""

from typing import Any

import numpy as np

Tensor = Any

BLOCK_NUMBERS = 2**22  # that the vectors of a block of all pairs take up, about


class Similarity:
    """A measure of how alike two vectors are.

    A subclass defines `formula`. Pairs, all pairs, the distance and a Keras layer follow
    from it; override what has a quicker way. `register` gives it a name.

    Attributes:
        name: what it is called, in recipes and on the command line too.
        lower_is_alike: whether the value is a distance already. The distance of others
            is 1 - value.
        reads_parts: whether `distances` reads its arguments piece by piece, so that they
            may be `Rows` and need not be gathered first.

    Example:
    >>> class Manhattan(Similarity):
    ...     lower_is_alike = True
    ...     def formula(self, a, b, ops):
    ...         return ops.sum(ops.absolute(a - b), axis=-1)
    >>> Manhattan().distances(np.array([[1.0, 2.0]]), np.array([[0.0, 4.0]]))
    array([3.])
    """

    name: str = ""
    lower_is_alike: bool = False
    reads_parts: bool = False

    def formula(self, a: Any, b: Any, ops: Any) -> Any:
        """The measure's natural value, differentiable where it is trained through.

        Args:
            a: `(..., dim)`, floats of single precision or better.
            b: `(..., dim)`; leading axes broadcast.
            ops: where functions are taken from: `keras.ops` for tensors, `numpy` for arrays.

        Returns:
            `(...)`.
        """
        raise TypeError(f"{type(self).__name__} must say its `formula(a, b, ops)`.")

    def value(self, a: Tensor, b: Tensor) -> Tensor:
        """The natural value for tensors of the running backend, float32 or better.

        Args:
            a: `(..., dim)`, of any float type.
            b: `(..., dim)`; leading axes broadcast.

        Returns:
            `(...)`.
        """
        from keras import ops

        from framl_keras.ops.precision import at_least_float32

        a, b = at_least_float32(a, b)
        return self.formula(a, b, ops)

    def layer(self) -> Any:
        """A new Keras layer that computes the value of two batches of vectors."""
        from framl_keras.similarities.layers import NamedSimilarity

        return NamedSimilarity(self.name)

    def distances(self, left: Any, right: Any) -> np.ndarray:
        """The distance of each pair; lower is more alike.

        Args:
            left: floats `(n, dim)`.
            right: floats `(n, dim)`.

        Returns:
            `(n,)`.
        """
        value = np.asarray(self.formula(left, right, np))
        return value if self.lower_is_alike else 1 - value

    def value_of(self, distance: np.ndarray) -> np.ndarray:
        """The natural value for a distance."""
        return distance if self.lower_is_alike else 1 - distance

    def probes(self, vectors: np.ndarray) -> Any:
        """What can be computed of probes alone, `(n, dim)`, for `score`."""
        return vectors

    def gallery(self, vectors: np.ndarray) -> Any:
        """What can be computed of gallery vectors alone, `(m, dim)`, for `score`."""
        return vectors

    def score(self, probes: Any, gallery: Any) -> np.ndarray:
        """Each probe with each gallery vector, from what `probes` and `gallery` returned.

        Returns:
            `(n, m)`: the value, or the distance with its sign turned where lower is more
            alike, so that higher always is.
        """
        scores = np.empty((len(probes), len(gallery)), np.result_type(probes, gallery, np.float32))
        rows = max(1, BLOCK_NUMBERS // max(1, gallery.size))
        for first in range(0, len(probes), rows):
            part = slice(first, first + rows)
            scores[part] = self.formula(probes[part, None], gallery[None], np)
        return -scores if self.lower_is_alike else scores

    def all_pairs(self, probes: np.ndarray, gallery: np.ndarray) -> np.ndarray:
        """All scores, `(n, dim), (m, dim) -> (n, m)`; see `score`."""
        return self.score(self.probes(probes), self.gallery(gallery))
