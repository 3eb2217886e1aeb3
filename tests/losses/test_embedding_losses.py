"""Losses on embeddings, against loops over the papers' definitions in float64."""

import keras
import numpy as np
import pytest
from keras import ops
from on_backend import finite_differences, gradients, values

from framl_keras.losses import SupervisedContrastive, Triplet

LABELS = np.array([0, 1, 0, 2, 1, 0, -1, 3])


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def partners(labels, anchor):
    rows = [i for i in range(len(labels)) if i != anchor and labels[i] >= 0]
    return (
        [i for i in rows if labels[i] == labels[anchor]],
        [i for i in rows if labels[i] != labels[anchor]],
    )


def triplets(x, labels, semi_hard):
    """Every mined triplet's positive and negative squared distance."""
    z = unit(x)
    for a in np.flatnonzero(labels >= 0):
        near, far = partners(labels, a)
        to = {i: ((z[a] - z[i]) ** 2).sum() for i in near + far}
        if not near or not far:
            continue
        if not semi_hard:
            yield max(to[p] for p in near), min(to[n] for n in far)
            continue
        for p in near:
            farther = [to[n] for n in far if to[n] > to[p]]
            yield to[p], min(farther) if farther else max(to[n] for n in far)


def triplet(x, labels, margin, semi_hard):
    return np.mean([max(0, p - n + margin) for p, n in triplets(x, labels, semi_hard)])


def contrastive(x, labels, temperature):
    z, losses = unit(x), []
    for i in np.flatnonzero(labels >= 0):
        near, far = partners(labels, i)
        if not near:
            continue
        total = sum(np.exp(z[i] @ z[a] / temperature) for a in near + far)
        losses.append(-np.mean([np.log(np.exp(z[i] @ z[p] / temperature) / total) for p in near]))
    return np.mean(losses)


CASES = {
    "semi-hard": (Triplet(0.4), lambda x, y: triplet(x, y, 0.4, True)),
    "hard": (Triplet(0.3, "hard"), lambda x, y: triplet(x, y, 0.3, False)),
    "contrastive": (SupervisedContrastive(0.2), lambda x, y: contrastive(x, y, 0.2)),
}
cases = pytest.mark.parametrize(("loss", "paper"), CASES.values(), ids=CASES)


@cases
def test_values_and_gradients_are_the_paper_s(loss, paper, rng):
    x = rng.normal(size=(len(LABELS), 4)).astype(np.float32)

    def function(x):
        return loss(ops.convert_to_tensor(LABELS), x)

    assert values(function, x) == pytest.approx(paper(np.float64(x), LABELS), rel=1e-4)
    (expected,) = finite_differences(lambda x: paper(x, LABELS), x)
    np.testing.assert_allclose(gradients(function, x)[0], expected, rtol=5e-3, atol=1e-4)


@cases
@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 1, 2], [-1, -1, -1], [0, 0, 1]])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_finite_without_partners_and_for_zeros_and_duplicates(loss, paper, labels, dtype):
    x = np.array([[0.0, 0.0], [1.0, 2.0], [1.0, 2.0]])

    def function(x):
        return loss(ops.convert_to_tensor(np.array(labels)), x)

    assert np.isfinite(values(function, x, dtype=dtype))
    assert np.isfinite(gradients(function, x, dtype=dtype)[0]).all()


@cases
def test_it_trains_an_embedder(loss, paper, rng):
    labels = np.arange(24) % 3
    x = rng.normal(size=(3, 5))[labels] + 0.3 * rng.normal(size=(24, 5))
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(4)])
    model.compile(keras.optimizers.Adam(0.02), loss)

    losses = model.fit(x, labels, batch_size=24, epochs=10, verbose=0).history["loss"]

    assert losses[-1] < losses[0]
    assert type(loss).from_config(loss.get_config()).get_config() == loss.get_config()


@pytest.mark.parametrize(
    "make",
    [lambda: Triplet(-1.0), lambda: Triplet(mining="easy"), lambda: SupervisedContrastive(0.0)],
)
def test_arguments_out_of_range(make):
    with pytest.raises(ValueError, match="Received"):
        make()
