"""What each identity's loss is multiplied with."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from framl_keras.errors import UserError


def class_weights(
    given: Literal["balanced"] | Mapping[str, float] | None,
    class_names: Sequence[str],
    class_sizes: Sequence[int],
) -> list[float] | None:
    """A weight for each class, or None where all count alike.

    Args:
        given: `balanced` for N / (C * n): N images of C classes, n of this one; or weights by
            the classes' names, 1 for those that are not named.
        class_names: the identity's name at each label.
        class_sizes: how many images each identity has, at least one.

    Raises:
        UserError: if a name is no identity's.

    Example:
    >>> class_weights("balanced", ["ada", "eve"], [1, 3])
    [2.0, 0.6666666666666666]
    """
    if given is None:
        return None
    if given == "balanced":
        sizes = np.asarray(class_sizes, dtype=np.float64)
        weights: list[float] = (sizes.sum() / (len(sizes) * sizes)).tolist()
        return weights
    assert not isinstance(given, str)
    if strange := sorted(given.keys() - set(class_names)):
        raise UserError(
            f"train.class_weight: no identity is called {strange[0]!r}. Expected names of the "
            f"training data, such as {class_names[0]!r}, or `balanced`."
        )
    return [float(given.get(name, 1.0)) for name in class_names]
