"""Rows of an array that are gathered piece by piece, when they are asked for."""

from typing import Any

import numpy as np
import numpy.typing as npt


class Rows:
    """Looks like `array[index].astype(dtype)` where only parts of it are read.

    A part that dtype can hold comes in the array's own dtype: whoever copies it casts it.

    Args:
        array: `(num_rows, dim)`.
        index: integers `(n,)`.
        dtype: precision of what is computed from the rows.
    """

    def __init__(self, array: np.ndarray, index: np.ndarray, dtype: npt.DTypeLike):
        self.dtype = np.dtype(dtype)
        self.shape = (len(index), array.shape[1])
        self._array, self._index = array, index
        self._fits = np.can_cast(array.dtype, self.dtype)

    def __len__(self) -> int:
        return len(self._index)

    def __getitem__(self, part: Any) -> np.ndarray:
        values = self._array[self._index[part]]
        return values if self._fits else values.astype(self.dtype)

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        return self[:].astype(dtype or self.dtype, copy=False)
