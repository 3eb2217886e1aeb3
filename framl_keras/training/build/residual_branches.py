"""Residual branches that begin by adding nothing."""

import keras
import numpy as np

from framl_keras.errors import UserError
from framl_keras.keras_internals import Operation, layers_within, maker_of, operations_before


def zero_init_residual(model: keras.Model) -> None:
    """Sets the last gamma of each residual branch to zero, so that blocks begin as their shortcut.

    A deep network with random weights and batch normalization multiplies its gradients
    from block to block: ResNet50's reach hundreds at its first convolution. As rounding
    grows with them, such a network's first steps are also not the same on any two machines.

    Args:
        model: a functional model; models within it are seen to as well.

    Raises:
        UserError: if no branch ends in a batch normalization that has a gamma.

    Reference:
        Goyal et al., "Accurate, Large Minibatch SGD", 2017, section 5.1
    """
    additions = [x for x in layers_within(model) if isinstance(x, keras.layers.Add)]
    ends = [_end_of_branch(addition) for addition in additions]
    normalized = [end for end in ends if _has_gamma(end)]
    if not normalized:
        raise UserError(
            "model.zero_init_residual: this backbone has no residual branch that ends in "
            "batch normalization; leave the key out"
        )
    for layer in normalized:
        layer.gamma.assign(np.zeros(layer.gamma.shape, "float32"))


def _end_of_branch(addition: keras.layers.Add) -> Operation:
    """What makes the branch's side of a sum: the side with more operations before it."""
    makers = [maker_of(tensor) for tensor in addition.input]
    return max(makers, key=lambda maker: len(_before(maker)))


def _before(operation: Operation) -> set[int]:
    """The operations that one depends on, by identity."""
    seen: set[int] = set()
    waiting = [operation]
    while waiting:
        for before in operations_before(waiting.pop()):
            if id(before) not in seen:
                seen.add(id(before))
                waiting.append(before)
    return seen


def _has_gamma(layer: Operation) -> bool:
    return isinstance(layer, keras.layers.BatchNormalization) and layer.scale
