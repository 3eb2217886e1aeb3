"""Values and gradients on the running backend, and finite differences in float64."""

from collections.abc import Callable

import keras
import numpy as np
from keras import ops


def values(
    function: Callable, *inputs: np.ndarray, dtype: str = "float32", jit: bool = True
) -> np.ndarray:
    """What a function of tensors gives for NumPy inputs.

    Without `jit` JAX compiles each operation by itself, and remembers it for the next
    test: quicker where many tests have inputs of the same shapes.
    """
    compiled = _compiled(function) if jit else function
    return ops.convert_to_numpy(compiled(*_tensors(inputs, dtype)))


def gradients(
    function: Callable, *inputs: np.ndarray, dtype: str = "float32", jit: bool = True
) -> list[np.ndarray]:
    """The gradient of sum(function(*inputs)) in each input, computed by the running backend."""

    def total(*tensors):
        return ops.sum(function(*tensors))

    grads = {"jax": _jax, "tensorflow": _tensorflow, "torch": _torch}[keras.backend.backend()]
    return [
        ops.convert_to_numpy(ops.cast(grad, "float32")).astype(np.float64)
        for grad in grads(total, _tensors(inputs, dtype), jit)
    ]


def _tensors(inputs, dtype):
    return [ops.cast(ops.convert_to_tensor(np.float32(x)), dtype) for x in inputs]


def _compiled(function):
    if keras.backend.backend() != "jax":
        return function
    import jax

    return jax.jit(function)


def _jax(total, tensors, jit):
    import jax

    grad = jax.grad(total, argnums=tuple(range(len(tensors))))
    return (jax.jit(grad) if jit else grad)(*tensors)


def _tensorflow(total, tensors, _jit):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(tensors)
        value = total(*tensors)
    return [tf.convert_to_tensor(grad) for grad in tape.gradient(value, tensors)]


def _torch(total, tensors, _jit):
    import torch

    tensors = [tensor.detach().requires_grad_() for tensor in tensors]
    return torch.autograd.grad(total(*tensors), tensors)


def finite_differences(
    function: Callable, *inputs: np.ndarray, step: float = 1e-6
) -> list[np.ndarray]:
    """The same by central differences of a NumPy function in float64."""
    inputs = [np.array(x, dtype=np.float64) for x in inputs]
    return [_differences(function, inputs, x, step) for x in inputs]


def _differences(function, inputs, x, step):
    grad = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        kept = x[place]
        x[place] = kept + step
        above = np.sum(function(*inputs))
        x[place] = kept - step
        grad[place] = (above - np.sum(function(*inputs))) / (2 * step)
        x[place] = kept
    return grad
