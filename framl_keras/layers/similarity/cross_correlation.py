"""Peak of the cross-correlation."""

from typing import Any, get_args

import keras

from framl_keras.layers.similarity.measure import SimilarityMeasure
from framl_keras.ops.correlation import Method, correlation_peak
from framl_keras.ops.fft import Transform

Tensor = Any


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


def _check_option(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"`{name}` must be one of {list(known)}. Received: {name}={value!r}")
