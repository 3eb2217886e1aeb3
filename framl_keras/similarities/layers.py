"""Similarities as Keras layers, pair by pair."""

from typing import Any, get_args

import keras
import numpy as np

from framl_keras.ops.correlation import Method, Transform, correlation_peak
from framl_keras.ops.precision import working_dtype
from framl_keras.similarities.registry import get
from framl_keras.similarities.similarity import Similarity

Tensor = Any
Shape = tuple[int | None, ...]


class SimilarityMeasure(keras.layers.Layer):
    """Base of layers that compare two batches of vectors, pair by pair.

    A subclass says which similarity it is. Values are float32 or better under any dtype
    policy: inputs are not cast down.

    Call arguments:
        a: `(..., dim)`.
        b: `(..., dim)`; leading axes broadcast.

    Output shape:
        `(...)`.

    Raises:
        ValueError: if the vectors differ in length.
    """

    similarity: Similarity

    def __init__(self, **kwargs: Any):
        super().__init__(autocast=False, **kwargs)

    def call(self, a: Tensor, b: Tensor) -> Tensor:
        return self.similarity.value(a, b)

    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        """The measure turned so that lower is more alike: 1 - value, or a distance itself.

        Args:
            a: `(..., dim)`.
            b: `(..., dim)`; leading axes broadcast.

        Returns:
            `(...)`, what verification thresholds.
        """
        value = self(a, b)
        return value if self.similarity.lower_is_alike else 1.0 - value

    def compute_output_shape(self, a_shape: Shape, b_shape: Shape) -> Shape:
        if a_shape[-1] != b_shape[-1]:
            raise ValueError(
                "Both inputs must be vectors of the same length. "
                f"Received: shapes {tuple(a_shape)} and {tuple(b_shape)}"
            )
        return broadcast_leading(tuple(a_shape[:-1]), tuple(b_shape[:-1]))

    def compute_output_spec(self, a: Tensor, b: Tensor) -> keras.KerasTensor:
        shape = self.compute_output_shape(a.shape, b.shape)
        return keras.KerasTensor(shape, dtype=working_dtype(a.dtype, b.dtype))


@keras.saving.register_keras_serializable("framl_keras")
class Difference(SimilarityMeasure):
    """The squared L2 distance between two vectors: |a - b|².

    Call arguments:
        a: `(..., dim)`.
        b: `(..., dim)`; leading axes broadcast.

    Output shape:
        `(...)`, from 0 up; lower is more alike.

    Example:
    >>> layer = Difference()
    >>> float(layer(np.array([[3.0, 4.0]]), np.array([[0.0, 0.0]]))[0])
    25.0
    """

    similarity = get("diff")


@keras.saving.register_keras_serializable("framl_keras")
class CosineSimilarity(SimilarityMeasure):
    """The cosine of the angle between two vectors: a·b / (|a| |b|).

    It is 0, with gradient 0, where either vector is zero.

    Call arguments:
        a: `(..., dim)`.
        b: `(..., dim)`; leading axes broadcast.

    Output shape:
        `(...)`, within [-1, 1]; higher is more alike.

    Example:
    >>> layer = CosineSimilarity()
    >>> round(float(layer(np.array([[3.0, 4.0]]), np.array([[6.0, 8.0]]))[0]), 6)
    1.0
    """

    similarity = get("cos")


@keras.saving.register_keras_serializable("framl_keras")
class StructuralSimilarity(SimilarityMeasure):
    """SSIM over the whole vector, with population variances, C1 = 1e-4 and C2 = 2e-4.

    (2 μa μb + C1) (2 σab + C2) / ((μa² + μb² + C1) (σa² + σb² + C2))

    Call arguments:
        a: `(..., dim)`.
        b: `(..., dim)`; leading axes broadcast.

    Output shape:
        `(...)`, within [-1, 1]; higher is more alike.

    Example:
    >>> layer = StructuralSimilarity()
    >>> float(layer(np.array([[3.0, 4.0]]), np.array([[3.0, 4.0]]))[0])
    1.0
    """

    similarity = get("ssim")


@keras.saving.register_keras_serializable("framl_keras")
class CrossCorrelation(SimilarityMeasure):
    """The peak of the full cross-correlation of two vectors.

    max over k = 1 - dim ... dim - 1 of the sum over n of a[n + k]·b[n]

    Args:
        method: `direct` sums as it stands, `fft` goes through the Fourier transform,
            `auto` chooses the quicker one by `dim`.
        transform: `native` for the backend's FFT; `matmul` for a DFT by matrix product,
            for devices and export targets without an FFT.

    Call arguments:
        a: `(..., dim)`.
        b: `(..., dim)`; leading axes broadcast.

    Output shape:
        `(...)`; higher is more alike.

    Raises:
        ValueError: if an option is unknown, or the vectors differ in length.

    Example:
    >>> layer = CrossCorrelation()
    >>> float(layer(np.array([[0.0, 1.0, 2.0]]), np.array([[1.0, 2.0, 0.0]]))[0])
    5.0
    """

    similarity = get("corr")

    def __init__(self, method: Method = "auto", transform: Transform = "native", **kwargs: Any):
        super().__init__(**kwargs)
        _check_option("method", method, get_args(Method))
        _check_option("transform", transform, get_args(Transform))
        self.method = method
        self.transform = transform

    def call(self, a: Tensor, b: Tensor) -> Tensor:
        return correlation_peak(a, b, self.method, self.transform)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "method": self.method, "transform": self.transform}


@keras.saving.register_keras_serializable("framl_keras")
class NamedSimilarity(SimilarityMeasure):
    """A similarity that was registered under a name.

    Args:
        similarity: the name; it must be registered wherever a saved layer is loaded.

    Call arguments:
        a: `(..., dim)`.
        b: `(..., dim)`; leading axes broadcast.

    Output shape:
        `(...)`.

    Raises:
        UserError: if there is no similarity of that name.
    """

    def __init__(self, similarity: str, **kwargs: Any):
        super().__init__(**kwargs)
        self.similarity = get(similarity)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "similarity": self.similarity.name}


def broadcast_leading(a: Shape, b: Shape) -> Shape:
    """NumPy's broadcasting of two shapes, where an unknown size matches any."""
    rank = max(len(a), len(b))
    a, b = (1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b
    return tuple(_broadcast_size(x, y) for x, y in zip(a, b, strict=True))


def _broadcast_size(x: int | None, y: int | None) -> int | None:
    if x is None or y is None:
        known = y if x is None else x
        return None if known == 1 else known
    return np.broadcast_shapes((x,), (y,))[0]


def _check_option(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"`{name}` must be one of {list(known)}. Received: {name}={value!r}")
