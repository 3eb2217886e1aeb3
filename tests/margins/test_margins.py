"""Every margin in its head, against the papers' formulas: values, gradients, ugly points."""

import math
from functools import partial

import numpy as np
import on_backend
import papers
import pytest
from keras import ops
from on_backend import finite_differences

from framl_keras import ArcMarginLayer, margins

values = partial(on_backend.values, jit=False)
gradients = partial(on_backend.gradients, jit=False)

SCALE = 8.0
STATE = {"norm_mean": 2.0, "norm_deviation": 0.7, "progress": 0.3, "draws": 0}
CASES = {
    "a number": (0.5, papers.arc_face),
    "arcface, continuous": (margins.ArcFace(past_pi="continuous"), papers.arc_face_continuous),
    "arcface, easy": (margins.ArcFace(easy_margin=True), papers.arc_face_easy),
    "cosface": (margins.CosFace(), papers.cos_face),
    "sphereface": (margins.SphereFace(4.0), papers.sphere_face),
    "combined": (margins.Combined(1.1, 0.3, 0.2), papers.combined),
    "adaface": (margins.AdaFace(), papers.ada_face),
    "magface": (margins.MagFace(shortest=1.0, longest=5.0), papers.mag_face),
    "magface, everywhere": (
        margins.MagFace(shortest=1.0, longest=5.0, easy_margin=False),
        papers.mag_face_everywhere,
    ),
    "curricularface": (margins.CurricularFace(), papers.arc_face),
    "elasticface_arc": (margins.ElasticFaceArc(), lambda angle, _: math.cos(angle + 0.5)),
    "elasticface_cos": (margins.ElasticFaceCos(), papers.cos_face),
}
all_margins = pytest.mark.parametrize(("margin", "paper"), CASES.values(), ids=CASES)


class Head:
    """A head as a pure function of embeddings and centers."""

    def __init__(self, margin, num_classes, dim, **options):
        config = margin if isinstance(margin, float) else margins.get(margin).get_config()
        fresh = margin if isinstance(margin, float) else type(margin).from_config(config)
        self.layer = ArcMarginLayer(num_classes, margin=fresh, scale=SCALE, **options)
        self.layer.build((None, dim))
        for weight in self.layer.non_trainable_variables:
            weight.assign(STATE[weight.name])
        self.state = [np.asarray(STATE[w.name]) for w in self.layer.non_trainable_variables]

    def __call__(self, x, kernel, labels):
        state = [
            ops.convert_to_tensor(value, dtype=variable.dtype)
            for value, variable in zip(self.state, self.layer.non_trainable_variables, strict=True)
        ]
        return self.layer.stateless_call([kernel], state, x, ops.convert_to_tensor(labels))[0]


def paper_logits(margin, paper, x, kernel, labels, norms=None):
    """All logits as loops in float64; `norms` fixes the lengths that margins see."""
    norms = np.linalg.norm(x, axis=-1) if norms is None else norms
    logits = np.zeros((len(x), len(kernel)))
    for row, (v, label) in enumerate(zip(x, labels, strict=True)):
        cosines = [v @ w / (np.linalg.norm(v) * np.linalg.norm(w)) for w in kernel]
        angle = math.acos(max(-1.0, min(1.0, cosines[label])))
        if isinstance(margin, margins.CurricularFace):
            cosines = [papers.curricular_negative(cosine, angle) for cosine in cosines]
        cosines[label] = paper(angle, norms[row])
        logits[row] = cosines
    return SCALE * logits


def batch(rng, dim=6, classes=5):
    """Embeddings of several lengths at small, middle, large and nearly opposite angles."""
    kernel = rng.normal(size=(classes, dim))
    labels = np.array([0, 1, 2, 3, 4])
    x = kernel * np.array([1.0, 0.4, -0.1, 0.7, -1.0])[:, None]
    x = x + rng.normal(size=x.shape) * np.array([0.2, 0.5, 0.7, 1.3, 0.1])[:, None]
    return x.astype(np.float32), kernel.astype(np.float32), labels


@all_margins
def test_values_and_gradients_are_the_paper_s(margin, paper, rng):
    x, kernel, labels = batch(rng)
    head = Head(margin, *kernel.shape)

    def squares(x, kernel):
        return head(x, kernel, labels) ** 2

    np.testing.assert_allclose(
        values(lambda x, kernel: head(x, kernel, labels), x, kernel),
        paper_logits(margin, paper, x, kernel, labels),
        atol=1e-4,
    )
    # AdaFace takes the length as a measurement: no gradient flows through it.
    is_measured = isinstance(margin, margins.AdaFace)
    norms = np.linalg.norm(np.float64(x), axis=-1) if is_measured else None
    expected = finite_differences(
        lambda x, kernel: paper_logits(margin, paper, x, kernel, labels, norms) ** 2, x, kernel
    )
    for a, b in zip(gradients(squares, x, kernel), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=5e-3, atol=1e-2)


@all_margins
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_finite_at_ugly_points(margin, paper, dtype):
    kernel = np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0], [-1.0, 0.5, 0.0]], np.float32)
    x = np.array([[1, 2, 3], [-1, -2, -3], [0, 0, 0], [1, 2, 3], [100, 200, 300], [1, 2, 3]])
    head = Head(margin, *kernel.shape)

    def logits(x, kernel):
        return head(x, kernel, np.array([0, 0, 0, 1, 0, -1]))

    found = values(logits, x, kernel, dtype=dtype)

    assert np.isfinite(found).all()
    assert found.dtype == np.float32
    for grad in gradients(logits, x, kernel, dtype=dtype):
        assert np.isfinite(grad).all()


@all_margins
def test_rows_without_a_label_are_plain(margin, paper, rng):
    x, kernel, _ = batch(rng)
    head = Head(margin, *kernel.shape)
    head.layer.set_weights([kernel, *head.state])

    found = ops.convert_to_numpy(head.layer(x, np.array([-1, 1, -1, 3, -1])))

    plain = ops.convert_to_numpy(head.layer(x))
    np.testing.assert_array_equal(found[[0, 2, 4]], plain[[0, 2, 4]])
    assert (np.abs(found - plain)[[1, 3]].max(-1) > 1e-3).all()


@all_margins
def test_one_class(margin, paper):
    head = Head(margin, 1, 3)
    x = np.array([[1.0, 2.0, 2.0], [0.0, 0.0, 0.0]])

    found = values(lambda x, kernel: head(x, kernel, np.array([0, 0])), x, np.ones((1, 3)))

    assert found.shape == (2, 1)
    assert np.isfinite(found).all()


@all_margins
def test_straight_through_gradient_in_the_cosine_is_the_scale(margin, paper):
    """On unit vectors at right angles d cos / d w is the embedding itself."""
    head = Head(margin, 2, 3, backward="straight_through")
    x, kernel = np.array([[2.0, 0.0, 0.0]]), np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])

    def true_logit(kernel):
        tensor = ops.convert_to_tensor(np.float32(x))
        return head(tensor, kernel, np.array([1]))[:, 1]

    (grad,) = gradients(true_logit, kernel)

    np.testing.assert_array_equal(grad, [[0.0, 0.0, 0.0], [SCALE, 0.0, 0.0]])


@all_margins
def test_straight_through_has_the_same_values(margin, paper, rng):
    x, kernel, labels = batch(rng)
    exact = Head(margin, *kernel.shape)
    straight = Head(margin, *kernel.shape, backward="straight_through")

    np.testing.assert_allclose(
        values(lambda x, k: straight(x, k, labels), x, kernel),
        values(lambda x, k: exact(x, k, labels), x, kernel),
        atol=1e-5,
    )
