"""The shared check of `contract`, for every layer of ours."""

from functools import partial

import contract
import keras
import numpy as np
import pytest
from any_margin import any_margin

from framl_keras import (
    ArcMarginLayer,
    CosineSimilarity,
    CrossCorrelation,
    Difference,
    FeatureRepresentation,
    StructuralSimilarity,
    margins,
)
from framl_keras.layers import CountedDropout, RowSGD
from framl_keras.layers.global_depthwise import GlobalDepthwiseConv
from framl_keras.losses import as_given

RNG = np.random.default_rng(3)
VECTORS = [RNG.normal(size=(4, 6)).astype(np.float32) for _ in range(2)]
LABELLED = [VECTORS[0], np.array([0, 2, 1, 2], np.int32)]
MAP = [RNG.normal(size=(4, 3, 3, 2)).astype(np.float32)]

OF_THE_POLICY = ("dropout", "global depthwise")  # layers whose output has the policy's dtype
CASES = {
    "head": (partial(ArcMarginLayer, 3), LABELLED),
    "head without labels": (partial(ArcMarginLayer, 3), VECTORS[:1]),
    "head of one class": (partial(ArcMarginLayer, 1), [VECTORS[0], np.zeros(4, np.int32)]),
    "head, sub-centers and margin": (
        partial(ArcMarginLayer, 3, margin=margins.AdaFace(), sub_centers=2, interclass_filter=0.5),
        LABELLED,
    ),
    "head, regularized": (partial(ArcMarginLayer, 3, kernel_regularizer="l2"), LABELLED),
    "head, sampled": (
        partial(ArcMarginLayer, 5, sample_rate=0.99, row_optimizer=RowSGD(0.1)),
        LABELLED,
    ),
    "dropout": (partial(CountedDropout, 0.5, seed=3), MAP),
    "global depthwise": (GlobalDepthwiseConv, MAP),
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
    "representation, gem": (partial(FeatureRepresentation, 5, pooling="gem"), MAP),
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
IN_FLOAT32 = {name: case for name, case in CASES.items() if name not in OF_THE_POLICY}
cases = pytest.mark.parametrize(("make", "inputs"), CASES.values(), ids=CASES)


@cases
def test_config(make, inputs):
    contract.check_config(make)


@pytest.mark.parametrize(("make", "inputs"), IN_FLOAT32.values(), ids=IN_FLOAT32)
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


HEADS = {
    "plain": {},
    "sub-centers": {"sub_centers": 2},
    "a filter": {"interclass_filter": 0.5},
    "sampled": {"sample_rate": 0.8, "row_optimizer": RowSGD(0.1)},
    **{name: {"margin": any_margin(name, 5)} for name in margins.names()},
}


@pytest.mark.parametrize("policy", ["float32", "float64", "mixed_bfloat16"])
@pytest.mark.parametrize("rows", [4, 0])
@pytest.mark.parametrize("options", HEADS.values(), ids=HEADS)
def test_losses_have_their_spec_under_any_policy_and_for_no_rows(options, rows, policy):
    head = ArcMarginLayer(5, dtype=policy, **options)
    floats = "float64" if policy == "float64" else "float32"
    if floats == "float64" and keras.backend.backend() == "jax":
        pytest.skip("JAX has no float64 unless it is enabled")
    x, labels = np.ones((rows, 6), floats), np.arange(rows)
    symbolic = head(keras.Input((6,), dtype=floats), keras.Input(()), losses=True)
    for spec, found in zip(symbolic, head(x, labels, losses=True, training=True), strict=True):
        assert (spec.shape, tuple(found.shape)) == ((None,), (rows,))
        dtypes = [keras.backend.standardize_dtype(each.dtype) for each in (spec, found)]
        assert dtypes == [floats, floats]
        assert np.isfinite(keras.ops.convert_to_numpy(found)).all()
    assert keras.backend.standardize_dtype(head(x, labels).dtype) == floats
    assert tuple(head(x).shape) == (rows, 5)


@pytest.mark.parametrize("options", HEADS.values(), ids=HEADS)
def test_losses_train_under_float64(options):
    floats = "float32" if keras.backend.backend() == "jax" else "float64"
    x, label = keras.Input((6,), dtype=floats), keras.Input((), dtype="int32")
    embedding = keras.layers.Dense(6, dtype=floats)(x)
    losses, _ = ArcMarginLayer(5, dtype=floats, **options)(embedding, label, losses=True)
    model = keras.Model([x, label], losses)
    model.compile("sgd", as_given, jit_compile=False)
    data = [RNG.normal(size=(4, 6)).astype(floats), np.arange(4)]
    assert np.isfinite([float(model.train_on_batch(data, data[1])) for _ in range(2)]).all()
