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
FRAME = 32  # numbers of one vector that are multiplied at a time


def correlation_peak(
    a: Tensor, b: Tensor, method: Method = "auto", transform: Transform = "native"
) -> Tensor:
    """The largest value of the full cross-correlation, over all 2·dim - 1 lags.

    Args:
        a: `(..., dim)`.
        b: `(..., dim)`; leading axes broadcast.
        method: `direct`, `fft`, or `auto` to choose by `dim`.
        transform: `native` for the backend's FFT, `matmul` for a DFT by matrix product,
            which also serves where the number of pairs is not known yet: a graph to export.

    Returns:
        `(...)`, float32 or better.
    """
    if method == "direct" or (method == "auto" and a.shape[-1] < FOURIER_FROM):
        return backend.first_largest(direct_correlation(a, b))
    return backend.first_largest(fourier_correlation(a, b, transform))


def direct_correlation(a: Tensor, b: Tensor) -> Tensor:
    """Sums over n of a[n + k]·b[n] for lags k = 1 - dim ... dim - 1, as they stand.

    Every pair is one channel of a depthwise convolution, so the memory is that of
    the vectors and not of all products. Where the number of pairs is not known yet, as
    in a graph to export, the sums are matrix products instead.

    Args:
        a: `(..., dim)`.
        b: `(..., dim)`; leading axes broadcast.

    Returns:
        `(..., 2 * dim - 1)`, float32 or better, ordered as `numpy.correlate(a, b, "full")`.
    """
    a, b, leading = _rows(a, b)
    dim = int(a.shape[-1])
    if not _is_known(a.shape[0]):
        return _unrow(_sums_of_frames(a, b, dim), leading)
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
        transform: `native` for the backend's FFT, `matmul` for a DFT by matrix product,
            which also serves where the number of pairs is not known yet: a graph to export.

    Returns:
        `(..., 2 * dim - 1)`, float32 or better, ordered as `numpy.correlate(a, b, "full")`.
    """
    a, b, leading = _rows(a, b)
    dim = int(a.shape[-1])
    is_native = transform == "native" and _is_known(a.shape[0])
    length = fast_length(2 * dim - 1) if is_native else 2 * dim - 1
    shifts = (backend if is_native else dft).circular_correlation(a, b, length)
    lags = ops.concatenate([shifts[..., length - dim + 1 :], shifts[..., :dim]], axis=-1)
    return _unrow(lags, leading)


def _sums_of_frames(a: Tensor, b: Tensor, dim: int) -> Tensor:
    """`direct_correlation` of rows by operations that every export format has.

    b is cut into pieces of `FRAME` numbers. One matrix product multiplies each with all
    stretches of a that are as long; the sums of its pieces are then added at their shifts.
    """
    pieces = -(-dim // FRAME)
    lags, starts = 2 * dim - 1, 2 * dim - 1 + FRAME * (pieces - 1)
    after = starts + FRAME - lags
    a = ops.pad(a, [[0, 0], [dim - 1, after]])
    b = ops.reshape(ops.pad(b, [[0, 0], [0, FRAME * pieces - dim]]), (-1, pieces, FRAME))
    frames = ops.stack([a[:, n : n + starts] for n in range(FRAME)], axis=2)
    sums = ops.matmul(frames, ops.transpose(b, (0, 2, 1)))
    return sum(sums[:, FRAME * n : FRAME * n + lags, n] for n in range(pieces))


def _is_known(size: Any) -> bool:
    """Whether a size is a number already, and not one that a graph leaves open."""
    return isinstance(size, int)


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


def _rows(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, tuple[Any, ...]]:
    """Both as `(pairs + 1, dim)`, and the leading axes to give back.

    The last pair is of zeros: convolutions and Fourier transforms refuse an empty batch.
    """
    a, b = at_least_float32(a, b)
    if a.shape != b.shape:
        a, b = a + ops.zeros_like(b), b + ops.zeros_like(a)
    rows = [ops.pad(ops.reshape(x, (-1, x.shape[-1])), [[0, 1], [0, 0]]) for x in (a, b)]
    return *rows, ops.shape(a)[:-1]


def _unrow(rows: Tensor, leading: tuple[Any, ...]) -> Tensor:
    """`(pairs + 1, n)` as `(*leading, n)`, without the last pair."""
    return ops.reshape(rows[:-1], (*leading, rows.shape[-1]))
