"""`corr`, `fft_corr` and `direct_corr`: the peak of the full cross-correlation.

OpenCV's row-wise transforms take half of NumPy's time. SciPy's `correlate` rounds as
NumPy's do, and where the last bit matters so do we.
"""

import threading
from collections.abc import Iterator
from typing import Any, Literal

import cv2
import numpy as np

from framl_keras.similarities.rows import Rows
from framl_keras.similarities.similarity import Similarity

Method = Literal["auto", "fft", "direct"]

ROWS = 64  # pairs at a time: two padded vectors, their spectra and their product stay in cache
TIE = {"d": 1e-12, "f": 1e-6}  # lags closer than this, relative to the lengths, are summed
INVERSE = cv2.DFT_ROWS | cv2.DFT_INVERSE | cv2.DFT_REAL_OUTPUT | cv2.DFT_SCALE
GRID, NEAR = 100, 1e-7  # FRAML's thresholds in one, and how near to one of them is on it


class Correlation(Similarity):
    """max over k = 1 - dim ... dim - 1 of the sum over n of a[n + k]·b[n].

    Args:
        method: `direct` sums as it stands, `fft` goes through the Fourier transform. `auto`
            is the layer's quicker one by `dim`; for many pairs it is `direct`.
    """

    def __init__(self, method: Method = "auto"):
        self.name = "corr" if method == "auto" else f"{method}_corr"
        self.method = method
        self.reads_parts = method == "fft"

    def formula(self, a: Any, b: Any, ops: Any) -> Any:
        from framl_keras.ops.correlation import correlation_peak

        return correlation_peak(a, b, self.method)

    def layer(self) -> Any:
        from framl_keras.similarities.layers import CrossCorrelation

        return CrossCorrelation(method=self.method)

    def distances(self, left: np.ndarray | Rows, right: np.ndarray | Rows) -> np.ndarray:
        if self.method == "fft":
            return 1 - fourier_peak(left, right)
        return 1 - direct_peak(np.asarray(left), np.asarray(right))

    def probes(self, vectors: np.ndarray) -> tuple[np.ndarray, int]:
        return spectra_of(vectors)

    def gallery(self, vectors: np.ndarray) -> tuple[np.ndarray, int]:
        return spectra_of(vectors[:, ::-1])

    def score(self, probes: Any, gallery: Any) -> np.ndarray:
        return peaks_of_all_pairs(probes, gallery)


def fourier_peak(left: np.ndarray | Rows, right: np.ndarray | Rows) -> np.ndarray:
    """The largest value over all `2 * dim - 1` lags, `(n, dim), (n, dim) -> (n,)`.

    A peak on FRAML's grid of thresholds is computed again as SciPy does: on which side
    it falls hangs on its last bit, and whole sets of alike pairs fall there together.
    """
    peaks = np.empty(len(left))
    for rows, values in _correlations(left, right):
        values.max(axis=1, out=peaks[rows])
    on_grid = np.abs(GRID * peaks - np.rint(GRID * peaks)) < NEAR
    if on_grid.any():
        peaks[on_grid] = _peaks_like_scipy(left[on_grid], right[on_grid])
    return peaks.astype(left.dtype, copy=False)


