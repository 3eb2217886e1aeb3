"""`ArcMarginLayer(...)(embeddings, labels, losses=True)`: cross-entropies without logits."""

import keras
import numpy as np
import pytest
from keras import ops
from on_backend import gradients

from framl_keras import ArcMarginLayer, margins

LABELS = np.array([2, 0, -1, 4, 4], np.int32)
HEADS = {
    "number": {"margin": 0.5},
    "CosFace": {"margin": margins.CosFace()},
    "SphereFace": {"margin": margins.SphereFace()},
    "AdaFace": {"margin": margins.AdaFace()},
    "MagFace": {"margin": margins.MagFace()},
    "ElasticFaceArc": {"margin": margins.ElasticFaceArc()},
    "CurricularFace": {"margin": margins.CurricularFace()},
    "straight_through": {"backward": "straight_through"},
    "sub_centers": {"sub_centers": 3},
    "interclass_filter": {"interclass_filter": 0.1},
}
HEADS |= {f"{name}, in blocks": {**HEADS[name], "class_blocks": 4} for name in HEADS}


def built(rng, classes=6, **options):
    head = ArcMarginLayer(classes, scale=16.0, **options)
    head.build((None, 8))
    head.kernel.assign(rng.normal(size=head.kernel.shape))
    return head


def log_softmax(logits):
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


@pytest.mark.parametrize("name", HEADS)
def test_they_are_those_of_the_logits(name, rng):
    head, x = built(rng, **HEADS[name]), rng.normal(size=(5, 8)).astype(np.float32)
    found, is_right = (ops.convert_to_numpy(some) for some in head(x, LABELS, losses=True))
    logits = ops.convert_to_numpy(head(x, LABELS)).astype(np.float64)
    counts = LABELS >= 0
    expected = -log_softmax(logits)[np.arange(5), LABELS] * counts / counts.mean()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    nearest = ops.convert_to_numpy(head(x)).argmax(axis=1)
    np.testing.assert_array_equal(is_right, (nearest == LABELS) & counts)


@pytest.mark.parametrize("name", HEADS)
def test_so_are_their_gradients(name, rng):
    head, x = built(rng, **HEADS[name]), rng.normal(size=(5, 8)).astype(np.float32)
    state = [variable.value for variable in head.non_trainable_variables]

    def loss(x, kernel, losses):
        labels = ops.convert_to_tensor(LABELS)
        out, _ = head.stateless_call([kernel], state, x, labels, training=True, losses=losses)
        if losses:
            return out[0]
        own = ops.take_along_axis(out, ops.maximum(labels, 0)[:, None], axis=1)[:, 0]
        counts = ops.cast(labels >= 0, out.dtype)
        return (ops.logsumexp(out, axis=1) - own) * counts / ops.mean(counts)

    kernel = ops.convert_to_numpy(head.kernel)
    found = gradients(lambda x, kernel: loss(x, kernel, True), x, kernel)
    expected = gradients(lambda x, kernel: loss(x, kernel, False), x, kernel)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=2e-5)


def test_a_single_class_has_no_loss_and_no_gradient(rng):
    head, x = built(rng, classes=1), rng.normal(size=(2, 8)).astype(np.float32)
    labels = ops.convert_to_tensor(np.zeros(2, np.int32))
    found = gradients(lambda x: head(x, labels, losses=True)[0], x)
    assert np.array_equal(ops.convert_to_numpy(head(x, labels, losses=True)[0]), np.zeros(2))
    assert np.array_equal(found[0], np.zeros((2, 8)))


def test_the_length_of_a_center_only_divides_its_gradient(rng):
    head, x = built(rng), rng.normal(size=(5, 8)).astype(np.float32)
    kernel = ops.convert_to_numpy(head.kernel)
    lengths = np.array([[1e-3], [1.0], [0.0], [1e3], [7.0], [0.1]], np.float32)
    state = [variable.value for variable in head.non_trainable_variables]

    def losses(x, kernel):
        return head.stateless_call([kernel], state, x, LABELS, losses=True)[0][0]

    ordinary = kernel * (lengths > 0)
    expected = gradients(losses, x, ordinary)
    found = gradients(losses, x, kernel * lengths)

    np.testing.assert_allclose(found[0], expected[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found[1] * lengths, expected[1], rtol=1e-4, atol=1e-5)
    assert not found[1][2].any()
    along = (found[1] * kernel).sum(axis=1) / np.linalg.norm(found[1], axis=1).clip(1e-9)
    np.testing.assert_allclose(along, 0.0, atol=1e-4)


@pytest.mark.parametrize("scale", [64.0, 1e4])
def test_finite_where_the_cosine_is_one_minus_one_or_none(scale):
    head = ArcMarginLayer(3, scale=scale)
    head.build((None, 4))
    head.kernel.assign(np.eye(3, 4))
    x = np.array([[1, 0, 0, 0], [-1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]], np.float32)
    labels = ops.convert_to_tensor(np.zeros(4, np.int32))
    losses, is_right = head(x, labels, losses=True)
    assert np.isfinite(ops.convert_to_numpy(losses)).all()
    assert ops.convert_to_numpy(is_right)[:2].tolist() == [1, 0]
    (found,) = gradients(lambda x: head(x, labels, losses=True)[0], x)
    assert np.isfinite(found).all()


def test_a_saved_model_gives_them_still(rng, tmp_path):
    x, label = keras.Input((8,)), keras.Input((), dtype="int32")
    model = keras.Model([x, label], ArcMarginLayer(6)(x, label, losses=True))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    batch = [rng.normal(size=(5, 8)).astype(np.float32), LABELS]
    for a, b in zip(model.predict_on_batch(batch), loaded.predict_on_batch(batch), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
