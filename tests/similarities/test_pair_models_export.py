"""Two batches of vectors to their similarity, as a file for other runtimes."""

import keras
import numpy as np
import pytest

from framl_keras import CrossCorrelation
from framl_keras.similarities import get, names

onnxruntime = pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.skipif(
    keras.backend.backend() == "jax", reason="Keras exports ONNX from TensorFlow and Torch"
)

LAYERS = {name: get(name).layer for name in names()}
LAYERS["matmul"] = lambda: CrossCorrelation(method="fft", transform="matmul")
CASES = [(name, dim) for name in LAYERS for dim in ((16, 64) if name == "corr" else (33,))]


@pytest.mark.parametrize(("name", "dim"), CASES)
def test_onnx_gives_the_layer_s_values(name, dim, tmp_path, rng):
    a, b = keras.Input((dim,), name="a"), keras.Input((dim,), name="b")
    model = keras.Model([a, b], LAYERS[name]()(a, b))
    model.predict(list(np.zeros((2, 1, dim))), verbose=0)  # Keras exports what has been called
    path = str(tmp_path / "pair.onnx")

    model.export(path, format="onnx", verbose=False)

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    inputs = [given.name for given in session.get_inputs()]
    for count in (1, 3, 32):
        pair = np.float32(rng.normal(0.01, dim**-0.5, size=(2, count, dim)))
        (found,) = session.run(None, dict(zip(inputs, pair, strict=True)))
        np.testing.assert_allclose(found, model.predict(list(pair), verbose=0), atol=1e-5)
