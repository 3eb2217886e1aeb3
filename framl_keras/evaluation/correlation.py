"""The peak of the full cross-correlation of many pairs of vectors.

The transforms are taken in the order in which SciPy's `correlate` takes them, in
float64, so their last bits agree too: they decide which side of a threshold a
degenerate pair falls on.
"""

import numpy as np

TIE = 1e-12  # lags closer than this, relative to the lengths, are summed to compare them


def fourier_peak(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The largest value over all `2 * dim - 1` lags, `(n, dim), (n, dim) -> (n,)`."""
    return _correlate(left, right).max(axis=1).astype(left.dtype, copy=False)


def direct_peak(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The same peak, its value summed in the vectors' own domain.

    Only where the peak lies is told by Fourier transforms. Where their
    rounding leaves it open, all lags are summed.
    """
    values = _correlate(left, right)
    places = values.argmax(axis=1)
    lengths = np.sqrt(np.vecdot(left, left) * np.vecdot(right, right))
    least = values[np.arange(len(values)), places] - _tolerance(left) * lengths
    is_open = np.count_nonzero(values >= least[:, None], axis=1) > 1
    peaks = np.empty(len(left), dtype=left.dtype)
    for row, (place, doubtful) in enumerate(zip(places.tolist(), is_open.tolist(), strict=True)):
        a, b = left[row], right[row]
        peaks[row] = np.correlate(a, b, "full").max() if doubtful else _sum_at(a, b, place)
    return peaks


def _tolerance(vectors: np.ndarray) -> float:
    """How far rounding may move a sum of products, relative to the vectors' lengths."""
    return TIE if vectors.dtype == np.float64 else 1e-6


def _sum_at(a: np.ndarray, b: np.ndarray, place: int) -> np.floating:
    """Entry `place` of the full cross-correlation of two vectors `(dim,)`."""
    lag = place - (len(b) - 1)
    return np.dot(a[lag:], b[: len(b) - lag]) if lag >= 0 else np.dot(a[:lag], b[-lag:])


def _correlate(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The full cross-correlation in float64, `(n, dim), (n, dim) -> (n, 2 * dim - 1)`."""
    lags = 2 * left.shape[1] - 1
    size = _fast_length(lags)
    spectrum = np.fft.rfft(_padded(left, size), axis=1)
    spectrum *= np.fft.rfft(_padded(right[:, ::-1], size), axis=1)
    return np.fft.irfft(spectrum, size, axis=1)[:, :lags]  # padding adds lags; they are no peak


def _padded(vectors: np.ndarray, size: int) -> np.ndarray:
    """Float64 copies followed by zeros: a third faster than letting the transform pad."""
    padded = np.zeros((len(vectors), size))
    padded[:, : vectors.shape[1]] = vectors
    return padded


def _fast_length(least: int) -> int:
    """The smallest number of at least `least` without prime factors above 5."""
    length = least
    while True:
        rest = length
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return length
        length += 1
