"""From which dimension on is the Fourier way quicker, and is either quicker than SciPy?

    KERAS_BACKEND=jax python benchmarks/similarity_layers.py

Milliseconds for the peak of the cross-correlation of a batch of pairs, compiled where the
backend compiles; SciPy's `correlate(method="auto")` goes pair by pair.
"""

import argparse
import os
import time
from functools import partial

DIMS = (8, 16, 32, 64, 128, 256, 512)


def main() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=256)
    options = parser.parse_args()
    import keras
    import numpy as np
    from scipy.signal import correlate

    from framl_keras.ops.correlation import FOURIER_FROM, correlation_peak

    print(f"{keras.backend.backend()}, {options.pairs} pairs; auto turns to fft at {FOURIER_FROM}")
    print(f"{'dim':>4} {'direct':>8} {'fft':>8} {'SciPy':>8}  ms; direct/fft, SciPy/best")
    rng = np.random.default_rng(0)
    for dim in DIMS:
        a, b = rng.normal(size=(2, options.pairs, dim)).astype(np.float32)
        direct, fft = (
            best_of(compiled(partial(correlation_peak, method=method), a, b))
            for method in ("direct", "fft")
        )
        scipy = best_of(lambda a=a, b=b: [correlate(x, y).max() for x, y in zip(a, b, strict=True)])
        print(
            f"{dim:>4} {direct:>8.3f} {fft:>8.3f} {scipy:>8.3f}  "
            f"{direct / fft:10.2f} {scipy / min(direct, fft):11.1f}"
        )


def compiled(function, a, b):
    """The function of fixed inputs, compiled by the backend, that waits for its result."""
    import keras
    from keras import ops

    a, b = ops.convert_to_tensor(a), ops.convert_to_tensor(b)
    if keras.backend.backend() == "jax":
        import jax

        function = jax.jit(function)
    elif keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        function = tf.function(function)
    return lambda: ops.convert_to_numpy(function(a, b))


def best_of(function, repeats: int = 7) -> float:
    """The shortest of several runs in milliseconds, after one to warm up."""
    function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


if __name__ == "__main__":
    main()