def _peaks_like_scipy(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """`fourier_peak` by the transforms, and in the order, of SciPy's `correlate`."""
    spectra = spectra_of(left)[0] * spectra_of(right[:, ::-1])[0]
    lags = 2 * left.shape[1] - 1
    values = np.fft.irfft(spectra, cv2.getOptimalDFTSize(lags), axis=1)
    return values[:, :lags].max(axis=1)


def direct_peak(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The same peak, its value summed in the vectors' own domain.

    Only where the peak lies is told by Fourier transforms. Where their
    rounding leaves it open, all lags are summed.
    """
    peaks = np.vecdot(left, right)  # right for pairs whose peak is at lag 0, as most same-pairs' is
    lengths = np.sqrt(np.vecdot(left, left) * np.vecdot(right, right))
    for rows, values in _correlations(left, right):
        places, is_open = _places(values, TIE[left.dtype.char] * lengths[rows])
        for row in np.flatnonzero(is_open).tolist():
            a, b = left[rows.start + row], right[rows.start + row]
            peaks[rows.start + row] = np.correlate(a, b, "full").max()
        lags = places - (left.shape[1] - 1)
        for row in np.flatnonzero((lags != 0) & ~is_open).tolist():
            a, b = left[rows.start + row], right[rows.start + row]
            peaks[rows.start + row] = _sum_at(a, b, int(lags[row]))
    return peaks


def spectra_of(vectors: np.ndarray) -> tuple[np.ndarray, int]:
    """Spectra in float64 with room for all lags, `(n, dim) -> (n, frequencies)`, and `dim`."""
    dim = vectors.shape[1]
    size = cv2.getOptimalDFTSize(2 * dim - 1)
    return np.fft.rfft(vectors.astype(np.float64), size, axis=1), dim


def peaks_of_all_pairs(left: tuple[np.ndarray, int], right: tuple[np.ndarray, int]) -> np.ndarray:
    """Peaks of each left with each right vector, from the spectra of both, `(n, m)`.

    Args:
        left: `spectra_of` the vectors.
        right: `spectra_of` the vectors in reverse order.
    """
    (spectra_l, dim), (spectra_r, _) = left, right
    lags = 2 * dim - 1
    size = cv2.getOptimalDFTSize(lags)
    product, values = np.empty_like(spectra_r), np.empty((len(spectra_r), size))
    peaks = np.empty((len(spectra_l), len(spectra_r)))
    for row, spectrum in enumerate(spectra_l):
        np.multiply(spectra_r, spectrum, out=product)
        np.fft.irfft(product, size, axis=1, out=values)
        values[:, :lags].max(axis=1, out=peaks[row])
    return peaks


def _places(values: np.ndarray, tolerance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the peaks lie, and whether rounding leaves that open; overwrites the values there."""
    rows, places = np.arange(len(values)), values.argmax(axis=1)
    least = values[rows, places] - tolerance
    values[rows, places] = -np.inf
    return places, values.max(axis=1) >= least


def _sum_at(a: np.ndarray, b: np.ndarray, lag: int) -> np.floating:
    """The correlation of two vectors `(dim,)` at a lag."""
    return np.dot(a[lag:], b[: len(b) - lag]) if lag >= 0 else np.dot(a[:lag], b[-lag:])


def _correlations(
    left: np.ndarray | Rows, right: np.ndarray | Rows
) -> Iterator[tuple[slice, np.ndarray]]:
    """Some rows and their full cross-correlations, float64 `(rows, 2 * dim - 1)`, in turn.

    The arrays are used again for the next rows: fresh ones cost more than the transforms.
    """
    dim = left.shape[1]
    a, b, spectrum_a, spectrum_b, values = _memory.arrays(dim)
    for first in range(0, len(left), ROWS):
        rows = slice(first, min(first + ROWS, len(left)))
        count = rows.stop - first
        a[:count, :dim], b[:count, :dim] = left[rows], right[rows][:, ::-1]
        cv2.dft(a, spectrum_a, cv2.DFT_ROWS)
        cv2.dft(b, spectrum_b, cv2.DFT_ROWS)
        cv2.mulSpectrums(spectrum_a, spectrum_b, cv2.DFT_ROWS, spectrum_a)
        cv2.dft(spectrum_a, values, INVERSE)
        yield rows, values[:count, : 2 * dim - 1]  # padding adds lags; they are no peak


class _Memory(threading.local):
    """Arrays to work in, each thread's own, kept while the vectors' length stays."""

    def __init__(self) -> None:
        self._dim, self._arrays = 0, np.empty(0)

    def arrays(self, dim: int) -> np.ndarray:
        """Two padded blocks, whose padding is zero, their spectra, and the correlations."""
        if self._dim != dim:
            size = cv2.getOptimalDFTSize(2 * dim - 1)
            self._dim, self._arrays = dim, np.zeros((5, ROWS, size))
        return self._arrays


_memory = _Memory()
