"""Reading and writing some rows of a large variable, without copying the others.

Each file has `take_rows(variable, rows)` and `assign_rows(variable, rows, values)`. `copy`
works on every backend; under JAX's jit it copies nothing, since the variable's memory is
given away. `torch` and `tensorflow` write in place.
"""

import importlib
from typing import Any

from keras import backend

from framl_keras.ops.rows import copy

Tensor = Any

_IN_PLACE = ("tensorflow", "torch")
_backend = backend.backend()
_chosen = importlib.import_module(f"{__name__}.{_backend}") if _backend in _IN_PLACE else copy


def take_rows(variable: Any, rows: Tensor) -> Tensor:
    """Reads rows of a Keras variable.

    Args:
        variable: `(n, dim)`, not trained by gradients.
        rows: int32 `(m,)`.

    Returns:
        `(m, dim)`.
    """
    return _chosen.take_rows(variable, rows)


def assign_rows(variable: Any, rows: Tensor, values: Tensor) -> None:
    """Writes rows of a Keras variable.

    Args:
        variable: `(n, dim)`, not trained by gradients.
        rows: int32 `(m,)`; where one appears twice, its values must be the same.
        values: `(m, dim)`, of the variable's dtype.
    """
    _chosen.assign_rows(variable, rows, values)
