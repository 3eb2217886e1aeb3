"""Full cross-correlation of vectors and its peak, directly or by Fourier transform."""

from typing import Any, Literal

from keras import ops

from framl_keras.ops import backend, dft
from framl_keras.ops.precision import at_least_float32

Tensor = Any
Method = Literal["auto", "fft", "direct"]
Transform = Literal["native", "matmul"]

# From this dimension on the Fourier transform is the quicker one; see
# benchmarks/similarity_layers.py.
FOURIER_FROM = 32


def correlation_peak(
    a: Tensor, b: Tensor, method: Method = "auto", transform: Transform = "native"
) -> Tensor:
    """The largest value of the full cross-correlation, over all 2·dim - 1 lags.

    Args:
        a: `(..., dim)`.
        b: `(..., dim)`; leading axes broadcast.
        method: `direct`, `fft`, or `auto` to choose by `dim`.
        transform: `native` for the backend's FFT, `matmul` for a DFT by matrix product.

    Returns:
        `(...)`, float32 or better.
    """
    if method == "direct" or (method == "auto" and a.shape[-1] < FOURIER_FROM):
        return _peak(direct_correlation(a, b))
    return _peak(fourier_correlation(a, b, transform))


def direct_correlation(a: Tensor, b: Tensor) -> Tensor:
    """Sums over n of a[n + k]·b[n] for lags k = 1 - dim ... dim - 1, as they stand.

    Every pair is one channel of a depthwise convolution, so the memory is that of
    the vectors and not of all products.

    Args:
        a: `(..., dim)`.
        b: `(..., dim)`; leading axes broadcast.

    Returns:
        `(..., 2 * dim - 1)`, float32 or better, ordered as `numpy.correlate(a, b, "full")`.
    """
    a, b, leading = _rows(a, b)
    dim = a.shape[-1]
    sums = ops.depthwise_conv(
        ops.transpose(ops.pad(a, [[0, 0], [dim - 1, dim - 1]]))[None],
        ops.transpose(b)[:, :, None],
        strides=1,
        padding="valid",
        data_format="channels_last",
    )
    return _unrow(ops.transpose(sums[0]), leading)


def fourier_correlation(a: Tensor, b: Tensor, transform: Transform = "native") -> Tensor:
    """The same sums as `direct_correlation` by the convolution theorem.

    The transform is long enough that no lag wraps around onto another, and the
    shifts that only its padding makes (all zero) are dropped: they would hide a
    negative peak.

    Args:
        a: `(..., dim)`.
        b: `(..., dim)`; leading axes broadcast.
        transform: `native` for the backend's FFT, `matmul` for a DFT by matrix product.

    Returns:
        `(..., 2 * dim - 1)`, float32 or better, ordered as `numpy.correlate(a, b, "full")`.
    """
    a, b, leading = _rows(a, b)
    dim = a.shape[-1]
    length = fast_length(2 * dim - 1) if transform == "native" else 2 * dim - 1
    chosen = dft if transform == "matmul" else backend
    shifts = chosen.circular_correlation(a, b, length)
    lags = ops.concatenate([shifts[..., length - dim + 1 :], shifts[..., :dim]], axis=-1)
    return _unrow(lags, leading)


def _peak(correlation: Tensor) -> Tensor:
    """The largest value `(...)` of each row; among equals the gradient goes to the first.

    `ops.max` would refuse an empty batch, and share the gradient differently on each backend.
    """
    place = ops.argmax(correlation, axis=-1, keepdims=True)
    return ops.squeeze(ops.take_along_axis(correlation, place, axis=-1), axis=-1)


def fast_length(length: int) -> int:
    """The least number from `length` on with no prime factor but 2, 3 and 5."""
    while _without_small_factors(length) > 1:
        length += 1
    return length


def _without_small_factors(number: int) -> int:
    for factor in (2, 3, 5):
        while number % factor == 0:
            number //= factor
    return number


def _rows(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, tuple]:
    """Both as `(pairs + 1, dim)`, and the leading axes to give back.

    The last pair is of zeros: convolutions and Fourier transforms refuse an empty batch.
    """
    a, b = at_least_float32(a, b)
    if a.shape != b.shape:
        a, b = a + ops.zeros_like(b), b + ops.zeros_like(a)
    rows = [ops.pad(ops.reshape(x, (-1, x.shape[-1])), [[0, 1], [0, 0]]) for x in (a, b)]
    return *rows, ops.shape(a)[:-1]


def _unrow(rows: Tensor, leading: tuple) -> Tensor:
    """`(pairs + 1, n)` as `(*leading, n)`, without the last pair."""
    return ops.reshape(rows[:-1], (*leading, rows.shape[-1]))
