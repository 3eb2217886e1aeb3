"""Sub-centers and inter-class filtering."""

import numpy as np
import pytest
from keras import ops

from framl_keras import ArcMarginLayer
from framl_keras.evaluation.dominant_centers import dominant_centers


def head_with(kernel, num_classes, **options):
    layer = ArcMarginLayer(num_classes, **options)
    layer.build((None, kernel.shape[1]))
    layer.set_weights([kernel])
    return layer


def test_the_nearest_sub_center_counts(rng):
    kernel, x = np.float32(rng.normal(size=(3, 4, 6))), np.float32(rng.normal(size=(5, 6)))
    head = head_with(kernel.reshape(12, 6), 4, sub_centers=3, scale=1.0)

    found = ops.convert_to_numpy(head(x))

    units = kernel / np.linalg.norm(kernel, axis=-1, keepdims=True)
    cosines = np.einsum("bd,kcd->kbc", x / np.linalg.norm(x, axis=-1, keepdims=True), units)
    np.testing.assert_allclose(found, cosines.max(0), atol=1e-5)


def test_negatives_above_the_filter_get_the_logit_zero(rng):
    kernel, x = np.float32(rng.normal(size=(6, 3))), np.float32(rng.normal(size=(8, 3)))
    labels = np.array([0, 1, 2, 3, 4, 5, -1, 0])
    plain = ops.convert_to_numpy(head_with(kernel, 6)(x, labels))
    cosines = ops.convert_to_numpy(head_with(kernel, 6, scale=1.0)(x))

    found = ops.convert_to_numpy(head_with(kernel, 6, interclass_filter=0.4)(x, labels))

    is_label = np.arange(6) == labels[:, None]
    expected = np.where((cosines > 0.4) & ~is_label, 0.0, plain)
    np.testing.assert_array_equal(found, expected)
    assert (found != plain).any()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"sub_centers": 0}, "`sub_centers` must be a positive integer"),
        ({"backward": "none"}, "`backward` must be one of"),
        ({"interclass_filter": 2.0}, "`interclass_filter` must be a cosine"),
    ],
)
def test_options_out_of_range(options, complaint):
    with pytest.raises(ValueError, match=complaint):
        ArcMarginLayer(3, **options)


def test_samples_far_from_their_dominant_center_are_noise(rng):
    centers = np.zeros((2, 3, 4), np.float32)
    centers[0, :, :3], centers[1, :, 3] = np.eye(3), 1.0  # the second sub-center: noise
    head = head_with(centers.reshape(6, 4), 3, sub_centers=2)
    clean, noise = np.repeat(centers[0], 5, axis=0), np.float32([[0, 0, 0, 2], [0, 0, 0, 3]])
    embeddings = np.concatenate([clean + 0.1 * rng.normal(size=clean.shape), noise])
    labels = np.concatenate([np.repeat(np.arange(3), 5), [0, 2]])

    found = dominant_centers(head.centers(), embeddings, labels)

    np.testing.assert_array_equal(found.dominant, [0, 0, 0])
    np.testing.assert_allclose(found.angles[-2:], 90.0)
    assert found.angles[:-2].max() < 45
