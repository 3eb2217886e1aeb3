"""Similarities by their names."""

import re
from collections.abc import Callable
from typing import Any

from framl_keras.registry import Registry
from framl_keras.similarities.cosine import Cosine
from framl_keras.similarities.cross_correlation import Correlation
from framl_keras.similarities.difference import SquaredDifference
from framl_keras.similarities.similarity import Similarity
from framl_keras.similarities.structural import Structural

_OURS: tuple[Similarity, ...] = (
    SquaredDifference(),
    Cosine(),
    Correlation(),
    Correlation("fft"),
    Correlation("direct"),
    Structural(),
)
_SIMILARITIES: Registry[Similarity] = Registry("similarity")
for _similarity in _OURS:
    _SIMILARITIES.register(_similarity.name, _similarity)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_MEANS_EVERY_ONE = "all"


def register(
    name: str,
    similarity: Similarity | type[Similarity] | Callable[..., Any] | None = None,
    lower_is_alike: bool = False,
) -> Any:
    """Gives a similarity a name, by which recipes, commands and functions then know it.

    Args:
        name: letters, digits and underscores.
        similarity: a `Similarity`, a class of it, or a function `(a, b, ops)` as
            `Similarity.formula`; None to use this as a decorator.
        lower_is_alike: for a function, whether its value is a distance.

    Returns:
        `similarity`, or the decorator.

    Raises:
        ValueError: if the name is taken or cannot be one.

    Example:
    >>> @register("manhattan_distance", lower_is_alike=True)
    ... def manhattan(a, b, ops):
    ...     return ops.sum(ops.absolute(a - b), axis=-1)
    >>> "manhattan_distance" in names()
    True
    """
    if similarity is None:
        return lambda decorated: register(name, decorated, lower_is_alike)
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name == _MEANS_EVERY_ONE:
        raise ValueError(
            "`name` must be made of letters, digits and underscores, and not `all`. "
            f"Received: name={name!r}"
        )
    added = _as_similarity(similarity, lower_is_alike)
    is_again = name in _SIMILARITIES and _origin(_SIMILARITIES[name]) == _origin(added)
    _SIMILARITIES.register(name, added, replace=is_again)
    added.name = name
    return similarity


def names() -> tuple[str, ...]:
    """The names of all similarities: ours, then those that were registered.

    Example:
    >>> "fft_corr" in names()
    True
    """
    return tuple(_SIMILARITIES.names())


def get(name: str) -> Similarity:
    """The similarity of a name.

    Raises:
        UserError: if there is none; it lists them and suggests a near one.

    Example:
    >>> get("cos").name
    'cos'
    """
    return _SIMILARITIES[name]


def check_similarity(name: str) -> str:
    """The name itself, if there is such a similarity.

    Raises:
        UserError: if not; it lists them and suggests a near one.

    Example:
    >>> check_similarity("ssim")
    'ssim'
    """
    return get(name).name


class _Function(Similarity):
    """A similarity whose formula is a function."""

    def __init__(self, formula: Callable[..., Any], lower_is_alike: bool):
        self.function, self.lower_is_alike = formula, lower_is_alike

    def formula(self, a: Any, b: Any, ops: Any) -> Any:
        return self.function(a, b, ops)


def _as_similarity(given: Any, lower_is_alike: bool) -> Similarity:
    if isinstance(given, type) and issubclass(given, Similarity):
        return given()
    if isinstance(given, Similarity):
        return given
    if callable(given) and not isinstance(given, type):
        return _Function(given, lower_is_alike)
    raise ValueError(
        "`similarity` must be a `Similarity`, a class of it, or a function of (a, b, ops). "
        f"Received: similarity={given!r}"
    )


def _origin(similarity: Similarity) -> tuple[str, str]:
    """Where its code stands: a module that is loaded anew may register the same again."""
    source: Any = similarity.function if isinstance(similarity, _Function) else type(similarity)
    return source.__module__, source.__qualname__
