"""Raises any float type to float32 at least."""

from typing import Any

from keras import backend, ops

Tensor = Any


def at_least_float32(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Casts tensors to the one dtype that they share, float32 at least.

    Half-precision floats and integers become float32, float64 stays.
    """
    dtype = working_dtype(*(tensor.dtype for tensor in tensors))
    return tuple(ops.cast(tensor, dtype) for tensor in tensors)


def working_dtype(*dtypes: Any) -> str:
    """The dtype that values of these dtypes are computed in."""
    names = [backend.standardize_dtype(dtype) for dtype in dtypes]
    return "float64" if "float64" in names else "float32"
