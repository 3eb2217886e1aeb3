"""Changing some centers of a head, wherever their rows are."""

from collections.abc import Callable, Sequence

import numpy as np

from framl_keras.layers.arc_margin import ArcMarginLayer
from framl_keras.ops.backend import fill_rows, held_rows

Edit = Callable[[np.ndarray, np.ndarray], np.ndarray]


def edit_centers(head: ArcMarginLayer, labels: Sequence[int], edit: Edit) -> None:
    """Changes the centers of some classes; a process changes those that it has.

    Args:
        head: a built head.
        labels: the classes.
        edit: makes new centers `(sub_centers, n, dim)` of some, and the places of their classes
            among the labels, `(n,)`.
    """
    rows = head.rows_of(np.asarray(labels, "int64"))
    made: dict[tuple[int, int], np.ndarray] = {}
    for first, last, read in held_rows(head.kernel):
        values = np.array(read(first, last))
        here = np.flatnonzero((rows.min(axis=0) >= first) & (rows.max(axis=0) < last))
        places = rows[:, here] - first
        values[places] = edit(values[places], here)
        made[first, last] = values
    fill_rows(head.kernel, lambda first, last: made[first, last])
