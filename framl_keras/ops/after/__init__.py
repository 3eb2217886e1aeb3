"""One computation after another, where a backend is free to choose."""

from typing import Any

from keras import backend

Tensor = Any

if backend.backend() == "tensorflow":
    from framl_keras.ops.after.tensorflow import after
elif backend.backend() == "jax":
    from framl_keras.ops.after.jax import after
else:

    def after(value: Tensor, earlier: Tensor) -> Tensor:
        """A value whose use waits until another has been computed; Torch keeps the order."""
        return value


__all__ = ["after"]
