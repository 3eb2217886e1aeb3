"""The shared check of `contract`, for every layer of ours."""

from functools import partial

import contract
import numpy as np
import pytest

from framl_keras import (
    ArcMarginLayer,
    CosineSimilarity,
    CrossCorrelation,
    Difference,
    FeatureRepresentation,
    StructuralSimilarity,
    margins,
)

RNG = np.random.default_rng(3)
VECTORS = [RNG.normal(size=(4, 6)).astype(np.float32) for _ in range(2)]
LABELLED = [VECTORS[0], np.array([0, 2, 1, 2], np.int32)]
MAP = [RNG.normal(size=(4, 3, 3, 2)).astype(np.float32)]

CASES = {
    "head": (partial(ArcMarginLayer, 3), LABELLED),
    "head without labels": (partial(ArcMarginLayer, 3), VECTORS[:1]),
    "head of one class": (partial(ArcMarginLayer, 1), [VECTORS[0], np.zeros(4, np.int32)]),
    "head, sub-centers and margin": (
        partial(ArcMarginLayer, 3, margin=margins.AdaFace(), sub_centers=2, interclass_filter=0.5),
        LABELLED,
    ),
    "head, regularized": (partial(ArcMarginLayer, 3, kernel_regularizer="l2"), LABELLED),
    "representation": (partial(FeatureRepresentation, 5, kernel_regularizer="l2"), MAP),
    "representation, gdc": (
        partial(
            FeatureRepresentation,
            5,
            pooling="gdc",
            final_scale=False,
            input_batch_norm=False,
            use_bias=False,
            seed=3,
        ),
        MAP,
    ),
    "representation, average": (
        partial(FeatureRepresentation, 5, pooling="average", normalize=True),
        MAP,
    ),
    "cosine": (CosineSimilarity, VECTORS),
    "difference": (Difference, VECTORS),
    "correlation, fft": (partial(CrossCorrelation, "fft"), VECTORS),
    "correlation, direct": (partial(CrossCorrelation, "direct"), VECTORS),
    "correlation, matmul": (partial(CrossCorrelation, "fft", transform="matmul"), VECTORS),
    "ssim": (StructuralSimilarity, VECTORS),
}
cases = pytest.mark.parametrize(("make", "inputs"), CASES.values(), ids=CASES)


@cases
def test_config(make, inputs):
    contract.check_config(make)


@cases
@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "bfloat16"])
def test_symbolic_spec(make, inputs, policy):
    contract.check_symbolic_spec(make, inputs, policy)


@cases
def test_empty_batch(make, inputs):
    contract.check_empty_batch(make, inputs)


@cases
def test_saving(make, inputs, tmp_path):
    contract.check_saving(make, inputs, tmp_path)


@cases
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_compiled_training(make, inputs, policy, monkeypatch):
    contract.check_compiled_training(make, inputs, policy, monkeypatch)
