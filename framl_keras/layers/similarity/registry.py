"""Similarity layers by their names on the command line."""

import difflib
from collections.abc import Callable
from functools import partial

from framl_keras.errors import UserError
from framl_keras.layers.similarity.cosine import CosineSimilarity
from framl_keras.layers.similarity.cross_correlation import CrossCorrelation
from framl_keras.layers.similarity.difference import Difference
from framl_keras.layers.similarity.measure import SimilarityMeasure
from framl_keras.layers.similarity.structural import StructuralSimilarity

_MEASURES: dict[str, Callable[[], SimilarityMeasure]] = {
    "diff": Difference,
    "cos": CosineSimilarity,
    "corr": CrossCorrelation,
    "fft_corr": partial(CrossCorrelation, method="fft"),
    "direct_corr": partial(CrossCorrelation, method="direct"),
    "ssim": StructuralSimilarity,
}


def names() -> list[str]:
    """The names that `get` knows."""
    return list(_MEASURES)


def get(name: str) -> SimilarityMeasure:
    """A new similarity layer.

    Args:
        name: one of `names()`.

    Raises:
        UserError: if there is none of that name.
    """
    if name in _MEASURES:
        return _MEASURES[name]()
    near = difflib.get_close_matches(str(name), names(), n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise UserError(f"Unknown similarity {name!r}. Expected one of {', '.join(names())}.{hint}")
