"""Whether an exported file verifies as Keras does."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from framl_keras.data.pairs import PairSet
from framl_keras.data.view import View
from framl_keras.errors import UserError
from framl_keras.evaluation import Verification, verify
from framl_keras.evaluation.embed import embed_with, mirror_fused, not_fused
from framl_keras.evaluation.intervals import REPEATS
from framl_keras.evaluation.links import equal_rows

RATES = ("accuracy", "auc", "eer")
LOST = 0.2  # percentage points of accuracy or AUC that a file may lose


class SetParity(NamedTuple):
    """A verification set, by Keras and by the file.

    Attributes:
        set_name: the set.
        pairs: how many there are.
        accuracy: by Keras, by the file.
        auc: by Keras, by the file.
        other_verdicts: pairs that the file judges otherwise at Keras' threshold.
        eer: equal error rate, by Keras, by the file.
        intervals: 95 % intervals of Keras' `accuracy`, `auc` and `eer`, where the pairs
            support them.
    """

    set_name: str
    pairs: int
    accuracy: tuple[float, float]
    auc: tuple[float, float]
    other_verdicts: int
    eer: tuple[float, float]
    intervals: dict[str, tuple[float, float]]


def compare_verification(
    function: Callable[[np.ndarray], np.ndarray],
    model: Any,
    pairs: PairSet,
    view: View,
    fused: bool = True,
    lost: float = LOST,
) -> SetParity:
    """Verifies a set by Keras and by an exported file, under the cosine.

    Args:
        function: the file, opened by its runtime.
        model: the Keras model.
        pairs: the set.
        view: how images are seen.
        fused: whether the file gives fused embeddings.
        lost: percentage points of accuracy or AUC that the file may lose.

    Raises:
        UserError: if it loses more.
    """
    results: list[Verification] = []
    for source in ((mirror_fused if fused else not_fused)(model), function):
        rows = embed_with(source, pairs.images, view, title=pairs.name)
        results.append(
            verify(
                rows.embeddings,
                pairs.pairs,
                pairs.is_same,
                folds=pairs.folds,
                identities=rows.identities,
                bootstrap=0 if results else REPEATS,
                balanced=pairs.balanced,
                equal=None if rows.hashes is None else equal_rows(rows.hashes),
            )
        )
    keras, file = results
    worst = 100 * max(keras.accuracy - file.accuracy, keras.auc - file.auc)
    if not worst <= lost:
        raise UserError(
            f"{pairs.name}: the exported file loses {worst:.2f} percentage points of accuracy or "
            f"AUC. Expected {lost:g} at most. Nothing was written."
        )
    others = (keras.distance < keras.threshold) != (file.distance < keras.threshold)
    return SetParity(
        pairs.name,
        len(pairs.pairs),
        (keras.accuracy, file.accuracy),
        (keras.auc, file.auc),
        int(others.sum()),
        (keras.eer, file.eer),
        {name: keras.intervals[name] for name in RATES if name in keras.intervals},
    )
