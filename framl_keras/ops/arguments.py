"""Arguments as plain Python values: NumPy's numbers are numbers, and a config stays JSON."""

import math
import numbers
from collections.abc import Collection
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")


def real(
    name: str, value: Any, low: float = -math.inf, high: float = math.inf, expected: str = ""
) -> float:
    """A number as Python's int or float.

    Args:
        name: the argument's.
        value: Python's or NumPy's number, also an array of one.
        low: least value.
        high: what the value must be below.
        expected: what an error says was expected; the bounds, where it is left out.

    Raises:
        ValueError: if it is no number, not finite, or out of range.
    """
    number = _plain(value)
    if isinstance(number, bool) or not isinstance(number, numbers.Real):
        number = math.nan
    if not low <= number < high or math.isinf(number):
        expected = expected or f"within [{low:g}, {high:g})"
        raise ValueError(f"`{name}` must be {expected}. Received: {name}={value!r}")
    return int(number) if isinstance(number, numbers.Integral) else float(number)


def positive(name: str, value: Any) -> float:
    """A positive number, see `real`."""
    return real(name, value, low=math.ulp(0.0), expected="positive and finite")


def whole(name: str, value: Any, low: float = -math.inf, expected: str = "an integer") -> int:
    """An integer as Python's.

    Raises:
        ValueError: if it is none, or less than `low`.
    """
    number = _plain(value)
    is_whole = isinstance(number, numbers.Integral) and not isinstance(number, bool)
    if not is_whole or number < low:
        raise ValueError(f"`{name}` must be {expected}. Received: {name}={value!r}")
    return int(number)


def count(name: str, value: Any) -> int:
    """A positive integer, see `whole`."""
    return whole(name, value, 1, "a positive integer")


def weights_of_classes(values: Any, num_classes: int) -> list[float] | None:
    """A positive number for each class, or None.

    Raises:
        ValueError: if there is another number of them, or one is not positive and finite.
    """
    if values is None:
        return None
    try:
        weights = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        weights = np.zeros(0)
    if weights.shape != (num_classes,) or not np.all((weights > 0) & (weights < math.inf)):
        raise ValueError(
            f"`class_weights` must be {num_classes} positive numbers, one for each class. "
            f"Received: class_weights={str(values)[:80]}"
        )
    return [float(weight) for weight in weights]


def flag(name: str, value: Any) -> bool:
    """A truth value as Python's.

    Raises:
        ValueError: if it is none.
    """
    plain = _plain(value)
    if not isinstance(plain, bool):
        raise ValueError(f"`{name}` must be True or False. Received: {name}={value!r}")
    return plain


def one_of(name: str, value: T, known: Collection[str]) -> T:
    """One of a few words.

    Raises:
        ValueError: if it is none of them.
    """
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"`{name}` must be one of {list(known)}. Received: {name}={value!r}")
    return value


def _plain(value: Any) -> Any:
    """NumPy's scalars and arrays of no dimension as Python's; anything else as it is."""
    is_scalar = isinstance(value, np.generic | np.ndarray) and value.ndim == 0
    return value.item() if is_scalar else value
