import math

import keras
import numpy as np
import pytest
from keras import ops
from on_backend import finite_differences, gradients, values

from framl_keras import ArcMarginLayer


def head_with(kernel, **options):
    """A head with given centers `(num_classes, dim)`."""
    layer = ArcMarginLayer(len(kernel), **options)
    layer.build((None, kernel.shape[1]))
    layer.set_weights([kernel])
    return layer


def framl_logits(embeddings, kernel, labels=None, margin=0.5, scale=64.0):
    """FRAML's formulas as a loop in float64."""
    logits = np.zeros((len(embeddings), len(kernel)))
    for row, x in enumerate(embeddings):
        for column, w in enumerate(kernel):
            cosine = x @ w / (np.linalg.norm(x) * np.linalg.norm(w))
            if labels is not None and column == labels[row]:
                sine = math.sqrt(max(0.0, 1.0 - cosine**2))
                with_margin = cosine * math.cos(margin) - sine * math.sin(margin)
                past = cosine <= math.cos(math.pi - margin)
                cosine = cosine - margin * math.sin(margin) if past else with_margin
            logits[row, column] = scale * cosine
    return logits


def opposed(rng, classes=5, dim=8):
    """Embeddings and centers; the first embedding lies almost opposite to its center."""
    x, kernel = rng.normal(size=(4, dim)), rng.normal(size=(classes, dim))
    labels = np.array([2, 0, 4, 4])
    x[0] = -kernel[2] + 0.1 * rng.normal(size=dim)
    return x.astype(np.float32), kernel.astype(np.float32), labels


@pytest.mark.parametrize(("margin", "scale"), [(0.5, 64.0), (0.0, 1.0), (1.2, 30.0)])
def test_values_are_framl_s(rng, margin, scale):
    x, kernel, labels = opposed(rng)
    head = head_with(kernel, margin=margin, scale=scale)

    with_margin, plain = head(x, labels), head(x)

    np.testing.assert_allclose(
        ops.convert_to_numpy(with_margin),
        framl_logits(x, kernel, labels, margin, scale),
        atol=scale * 2e-6,
    )
    np.testing.assert_allclose(
        ops.convert_to_numpy(plain), framl_logits(x, kernel, scale=scale), atol=scale * 2e-6
    )


def test_gradients_equal_finite_differences(rng):
    x, kernel, labels = opposed(rng)
    head = head_with(kernel, scale=4.0)

    def squared_logits(x, kernel):
        return head.stateless_call([kernel], [], x, ops.convert_to_tensor(labels))[0] ** 2

    found = gradients(squared_logits, x, kernel)
    expected = finite_differences(
        lambda x, kernel: framl_logits(x, kernel, labels, scale=4.0) ** 2, x, kernel
    )

    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_finite_at_ugly_points(dtype):
    kernel = np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0], [-1.0, 0.5, 0.0]], np.float32)
    x = np.array([[1, 2, 3], [-1, -2, -3], [0, 0, 0], [1, 2, 3], [100, 200, 300]], np.float32)
    labels = ops.convert_to_tensor(np.array([0, 0, 0, 1, 0]))
    head = head_with(kernel, dtype="mixed_float16" if dtype == "float16" else None)

    def logits(x, kernel):
        return head.stateless_call([kernel], [], x, labels)[0]

    found = values(lambda x: head(x, labels), x, dtype=dtype)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert found[0, 0] == pytest.approx(64 * math.cos(0.5), abs=0.05)
    for grad in gradients(logits, x, kernel, dtype=dtype):
        assert np.isfinite(grad).all()


def test_float32_embeddings_are_not_rounded_by_a_half_precision_policy(rng):
    x, kernel, labels = opposed(rng)

    half = head_with(kernel, dtype="mixed_float16")(x, labels)
    full = head_with(kernel)(x, labels)

    np.testing.assert_array_equal(ops.convert_to_numpy(half), ops.convert_to_numpy(full))


def test_label_minus_one_has_no_margin(rng):
    x, kernel, _ = opposed(rng)
    head = head_with(kernel)

    logits = ops.convert_to_numpy(head(x, np.array([-1, 0, -1, -1])))
    plain = ops.convert_to_numpy(head(x))

    np.testing.assert_array_equal(logits[[0, 2, 3]], plain[[0, 2, 3]])
    assert logits[1, 0] < plain[1, 0] - 1


def test_labels_may_be_a_column(rng):
    x, kernel, labels = opposed(rng)
    head = head_with(kernel)

    np.testing.assert_array_equal(
        ops.convert_to_numpy(head(x, labels[:, None])), ops.convert_to_numpy(head(x, labels))
    )


def test_trains_with_plain_cross_entropy_to_separate_classes(rng):
    centers = 3 * rng.normal(size=(4, 6))
    labels = np.arange(80) % 4
    x = (centers[labels] + 0.3 * rng.normal(size=(80, 6))).astype(np.float32)
    inputs, label = keras.Input((6,)), keras.Input((), dtype="int32")
    head = ArcMarginLayer(4, scale=16.0)
    embedding = keras.layers.Dense(8)(inputs)
    model = keras.Model([inputs, label], head(embedding, label))
    model.compile(
        keras.optimizers.Adam(0.02), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )

    model.fit([x, labels], labels, epochs=12, batch_size=20, verbose=0)

    plain = ops.convert_to_numpy(keras.Model(inputs, head(embedding))(x))
    assert (plain.argmax(-1) == labels).mean() > 0.95


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"num_classes": 0}, "`num_classes` must be a positive integer. Received: num_classes=0"),
        ({"margin": 3.2}, "`margin` must be an angle in radians"),
        ({"margin": float("nan")}, "`margin` must be an angle in radians"),
        ({"scale": 0.0}, "`scale` must be positive and finite. Received: scale=0.0"),
    ],
)
def test_arguments_out_of_range(arguments, complaint):
    with pytest.raises(ValueError) as error:
        ArcMarginLayer(**{"num_classes": 3, **arguments})

    assert complaint in str(error.value)


def test_a_feature_map_is_no_embedding():
    with pytest.raises(ValueError, match=r"must be of shape \(batch, dim\)"):
        ArcMarginLayer(3)(np.zeros((2, 7, 7, 8), np.float32))
