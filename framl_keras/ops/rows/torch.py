"""Rows of Torch's parameters, in place."""

from typing import Any

import torch

from framl_keras.ops.rows import copy

Tensor = Any

take_rows = copy.take_rows


def assign_rows(variable: Any, rows: Tensor, values: Tensor) -> None:
    """Writes `values` `(m, dim)` to `rows` `(m,)` of a variable `(n, dim)`."""
    stored = variable.value
    if not isinstance(stored, torch.nn.Parameter):  # a stateless call: nothing may change
        copy.assign_rows(variable, rows, values)
        return
    with torch.no_grad():
        stored.index_copy_(0, rows.long(), values)
