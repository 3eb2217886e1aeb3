"""The layers and the evaluation measure the same, on the backend of this session."""

import numpy as np
import pytest
from faces import pairs_of_faces

from framl_keras.evaluation import distances
from framl_keras.layers import (
    CosineSimilarity,
    CrossCorrelation,
    Difference,
    StructuralSimilarity,
)

LAYERS = {
    "diff": Difference,
    "cos": CosineSimilarity,
    "corr": CrossCorrelation,
    "fft_corr": lambda: CrossCorrelation(method="fft"),
    "direct_corr": lambda: CrossCorrelation(method="direct"),
    "ssim": StructuralSimilarity,
}


@pytest.mark.parametrize("dim", [7, 512])
@pytest.mark.parametrize("similarity", LAYERS)
def test_distances_are_the_layers(similarity, dim):
    keras = pytest.importorskip("keras")
    embeddings = pairs_of_faces(64, dim)[0].astype(np.float32)
    expected = distances(embeddings, np.arange(128).reshape(-1, 2), similarity)
    found = LAYERS[similarity]().distance(embeddings[0::2], embeddings[1::2])
    np.testing.assert_allclose(keras.ops.convert_to_numpy(found), expected, atol=1e-5)
