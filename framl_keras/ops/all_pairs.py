"""Every vector of one set with every vector of another, a block at a time."""

from collections.abc import Callable
from typing import Any

from keras import ops

Tensor = Any


def all_pairs(
    measure: Callable[[Tensor, Tensor], Tensor], a: Tensor, b: Tensor, floats: int = 2**24
) -> Tensor:
    """Compares all pairs without ever holding all pairs of vectors.

    Args:
        measure: `(..., dim), (..., dim) -> (...)` that broadcasts, such as
            `cosine_similarity` or `correlation_peak`.
        a: `(n, dim)`.
        b: `(m, dim)`.
        floats: about how many numbers the vectors of a block may take up; intermediate
            results of a measure may be a few times as many.

    Returns:
        `(n, m)`.

    Example:
    >>> all_pairs(squared_difference, gallery, probes).shape
    (1000, 200)
    """
    (rows, dim), columns = a.shape, b.shape[0]
    width = max(1, min(columns, floats // dim))
    height = max(1, floats // (dim * width))
    blocks = [
        [measure(a[i : i + height, None], b[None, j : j + width]) for j in range(0, columns, width)]
        for i in range(0, rows, height)
    ]
    if not rows or not columns:
        return ops.zeros((rows, columns))
    return ops.concatenate([ops.concatenate(row, axis=1) for row in blocks], axis=0)
