"""The peak of the full cross-correlation of many pairs of vectors.

The transforms are taken in the order in which SciPy's `correlate` takes them, in
float64, so their last bits agree too: they decide which side of a threshold a
degenerate pair falls on.
"""

from collections.abc import Iterator

import numpy as np

ROWS = 32  # pairs at a time: two padded vectors, their spectra and their product stay in cache
TIE = {"d": 1e-12, "f": 1e-6}  # lags closer than this, relative to the lengths, are summed


def fourier_peak(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The largest value over all `2 * dim - 1` lags, `(n, dim), (n, dim) -> (n,)`."""
    peaks = np.empty(len(left), dtype=left.dtype)
    for rows, values in _correlations(left, right):
        values.max(axis=1, out=peaks[rows])
    return peaks


def direct_peak(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The same peak, its value summed in the vectors' own domain.

    Only where the peak lies is told by Fourier transforms. Where their
    rounding leaves it open, all lags are summed.
    """
    peaks = np.empty(len(left), dtype=left.dtype)
    for rows, values in _correlations(left, right):
        a, b = left[rows], right[rows]
        places, is_open = _places(values, np.sqrt(np.vecdot(a, a) * np.vecdot(b, b)))
        for row, (place, several) in enumerate(zip(places, is_open, strict=True)):
            sum_up = _sum_over_all if several else _sum_at
            peaks[rows.start + row] = sum_up(a[row], b[row], place)
    return peaks


def peaks_of_all_pairs(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Peaks of each left with each right vector, `(n, dim), (m, dim) -> (n, m)`."""
    lags = 2 * left.shape[1] - 1
    size = _fast_length(lags)
    spectra_l = np.fft.rfft(left.astype(np.float64), size, axis=1)
    spectra_r = np.fft.rfft(right[:, ::-1].astype(np.float64), size, axis=1)
    product, values = np.empty_like(spectra_r), np.empty((len(right), size))
    peaks = np.empty((len(left), len(right)), dtype=left.dtype)
    for row, spectrum in enumerate(spectra_l):
        np.multiply(spectra_r, spectrum, out=product)
        np.fft.irfft(product, size, axis=1, out=values)
        values[:, :lags].max(axis=1, out=peaks[row])
    return peaks


def _places(values: np.ndarray, lengths: np.ndarray) -> tuple[list[int], list[bool]]:
    """Where the peaks lie, and whether rounding leaves that open."""
    places = values.argmax(axis=1)
    least = values[np.arange(len(values)), places] - TIE[lengths.dtype.char] * lengths
    is_open = np.count_nonzero(values >= least[:, None], axis=1) > 1
    return places.tolist(), is_open.tolist()


def _sum_at(a: np.ndarray, b: np.ndarray, place: int) -> np.floating:
    """Entry `place` of the full cross-correlation of two vectors `(dim,)`."""
    lag = place - (len(b) - 1)
    return np.dot(a[lag:], b[: len(b) - lag]) if lag >= 0 else np.dot(a[:lag], b[-lag:])


def _sum_over_all(a: np.ndarray, b: np.ndarray, _: int) -> np.floating:
    """The largest entry of the full cross-correlation of two vectors `(dim,)`."""
    return np.correlate(a, b, "full").max()


def _correlations(left: np.ndarray, right: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Some rows and their full cross-correlations, float64 `(rows, 2 * dim - 1)`, in turn.

    The arrays are used again for the next rows: fresh ones cost more than the transforms.
    """
    dim = left.shape[1]
    size = _fast_length(2 * dim - 1)
    padded = np.zeros((2, ROWS, size))
    spectra = np.empty((2, ROWS, size // 2 + 1), dtype=np.complex128)
    values = np.empty((ROWS, size))
    for first in range(0, len(left), ROWS):
        rows = slice(first, min(first + ROWS, len(left)))
        count = rows.stop - first
        padded[0, :count, :dim], padded[1, :count, :dim] = left[rows], right[rows, ::-1]
        np.fft.rfft(padded, axis=2, out=spectra)
        np.multiply(spectra[0], spectra[1], out=spectra[0])
        np.fft.irfft(spectra[0], size, axis=1, out=values)
        yield rows, values[:count, : 2 * dim - 1]  # padding adds lags; they are no peak


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
