"""Which layers of a model are not trained."""

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

import keras

from framl_keras.errors import UserError
from framl_keras.keras_internals import layers_within
from framl_keras.models.embedder import BACKBONE

LISTED = 12  # names in one error


def freeze(model: keras.Model, patterns: Iterable[str]) -> None:
    """Freezes the layers whose names match; do this before compiling.

    A frozen batch norm uses its running statistics, and does not change them.

    Args:
        model: a training or an embedding model.
        patterns: names with `*`, `?` and `[…]`, such as `stage1_*`; `backbone` is the network.

    Raises:
        UserError: if a pattern matches no layer that has weights, or nothing is left to train.
    """
    patterns = list(patterns)
    layers = list(_named_layers(model))
    for pattern in patterns:
        matching = [layer for name, layer in layers if fnmatchcase(name, pattern)]
        if not matching:
            raise UserError(_no_such_layer(pattern, [name for name, _ in layers]))
        for layer in matching:
            layer.trainable = False
    if patterns and not model.trainable_variables:
        raise UserError(f"model.freeze: {', '.join(patterns)} leave nothing to train.")


def _named_layers(model: keras.Model) -> Iterator[tuple[str, keras.layers.Layer]]:
    """Every layer that has weights, however deep, by its name; the network is `backbone` too."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield BACKBONE, layer
    for layer in layers_within(model):
        if layer.weights:
            yield layer.name, layer


def _no_such_layer(pattern: str, names: list[str]) -> str:
    names = sorted(set(names))
    start = pattern.split("*", maxsplit=1)[0]
    near = [name for name in names if start and name.startswith(start[: max(3, len(start) // 2)])]
    shown = (near or names)[:LISTED]
    more = "" if len(names) == len(shown) else ", …"
    return (
        f"model.freeze: no layer with weights is called {pattern!r}. "
        f"Expected names such as {', '.join(shown)}{more}"
    )
